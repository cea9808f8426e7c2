"""Definitions of metrics: which one counts for a key, and what later ones change."""

import math
from typing import Any

import pytest

from runwell.core.metrics import Metric, MetricRules, MetricWrites
from runwell.core.numbers import Numbers
from runwell.core.stamps import Stamp


def at(record: int) -> Stamp:
    return 1, 0.0, "", record


def defined(*calls: tuple[str, dict[str, Any], bool]) -> MetricRules:
    writes = MetricWrites()
    for record, (name, fields, overwrite) in enumerate(calls, 1):
        writes.define(name, fields, at(record), overwrite=overwrite)
    return writes.rules()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("loss", "*"),
        ("val/loss", "val/loss*"),
        ("val/loss/1", "val/loss*"),
        ("val/acc", "val/acc"),
        ("val/acc2", "val/*"),
        ("_step", None),
        ("_private", "_private"),
    ],
)
def test_the_exact_definition_counts_and_else_the_longest_prefix(key: str, name: str | None):
    """Whatever the order of definition; a prefix never means a key that begins with an underscore."""
    names = ["*", "val/*", "val/loss*", "val/acc", "_private"]
    for order in (names, names[::-1]):
        found = MetricRules([Metric(name) for name in order]).of(key)
        assert (None if found is None else found.name) == name


def test_later_definitions_add_to_earlier_ones():
    """Fields that are not said stay, summaries add up, and a flag that is said counts."""
    (metric,) = defined(
        ("a", {"step_metric": "epoch", "summary": ["min"], "hidden": True}, False),
        ("a", {"summary": ["max"], "hidden": False}, False),
    ).metrics
    assert metric.step_metric == "epoch"
    assert metric.step_sync
    assert metric.summary == ("min", "max")
    assert not metric.hidden


def test_overwrite_takes_away_what_was_said_before():
    """Only what is said with it and after it is left."""
    (metric,) = defined(
        ("a", {"step_metric": "epoch", "summary": ["min"], "hidden": True}, False), ("a", {"summary": ["max"]}, True)
    ).metrics
    assert metric.view() == {
        "name": "a",
        "step_metric": None,
        "step_sync": False,
        "hidden": False,
        "summary": ["max"],
        "goal": None,
        "at": None,
    }


def test_the_order_of_arrival_does_not_matter():
    """Definitions that arrive in any order are merged in the order of their stamps."""
    calls = [("a", {"summary": ["min"]}, False), ("a", {"goal": "maximize"}, True), ("a", {"step_metric": "b"}, False)]
    forward, backward = MetricWrites(), MetricWrites()
    for record, (name, fields, overwrite) in enumerate(calls, 1):
        forward.define(name, fields, at(record), overwrite=overwrite)
    for record, (name, fields, overwrite) in reversed(list(enumerate(calls, 1))):
        backward.define(name, fields, at(record), overwrite=overwrite)
    assert forward.rules().metrics == backward.rules().metrics
    assert forward.rules().metrics[0].summary == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, math.nan, 3.0], (1.0, 3.0, 2.0)),
        ([1.0, math.inf], (1.0, math.inf, math.inf)),
        ([1.0, math.inf, -math.inf], (-math.inf, math.inf, math.nan)),
        ([-math.inf, -math.inf], (-math.inf, -math.inf, -math.inf)),
        ([math.nan], (math.nan, math.nan, math.nan)),
        ([], (None, None, None)),
        ([1e308, 1e308, -1], (-1, 1e308, math.inf)),
    ],
)
def test_not_a_number_is_passed_over_where_there_are_numbers(values: list[float], expected: tuple[Any, ...]):
    """One NaN does not spoil a minimum for ever; infinities are numbers; without any number there is nothing."""
    numbers = Numbers()
    numbers.observe(values)
    assert repr((numbers.min, numbers.max, numbers.mean)) == repr(expected)
    assert repr(Numbers.of_view(numbers.view()).view()) == repr(numbers.view())
