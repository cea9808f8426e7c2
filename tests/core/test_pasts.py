"""What a fork or a rewind is told stands for all rows before it, in whatever order the events arrive."""

import json
from itertools import permutations
from typing import Any

from runwell.core.fold import RunFold
from runwell.core.lanes import LaneHead
from runwell.core.pasts import NEVER, Origin, inherited_heads
from runwell.v1 import event_pb2

RUN = ("lab", "digits", "back")


def told(*values: float, step: int) -> str:
    numbers = {
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "sum": sum(values),
        "nan": 0,
        "inf": 0,
        "-inf": 0,
    }
    row = {"_step": step, "_timestamp": 50.0, "_runtime": 5.0}
    return json.dumps({"statistics": {"loss": numbers | {"first": values[0], "last": values[-1]}}, "last_row": row})


def rows(index: int, start: int, *values: float) -> event_pb2.Event:
    column = event_pb2.Column(key="loss", f64=event_pb2.F64Values(values=values))
    steps = range(start, start + len(values))
    message = event_pb2.MetricLogged(
        rows=len(values), steps=steps, times=[100.0 + step for step in steps], columns=[column]
    )
    return event_pb2.Event(index=index, time=100.0, metric_logged=message)


def defined(index: int) -> event_pb2.Event:
    return event_pb2.Event(
        index=index, time=1.0, metric_defined=event_pb2.MetricDefined(name="loss", summary=["min", "last"])
    )


def resumed(attempt: int) -> event_pb2.Event:
    return event_pb2.Event(time=100.0 * attempt, run_resumed=event_pb2.RunResumed(attempt=attempt))


def rewound(index: int, step: int, past: str) -> event_pb2.Event:
    return event_pb2.Event(index=index, time=100.0, run_rewound=event_pb2.RunRewound(step=step, past_json=past))


STARTED = event_pb2.Event(time=1.0, run_started=event_pb2.RunStarted())
WRITERS: dict[bytes, tuple[int, list[event_pb2.Event]]] = {
    b"a" * 16: (6, [STARTED, defined(1), rows(2, 0, 9.0, 1.0, 8.0, 7.0)]),
    b"b" * 16: (4, [resumed(2), rewound(1, 0, told(9.0, step=0)), rows(2, 1, 5.0, 6.0)]),
    b"c" * 16: (3, [resumed(3), rewound(1, 1, told(9.0, 5.0, step=1)), rows(2, 2, 4.0)]),
}


def view(order: tuple[bytes, ...]) -> dict[str, Any]:
    fold = RunFold(RUN)
    for writer in order:
        count, events = WRITERS[writer]
        copies = [event_pb2.Event.FromString(event.SerializeToString()) for event in events]
        fold = RunFold.from_state(RUN, json.loads(json.dumps(fold.to_state())))
        fold.apply(writer, 1, count, 1_000.0, copies)
    return fold.view()


def test_values_that_a_later_attempt_went_back_behind_count_no_more():
    """The summary is that of what was told and the rows since, whatever order the writers' batches come in."""
    views = [view(order) for order in permutations(WRITERS)]
    assert views[1:] == views[:-1]
    assert views[0]["summary"]["loss"] == {"min": 4.0, "last": 4.0}
    assert (views[0]["last_step"], views[0]["rewinds"]) == (2, [[2, 0], [3, 1]])


def test_without_rows_of_its_own_a_fork_shows_what_it_goes_on_from():
    """Last values, last row and last step are those of the origin."""
    origin = event_pb2.RunKey(entity="lab", project="digits", run_id="origin")
    forked = event_pb2.RunForked(origin=origin, step=7, attempts=2, past_json=told(3.0, 2.0, step=6))
    fold = RunFold(RUN)
    fold.apply(b"a" * 16, 1, 2, 1.0, [STARTED, event_pb2.Event(index=1, time=2.0, run_forked=forked)])
    shown = fold.view()
    assert shown["summary"] == {"loss": 2.0, "_step": 6, "_timestamp": 50.0, "_runtime": 5.0}
    assert shown["last_step"] == 6
    assert shown["forked_from"] == Origin("lab", "digits", "origin", 7, 2)._asdict()
    assert fold.statistics()["loss"]["count"] == 2


def test_a_past_that_cannot_be_read_says_nothing():
    """Neither nonsense nor half of it breaks the run."""
    for past in ("{", "[]", '{"statistics": 5}', '{"statistics": {"a": {"count": "x"}}, "last_row": {"_step": 1}}'):
        fold = RunFold(RUN)
        fold.apply(
            b"a" * 16, 1, 2, 1.0, [STARTED, event_pb2.Event(index=1, run_forked=event_pb2.RunForked(past_json=past))]
        )
        assert fold.view()["summary"] == {}


def test_lanes_of_an_origin_end_at_the_fork():
    """Attempts that began later are no part, and only those rewinds count that were there."""
    heads = [LaneHead("one", 1, 0.0, 3), LaneHead("two", 2, 0.0, 3), LaneHead("three", 3, 0.0, None)]
    origin = Origin("lab", "digits", "origin", 9, 2)
    found = inherited_heads(heads, [(2, 5), (3, 3)], origin, 2)
    assert [(head.attempt, head.step_max) for head in found] == [(-1, 5), (0, 9), (NEVER, None)]
