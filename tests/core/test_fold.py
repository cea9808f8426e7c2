"""A run's fold: equal to the reference, in every order of delivery."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core import lanes
from runwell.core.fold import RunFold
from runwell.v1 import event_pb2
from tests.core.reference_run import ReferenceRun
from tests.core.run_streams import RUN, Batch, deliveries, runs

SEEDS = st.integers(0, 2**32)
"""Of random runs: hypothesis draws one number, and the run is made from it, forty times faster than by drawing each part."""


def folded(batches: list[Batch]) -> RunFold:
    fold = RunFold(RUN)
    for batch in batches:
        fold.apply(batch.writer, batch.first, batch.count, batch.received_at, batch.copies())
    return fold


def referred(batches: list[Batch]) -> ReferenceRun:
    run = ReferenceRun(RUN)
    for batch in batches:
        run.take(batch.writer, batch.first, batch.count, batch.received_at, batch.copies())
    return run


def text(value: Any) -> str:
    """For comparing values that may be NaN, types included."""
    return json.dumps(value, sort_keys=True)


def without_writers(fold: RunFold) -> dict[str, Any]:
    view = fold.view()
    del view["writers"]
    return view


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_view_equals_the_reference(seed: int):
    """Whatever a run's writers say and in whatever order it arrives, resent or not, the view is the reference's."""
    chance = Random(seed)
    batches = deliveries(chance, runs(chance), duplicates=True)
    assert text(without_writers(folded(batches))) == text(referred(batches).view())


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_statistics_equal_the_reference(seed: int):
    """Count, min, max, sum, first and last of each key are those of all its unmasked values."""
    chance = Random(seed)
    batches = deliveries(chance, runs(chance))
    found, expected = folded(batches).statistics(), referred(batches).statistics()
    assert found.keys() == expected.keys()
    for key, numbers in expected.items():
        ends = [found[key].pop("first"), found[key].pop("last")]
        assert text(ends) == text([numbers.pop("first"), numbers.pop("last")])
        # The lanes are summed one after the other, so floats may round another way.
        assert found[key] == {**numbers, "sum": pytest.approx(numbers["sum"])}


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_order_between_writers_does_not_matter(seed: int):
    """Any two orders of delivery that keep each writer's own give equal views and statistics."""
    chance = Random(seed)
    run = runs(chance)
    one, other = folded(deliveries(chance, run)), folded(deliveries(chance, run, duplicates=True))
    assert text(one.view()) == text(other.view())
    assert text(one.statistics()) == text(other.statistics())


@given(SEEDS)
@settings(max_examples=80, deadline=None)
def test_state_survives_json_at_any_moment(seed: int):
    """A fold that is stored and read again after any batch goes on as if nothing had happened."""
    chance = Random(seed)
    batches = deliveries(chance, runs(chance))
    stop = chance.randint(0, len(batches))
    fold = RunFold.from_state(RUN, json.loads(json.dumps(folded(batches[:stop]).to_state())))
    for batch in batches[stop:]:
        fold.apply(batch.writer, batch.first, batch.count, batch.received_at, batch.copies())
    assert text(fold.to_state()) == text(folded(batches).to_state())


@given(SEEDS)
@settings(max_examples=80, deadline=None)
def test_a_batch_that_overlaps_counts_once(seed: int):
    """Two consecutive batches sent again as one, after the first had arrived, change nothing but what was new."""
    chance = Random(seed)
    run = runs(chance, writers_max=1)
    batches = [batch for batch in run[0] if batch.count]
    place = chance.randint(0, max(0, len(batches) - 2))
    joined = join(batches[place : place + 2])
    again = [*batches[: place + 1], joined, *batches[place + 2 :]]
    assert text(without_writers(folded(again))) == text(referred(again).view())


def join(batches: list[Batch]) -> Batch:
    """Consecutive batches as one."""
    first = batches[0]
    joined = Batch(first.writer, first.first, sum(batch.count for batch in batches), first.received_at)
    for batch in batches:
        for event in batch.copies():
            event.index += batch.first - first.first
            for place, index in enumerate(event.metric_logged.indexes if event.HasField("metric_logged") else ()):
                event.metric_logged.indexes[place] = index + batch.first - first.first
            joined.events.append(event)
    return joined


def test_newer_shape_replaces_the_older():
    """Logging x={a: 1}, then x=5, then x={b: 2} leaves x={b: 2}; siblings of one shape stay (wandb's golden vector)."""
    assert summary(row(0, {"x\x1fa": 1}), row(1, {"x": 5}), row(2, {"x\x1fb": 2}))["x"] == {"b": 2}
    assert summary(row(0, {"x\x1fa": 1}), row(1, {"x\x1fb": 2}))["x"] == {"a": 1, "b": 2}


def test_an_explicit_value_wins_until_the_key_is_logged_again():
    """summary[k] = v is seen at once, and the next log of k overwrites it (wandb's test_summary_from_history)."""
    assert summary(row(0, {"v": 3}), setting({"v": 42}))["v"] == 42
    assert summary(row(0, {"v": 3}), setting({"v": 42}), row(1, {"v": 5}))["v"] == 5


def test_of_several_values_of_one_step_the_last_counts():
    """log(a=1, step=3), then log(a=2, step=3) is a row with a=2 (wandb's golden vector), and so are its statistics."""
    define = event_pb2.Event(time=1.0)
    define.metric_defined.name = "a"
    define.metric_defined.summary.extend(["min", "max", "mean", "first", "last"])
    rows = [row(3, {"a": 1}), row(3, {"a": 2, "b": 0}), row(4, {"a": 7}), row(5, {"a": None}), row(5, {"a": 6})]
    assert summary(define, *rows)["a"] == {"min": 2, "max": 7, "mean": 5.0, "first": 2, "last": 6}


def test_a_definition_counts_for_rows_before_it():
    """define_metric after the fact: statistics are always kept, so the summary is that of all rows."""
    define = event_pb2.Event(time=1.0)
    define.metric_defined.name = "v*"
    define.metric_defined.summary.append("min")
    assert summary(row(0, {"v": 1}), row(1, {"v": 3}), define)["v"] == {"min": 1}


def test_a_value_set_by_hand_ends_the_summary_of_a_definition():
    """Define v min and max, log 3 and 1, set summary["v"] = 42, log 5: v is 5, and no dict (wandb's golden vector)."""
    define = event_pb2.Event(time=1.0)
    define.metric_defined.name = "v"
    define.metric_defined.summary.extend(["min", "max"])
    logged = [define, row(0, {"v": 3}), row(1, {"v": 1})]
    assert summary(*logged)["v"] == {"min": 1, "max": 3}
    assert summary(*logged, setting({"v": 42}))["v"] == 42
    assert summary(*logged, setting({"v": 42}), row(2, {"v": 5}))["v"] == 5
    assert summary(*logged, setting({"v": 42}), row(2, {"v": 5}), define)["v"] == {"min": 1, "max": 5}


def test_the_value_where_another_metric_is_best():
    """Of two writers that were told, the better one's; whatever arrives first, and also after a turn through JSON."""

    def said(restated: bool) -> event_pb2.Event:
        event = event_pb2.Event(time=1.0)
        event.metric_defined.name, event.metric_defined.at, event.metric_defined.restated = "acc*", "loss", restated
        event.metric_defined.summary.append("best")
        return event

    first = [said(False), row(0, {"loss": 5, "acc": 1}), row(1, {"loss": 3}), row(1, {"acc": 2}), row(2, {"loss": 4})]
    second = [said(True), row(2, {"acc": 7}), row(3, {"loss": 2}), row(4, {"loss": 9, "acc": 8})]
    for order in (((WRITER, first), (b"\x02" * 16, second)), ((b"\x02" * 16, second), (WRITER, first))):
        fold = RunFold(RUN)
        for writer, events in order:
            apply(fold, events[:3], writer=writer)
            fold = RunFold.from_state(RUN, json.loads(json.dumps(fold.to_state())))
            apply(fold, events[3:], writer=writer, first=4)
        assert fold.view()["summary"]["acc"] == {"best": 7}
    assert summary(*first)["acc"] == {"best": 2}


def test_a_removed_key_vanishes_until_it_is_logged_again():
    """del summary["a"]["b"] takes the leaf, del summary["a"] the branch; a later log brings a key back."""
    logged = row(0, {"a\x1fb": 1, "a\x1fc": 2})
    assert summary(logged, setting({}, ["a\x1fb"]))["a"] == {"c": 2}
    assert "a" not in summary(logged, setting({}, ["a"]))
    assert summary(logged, setting({}, ["a"]), row(1, {"a\x1fb": 3}))["a"] == {"b": 3}


def test_a_dotted_key_is_another_leaf_than_a_nested_one():
    """{"dot.key": 1} and {"dot": {"key": 2}} stay two values of the summary."""
    assert summary(row(0, {"dot.key": 1, "dot\x1fkey": 2})) | {"_timestamp": 0, "_runtime": 0} == {
        "dot.key": 1,
        "dot": {"key": 2},
        "_step": 0,
        "_timestamp": 0,
        "_runtime": 0,
    }


def test_golden_rows_keep_the_last_value_of_each_key():
    """wandb's golden script: the drops are masked, counted and not in the summary; an empty row moves _step alone."""
    steps = [(0, 1, False), (1, 11, False), (100, 2, False), (100, 3, False), (101, 8, False), (102, 5, False)]
    rows = [row(step, {"n": value}) for step, value, _ in steps]
    masked = [row(2, {"cool": 2}, masked=True), row(4, {"cool": 2}, masked=True)]
    fold = RunFold(RUN)
    apply(fold, [*rows, *masked, row(103, {})])
    view = fold.view()
    assert {key: view["summary"][key] for key in ("n", "_step")} == {"n": 5, "_step": 103}
    assert "cool" not in view["summary"]
    assert (view["records"]["masked"], view["last_step"]) == (2, 103)


def test_a_logged_null_leaves_the_last_value():
    """None is null in the history and absent from the summary."""
    assert "v" not in summary(row(0, {"v": None}))
    assert summary(row(0, {"v": 1}), row(1, {"v": None}))["v"] == 1


def test_a_clock_that_jumps_back_never_makes_an_older_value_the_last():
    """Within a writer the later record wins, whatever its time says."""
    late, early = row(0, {"v": 1}), row(1, {"v": 2})
    late.time, early.time = 5000.0, 10.0
    late.metric_logged.times[0], early.metric_logged.times[0] = 5000.0, 10.0
    assert summary(late, early)["v"] == 2


def test_text_that_is_no_json_is_kept_and_counted():
    """A value that cannot be parsed stays as text; a config that cannot is passed over and counted."""
    broken = row(0, {"v": 1})
    del broken.metric_logged.columns[:]
    broken.metric_logged.columns.add(key="v").json.values.append("9" * 5000)
    config = event_pb2.Event(time=3.0)
    config.config_set.set_json = "{broken"
    fold = RunFold(RUN)
    apply(fold, [broken, config])
    assert fold.view()["summary"]["v"] == "9" * 5000
    assert fold.view()["records"]["unreadable"] == 1


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**1024, 2**1023])
def test_an_integer_beyond_any_float_is_a_value(value: int):
    """It is the last value as it is, and in the statistics an infinity."""
    fold = RunFold(RUN)
    apply(fold, [row(1, {"a": value})])
    assert fold.view()["summary"]["a"] == value


def test_a_gap_between_batches_is_counted_as_lost():
    """Records that never come are expected and not stored."""
    fold = RunFold(RUN)
    apply(fold, [row(0, {"v": 1})])
    fold.apply(WRITER, 5, 1, 1.0, [row(1, {"v": 2})])
    assert fold.view()["records"] | {"unreadable": 0} == {
        "stored": 2,
        "expected": 5,
        "masked": 0,
        "refused": 0,
        "dropped": 0,
        "lost": 3,
        "unreadable": 0,
        "unindexed": 0,
    }


def test_further_keys_than_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch):
    """Values of keys beyond RUN_KEYS_MAX are not in the summary, and a count says so."""
    monkeypatch.setattr(lanes, "RUN_KEYS_MAX", 2)
    fold = RunFold(RUN)
    apply(fold, [row(0, {"a": 1, "b": 2, "c": 3}), row(1, {"a": 4, "c": 5})])
    assert {key: value for key, value in fold.view()["summary"].items() if key[0] != "_"} == {"a": 4, "b": 2}
    assert fold.view()["records"]["unindexed"] == 2


def test_uneven_columns_are_refused():
    """An event that contradicts itself raises, and says what is wrong."""
    uneven = row(0, {"v": 1})
    uneven.metric_logged.columns[0].i64.values.append(2)
    with pytest.raises(ValueError, match="v has 2 values for 1 rows"):
        summary(uneven)


WRITER = b"\x01" * 16


def row(step: int, values: dict[str, Any], *, masked: bool = False) -> event_pb2.Event:
    """One row of integers and nulls."""
    event = event_pb2.Event(time=1000.0 + step)
    message = event.metric_logged
    message.rows = 1
    message.steps.append(step)
    message.times.append(event.time)
    message.flags.append(int(masked))
    for key, value in values.items():
        column = message.columns.add(key=key)
        if value is None:
            column.json.values.append("null")
        elif value.bit_length() > 63:
            column.json.values.append(str(value))
        else:
            column.i64.values.append(value)
    return event


def setting(values: dict[str, Any], removed: list[str] | None = None) -> event_pb2.Event:
    """An explicit change of the summary."""
    event = event_pb2.Event(time=1000.0)
    event.summary_updated.set_json = json.dumps(values)
    event.summary_updated.removed.extend(removed or [])
    return event


def apply(fold: RunFold, events: list[event_pb2.Event], *, writer: bytes = WRITER, first: int = 1) -> None:
    """One batch of one record an event."""
    copies = [event_pb2.Event.FromString(event.SerializeToString()) for event in events]
    for place, event in enumerate(copies):
        event.index = place
    fold.apply(writer, first, len(copies), 2000.0, copies)


def summary(*events: event_pb2.Event) -> dict[str, Any]:
    fold = RunFold(RUN)
    apply(fold, list(events))
    found: dict[str, Any] = fold.view()["summary"]
    return found
