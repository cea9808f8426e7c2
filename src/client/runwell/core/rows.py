"""Reading a batch: the rows of a MetricLogged event, and the part of a batch that a fold has not had yet.

Events are the generated messages, known here only by their fields, since this package imports no protobuf.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress, pairwise
from math import isfinite
from typing import Any, NamedTuple

MASKED = 1
"""RowFlag.ROW_FLAG_MASKED."""

_DEFAULTS: dict[str, Any] = {"f64": 0.0, "i64": 0, "bools": False, "json": "null"}


class Column(NamedTuple):
    """One key's values; ``kind`` is "f64", "i64", "bools", "objects" (of any type) or "json", whose values are JSON texts."""

    key: str
    kind: str
    values: list[Any]

    def decoded(self) -> list[Any]:
        """The values themselves."""
        return [decode_json(text) for text in self.values] if self.kind == "json" else self.values


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one schema, column by column; records ascend."""

    records: Sequence[int]
    steps: list[int]
    times: list[float]
    masks: list[bool]
    """True for rows that are hidden; empty when none is."""
    columns: list[Column]
    unreadable: int
    """Columns of a type that this version does not know."""

    def unmasked(self) -> "Rows":
        """The rows that are not hidden."""
        return self.chosen([not masked for masked in self.masks]) if self.masks else self

    def within(self, step_min: float, step_stop: float) -> "Rows":
        """The rows with steps from ``step_min`` to below ``step_stop``."""
        if not self.steps or (min(self.steps) >= step_min and max(self.steps) < step_stop):
            return self
        return self.chosen([step_min <= step < step_stop for step in self.steps])

    def chosen(self, choice: list[bool]) -> "Rows":
        """The rows for which the choice is true."""

        def kept(values: Iterable[Any]) -> list[Any]:
            return list(compress(values, choice))

        columns = [Column(column.key, column.kind, kept(column.values)) for column in self.columns]
        return Rows(kept(self.records), kept(self.steps), kept(self.times), kept(self.masks), columns, self.unreadable)


def decode_json(text: str) -> Any:
    """The value of a JSON text; a text that cannot be read is kept as a string, so that nothing is lost."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def record_numbers(first: int, index: int, message: Any) -> Sequence[int]:
    """The record numbers of a MetricLogged's rows, ascending. Raises ValueError when they do not ascend."""
    if not message.indexes:
        return range(first + index, first + index + message.rows)
    records = [first + place for place in message.indexes]
    if len(records) != message.rows or any(later <= earlier for earlier, later in pairwise(records)):
        raise ValueError(f"the record numbers of {message.rows} rows do not ascend")
    return records


def read_rows(first: int, event: Any, keys: Container[str] | None = None) -> Rows:
    """The rows of a MetricLogged event in a batch that begins at record ``first``; raises ValueError for uneven columns.

    With ``keys`` only those of its columns.
    """
    message = event.metric_logged
    count = message.rows
    masks = [bool(flag & MASKED) for flag in message.flags]
    columns, unreadable = [], 0
    for column in message.columns:
        kind = column.WhichOneof("values")
        if kind is None:
            unreadable += 1
        elif keys is None or column.key in keys:
            values = _filled(getattr(column, kind).values, count, _DEFAULTS[kind], column.key)
            columns.append(Column(column.key, kind, values))
    return Rows(
        record_numbers(first, event.index, message),
        _filled(message.steps, count, 0, "steps"),
        _filled(message.times, count, event.time, "times"),
        _filled(masks, count, False, "flags") if any(masks) else [],
        columns,
        unreadable,
    )


def _filled(values: Sequence[Any], count: int, default: Any, name: str) -> list[Any]:
    """As many values as there are rows; none at all stands for defaults."""
    if not values:
        return [default] * count
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} values for {count} rows")
    # The slice of a message's field is a list, made in half the time that list() takes.
    filled: list[Any] = values[:]  # type: ignore[assignment]
    return filled


def fresh_events(events: Iterable[Any], skip: int) -> list[Any]:
    """The events without the batch's first ``skip`` records; an event that holds both kinds is cut in place."""
    if skip <= 0:
        return list(events)
    return [event for event in events if event.index >= skip or _cut(event, skip)]


def _cut(event: Any, skip: int) -> bool:
    """Takes the records before ``skip`` out of an event of several; False when nothing is left."""
    kind = event.WhichOneof("event")
    if kind == "records_lost":
        event.records_lost.count -= min(event.records_lost.count, skip - event.index)
        event.index = skip
        return bool(event.records_lost.count)
    if kind not in ("metric_logged", "system_metric_logged"):
        return False
    message = event.metric_logged if kind == "metric_logged" else event.system_metric_logged.metrics
    places = record_numbers(0, event.index, message)
    gone = bisect_left(places, skip)
    if gone == len(places):
        return False
    event.index = places[gone]
    columns = [getattr(column, kind).values for column in message.columns if (kind := column.WhichOneof("values"))]
    for values in (message.indexes, message.steps, message.times, message.flags, *columns):
        del values[:gone]
    message.rows -= gone
    return True


class RecordClock:
    """A lane's time at each record of a batch: the greatest one so far, so that a later record never has an earlier stamp.

    A wall clock that jumps back therefore never makes an older value the last one. Times that are not finite are passed
    over.
    """

    __slots__ = ("_records", "_times")

    def __init__(self, start: float, first: int, events: Sequence[Any]) -> None:
        moments = [_moments(first, event) for event in events]
        if len(moments) == 1:
            self._records, times = moments[0]
        else:
            pairs = sorted(chain.from_iterable(zip(*moment, strict=True) for moment in moments))
            self._records, times = [record for record, _ in pairs], [time for _, time in pairs]
        if not isfinite(sum(times)):
            times = [time if isfinite(time) else start for time in times]
        self._times = list(accumulate(times, max, initial=start))

    def at(self, record: int) -> float:
        """The time at a record, unix seconds."""
        return self._times[bisect_right(self._records, record)]

    @property
    def end(self) -> float:
        """The time at the last record."""
        return self._times[-1]


def _moments(first: int, event: Any) -> tuple[Sequence[int], list[float]]:
    """The record numbers of an event and their times."""
    if event.WhichOneof("event") != "metric_logged":
        return [first + event.index], [event.time]
    message = event.metric_logged
    times = _filled(message.times, message.rows, event.time, "times")
    return record_numbers(first, event.index, message), times
