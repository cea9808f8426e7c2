"""A run's history: equal to the reference, exact in values and types."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from runwell.core.history import LaneRows, merge_history, select
from tests.core.run_streams import RUN, Batch, deliveries, runs
from tests.core.test_fold import SEEDS, WRITER, folded, referred, row, text

SELECTIONS: list[dict[str, Any]] = [
    {},
    {"masked": True},
    {"all_attempts": True},
    {"masked": True, "all_attempts": True},
    {"keys": ["a", "x.a"]},
    {"keys": ["x", "_step"], "masked": True},
    {"keys": ["_step"]},
    {"min_step": 2},
    {"max_step": 4, "keys": ["b"]},
    {"min_step": 1, "max_step": 3, "all_attempts": True},
]


def lanes_of(batches: list[Batch], keys: frozenset[str] | None = None) -> list[LaneRows]:
    """The lanes with the rows that a fold found new, as a store would keep them."""
    fold, events = folded([]), {}
    for batch in batches:
        for event in fold.apply(batch.writer, batch.first, batch.count, batch.received_at, batch.copies()):
            if event.HasField("metric_logged") or event.HasField("media_logged"):
                events.setdefault(batch.writer.hex(), []).append((batch.first, event))
    return [LaneRows.of_events(head, events.get(head.writer, []), keys) for head in fold.lane_heads()]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_history_equals_the_reference(selection: dict[str, Any], seed: int):
    """Lanes, repeated steps, masks, attempts and rewinds merge as the reference says, whatever is asked for."""
    chance = Random(seed)
    batches = deliveries(chance, runs(chance), duplicates=True)
    chosen = select(**selection)
    assert text(merge_history(lanes_of(batches, chosen.keys), chosen)) == text(referred(batches).history(**selection))


def test_values_keep_their_types():
    """Integers beyond 2**53 stay integers, booleans booleans, NaN a float, and lists lists."""
    event = row(0, {"big": 2**53 + 1})
    event.metric_logged.columns.add(key="flag").bools.values.append(True)
    event.metric_logged.columns.add(key="nan").f64.values.append(float("nan"))
    event.metric_logged.columns.add(key="list").json.values.append("[1, 2.0, null]")
    fold = folded([Batch(WRITER, 1, 1, 1.0, [event])])
    (found,) = merge_history([LaneRows.of_events(fold.lane_heads()[0], [(1, event)])])
    assert (
        text([found["big"], found["flag"], found["nan"], found["list"]])
        == "[9007199254740993, true, NaN, [1, 2.0, null]]"
    )
    assert list(found)[:3] == ["_step", "_timestamp", "_runtime"]


def test_rows_of_one_step_are_one_row_whose_later_values_win():
    """wandb's golden vector: log(a=1, step=3), log(a=2), then log(a=3, step=3) is refused, log(a=4)."""
    events = [row(3, {"a": 1}), row(3, {"a": 2}), row(3, {"a": 3}, masked=True), row(4, {"a": 4})]
    for place, event in enumerate(events):
        event.index = place
    batch = Batch(WRITER, 1, 4, 1.0, events)
    assert [(found["_step"], found["a"]) for found in merge_history(lanes_of([batch]))] == [(3, 2), (4, 4)]
    assert [found["a"] for found in merge_history(lanes_of([batch]), select(masked=True))] == [3, 4]
    assert folded([batch]).run == RUN
