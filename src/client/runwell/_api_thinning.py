"""What a run's view needs of many rows."""

from operator import le, lt

from runwell.v1 import event_pb2

_NUMBERS = frozenset({"f64", "i64", "bools"})


def ends_of_rows(event: event_pb2.Event) -> event_pb2.Event:
    """The event with the first and the last of its rows, as long as these say all that a view without statistics shows.

    They do when steps and times ascend, no row is masked, and each value is a number, so that the last one is the last.
    """
    if not event.HasField("metric_logged"):
        return event
    logged = event.metric_logged
    kinds = [column.WhichOneof("values") for column in logged.columns]
    if logged.rows < 3 or not logged.steps or logged.flags or not _NUMBERS.issuperset(kinds):
        return event
    steps, times = logged.steps[:], logged.times[:]
    if not all(map(lt, steps, steps[1:])) or not all(map(le, times, times[1:])):
        return event
    indexes = logged.indexes or range(event.index, event.index + logged.rows)
    thin = event_pb2.Event(index=event.index, time=event.time)
    ends, rows = (0, -1), thin.metric_logged
    rows.rows = len(ends)
    rows.indexes.extend(indexes[end] for end in ends)
    rows.steps.extend(steps[end] for end in ends)
    rows.times.extend(times[end] for end in ends if times)
    for column, kind in zip(logged.columns, kinds, strict=True):
        values = getattr(column, kind).values
        getattr(rows.columns.add(key=column.key), kind).values.extend(values[end] for end in ends)
    return thin
