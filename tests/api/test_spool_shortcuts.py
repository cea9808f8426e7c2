"""What reading spools leaves out, or keeps from one question to the next, changes no answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runwell._api import Api
from runwell._api_spool import SpoolSource
from runwell._api_thinning import ends_of_rows
from runwell.core.fold import RunFold
from runwell.core.history import LaneRows, merge_history, merge_rows, select
from runwell.v1 import event_pb2
from tests.forwarder.spool_writer import HeldLock, SpoolWriter

WRITER = b"w" * 16

numbers = st.one_of(st.floats(), st.integers(-5, 5), st.booleans(), st.just('"text"'))


@st.composite
def row_events(draw: st.DrawFn) -> list[event_pb2.Event]:
    """One writer's rows, a batch each, mostly as a training loop logs them."""
    events, step, time = [], 0, 1000.0
    for _ in range(draw(st.integers(1, 4))):
        count = draw(st.integers(1, 6))
        moves = st.sampled_from([1, 1, 1, 2, 0, -1] if draw(st.booleans()) else [1, 3])
        event = event_pb2.Event(time=time)
        logged = event.metric_logged
        logged.rows = count
        for _ in range(count):
            step += draw(moves)
            time += draw(moves)
            logged.steps.append(step)
            logged.times.append(time)
        if draw(st.integers(0, 5)) == 0:
            logged.flags.extend(draw(st.integers(0, 1)) for _ in range(count))
        for key in draw(st.sets(st.sampled_from(["a", "b", "c\x1fd"]), min_size=1)):
            fill(logged.columns.add(key=key), draw(numbers), count)
        events.append(event)
    return events


def fill(column: event_pb2.Column, example: Any, count: int) -> None:
    match example:
        case bool():
            column.bools.values.extend([example, not example] * count)
        case int():
            column.i64.values.extend(range(example, example + 2 * count))
        case float():
            column.f64.values.extend([example, -1.5] * count)
        case _:
            column.json.values.extend([example, "null"] * count)
    kind = column.WhichOneof("values")
    assert kind is not None
    del getattr(column, kind).values[count:]


def folded(
    events: list[event_pb2.Event], thin: Callable[[event_pb2.Event], event_pb2.Event] = lambda event: event
) -> tuple[RunFold, list[tuple[int, event_pb2.Event]]]:
    """The fold of all rows, and each event with its batch's first record."""
    fold, first, placed = RunFold(("ada", "digits", "r")), 1, []
    for event in events:
        fold.apply(WRITER, first, event.metric_logged.rows, 0.0, [thin(event)])
        placed.append((first, event))
        first += event.metric_logged.rows
    return fold, placed


@settings(max_examples=150, deadline=None)
@given(row_events())
def test_a_view_of_thinned_rows_is_the_whole_view(events: list[event_pb2.Event]):
    """Whatever the rows are, a view without statistics needs no more of them than their ends."""
    whole, _ = folded(events)
    thin, _ = folded(events, ends_of_rows)
    assert str(thin.view()) == str(whole.view())


@settings(max_examples=150, deadline=None)
@given(row_events(), st.sampled_from([None, {"a"}, {"a", "c.d"}, {"_step"}, {"b", "_step"}]))
def test_rows_that_need_no_merging_are_those_that_merging_gives(events: list[event_pb2.Event], keys: set[str] | None):
    """The short way to a history and the long one end at the same rows, also with only the columns asked for."""
    fold, placed = folded(events)
    (head,) = fold.lane_heads()
    for selection in (select(keys), select(keys, min_step=3, masked=True)):
        merged = merge_rows([LaneRows.of_events(head, placed)], selection)
        lanes = [LaneRows.of_events(head, placed, selection.keys)]
        assert str(merge_history(lanes, selection)) == str([row.shown() for row in merged])


def test_what_changes_between_two_questions_is_seen(tmp_path: Path):
    """A run is read again when its spool has grown, and when its writer has died without a word."""
    spool = SpoolWriter(tmp_path, run_id="grows")
    spool.start()
    spool.rows_of(20)
    lock = HeldLock(spool.directory)
    api = Api(spool=tmp_path)
    run = api.run("grows")
    assert (run.state, run.last_step, len(run.history())) == ("running", 20, 20)
    spool.rows_of(1)
    assert (run.load().last_step, len(run.history())) == (21, 21)
    lock.release()
    assert run.load().state == "crashed"
    spool.finish()
    assert run.load().state == "finished"


def test_a_definition_after_the_rows_counts_for_them(tmp_path: Path):
    """The summary that a late definition asks for is that of all rows."""
    spool = SpoolWriter(tmp_path, run_id="late")
    spool.start()
    for step, loss in enumerate([3.0, 1.0, 2.0] * 10):
        spool.row(step, {"loss": loss})
    source = SpoolSource(tmp_path)
    assert [view["summary"]["loss"] for view in source.runs(None, None, None, (), 0, 10)[1]] == [2.0]
    spool.event(metric_defined={"name": "loss", "summary": ["min", "max"]})
    (view,) = source.runs(None, None, None, (), 0, 10)[1]
    assert view["summary"]["loss"] == {"min": 1.0, "max": 3.0}
