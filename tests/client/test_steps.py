"""The rules for steps are wandb's; the vectors were read back from files of its own client."""

import math
from pathlib import Path
from typing import Any

import pytest

import runwell
from tests.client.spool_reading import merged, read_rows

Call = tuple[dict[str, Any], dict[str, Any]]

GOLDEN: dict[str, tuple[list[Call], dict[int, dict[str, Any]], int]] = {
    "two drops": (
        [
            ({"n": 1}, {}),
            ({"n": 11}, {"commit": False}),
            ({"n": 2}, {"step": 100}),
            ({"n": 3}, {"step": 100}),
            ({"n": 8}, {"step": 101}),
            ({"n": 5}, {"step": 102}),
            ({"cool": 2}, {"step": 2}),
            ({"cool": 2}, {"step": 4}),
        ],
        {0: {"n": 1}, 1: {"n": 11}, 100: {"n": 3}, 101: {"n": 8}, 102: {"n": 5}},
        2,
    ),
    "a plain row joins an open step": (
        [({"a": 1}, {"step": 3}), ({"a": 2}, {}), ({"a": 3}, {"step": 3}), ({"a": 4}, {})],
        {3: {"a": 2}, 4: {"a": 4}},
        1,
    ),
    "empty rows are rows": (
        [({}, {}), ({}, {"commit": True}), ({"a": 1}, {}), ({}, {"step": 10})],
        {0: {}, 1: {}, 2: {"a": 1}, 10: {}},
        0,
    ),
    "uncommitted rows are one": (
        [({"a": 1}, {"commit": False}), ({"b": 2}, {"commit": False})],
        {0: {"a": 1, "b": 2}},
        0,
    ),
    "commit closes a step": (
        [({"a": 1}, {"step": 5, "commit": True}), ({"b": 1}, {"step": 5}), ({"c": 1}, {})],
        {5: {"a": 1}, 6: {"c": 1}},
        1,
    ),
    "shapes of a key may differ": (
        [({"x": {"a": 1}}, {}), ({"x": 5}, {}), ({"x": {"b": 2}}, {})],
        {0: {"x.a": 1}, 1: {"x": 5}, 2: {"x.b": 2}},
        0,
    ),
    "internal keys": (
        [({"_step": 77, "_timestamp": 123.0, "_private": 1}, {})],
        {0: {"_private": 1}},
        0,
    ),
    "a negative step": ([({"a": 1}, {"step": -1}), ({"a": 2}, {})], {0: {"a": 2}}, 1),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_rows_are_those_of_wandb(name: str, offline: runwell.Run):
    """Each script gives the rows that wandb's client wrote for it, and refused rows are kept apart."""
    calls, expected, refused = GOLDEN[name]
    for data, options in calls:
        offline.log(data, **options)
    spool = offline.spool
    offline.finish()
    assert merged(read_rows(spool)) == expected
    assert len(read_rows(spool, masked=True)) == refused


def test_a_refused_row_is_kept_hidden_and_told_once(offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """The warning names the step, the current step and the ways out; the row is in the spool, flagged; more are counted."""
    offline.log({"a": 1}, step=10)
    offline.log({"late": 2.5}, step=4)
    offline.log({"late": 3.5}, step=5)
    spool = offline.spool
    offline.finish()
    said = capsys.readouterr().err
    assert said.count("monotonically increasing") == 1
    assert all(word in said for word in ("step 4", "step 10", "define_metric", "strict_steps", "masked=True"))
    assert "2 rows came with a step that was over" in said
    assert read_rows(spool, masked=True) == [(4, {"late": 2.5}), (5, {"late": 3.5})]


def test_steps_that_are_not_strict_are_all_shown(tmp_path: Path):
    """strict_steps=False keeps rows of any step visible and does not move the run back."""
    with runwell.init(mode="offline", dir=tmp_path, settings={"strict_steps": False}) as run:
        run.log({"a": 1}, step=10)
        run.log({"a": 2}, step=3)
        assert run.step == 10
        spool = run.spool
    assert read_rows(spool) == [(10, {"a": 1}), (3, {"a": 2})]


def test_step_is_that_of_the_next_plain_row(offline: runwell.Run):
    """run.step is 0 at first, stays at an open step, and moves on at a commit."""
    assert offline.step == 0
    offline.log({"a": 1}, step=3)
    assert offline.step == 3
    offline.log({"a": 1})
    assert offline.step == 4
    offline.log({"a": 1}, commit=False)
    assert offline.step == 4
    offline.log({"a": 1}, step=7, commit=True)
    assert offline.step == 8


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda run: run.log([1]), TypeError, "must be passed a dictionary"),
        (lambda run: run.log({1: 2}), TypeError, "must be strings"),
        (lambda run: run.log({("a", "b"): 2}), TypeError, "must be strings"),
        (lambda run: run.log({"a": 1}, step=1.7), TypeError, "'float' object cannot be interpreted as an integer"),
        (lambda run: run.log({"a": 1}, step=True), TypeError, "meant as commit"),
        (lambda run: run.log({"a": 1}, step="1"), TypeError, "'str' object cannot be interpreted as an integer"),
        (lambda run: run.log(), TypeError, "missing"),
        (lambda run: run.log({"a": 1}, step=1 << 63), runwell.UsageError, "64 bits"),
        (lambda run: run.log({"a": object()}), TypeError, "Object of type object is not JSON serializable"),
    ],
)
def test_a_wrong_call_raises_and_moves_nothing(call: Any, error: type, words: str, offline: runwell.Run):
    """A call that cannot be right is answered at once; neither the step nor the spool changes."""
    spool = offline.spool
    with pytest.raises(error, match=words):
        call(offline)
    assert offline.step == 0
    assert not read_rows(spool)
    offline.log({"a": 1})
    assert read_rows(spool) == [(0, {"a": 1})]


def test_a_given_timestamp_is_the_time_of_the_row(offline: runwell.Run):
    """`_timestamp` replaces the writer's clock, on numbers and on mixed rows."""
    from tests.client.spool_reading import read_spool

    offline.log({"_timestamp": 123.5, "a": 1})
    offline.log({"_timestamp": 124.5, "a": "text"})
    times = [record.time for record in read_spool(offline.spool) if record.event is None]
    assert times == [123.5, 124.5]


@pytest.mark.parametrize("given", [math.nan, -math.inf, 10**400, "yesterday", None])
def test_a_timestamp_that_is_none_leaves_the_row(given: Any, offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """The row is kept under the writer's own time, with one warning."""
    from tests.client.spool_reading import read_spool

    offline.log({"_timestamp": given, "a": 1})
    (row,) = (record for record in read_spool(offline.spool) if record.event is None)
    assert row.values == {"a": 1}
    assert 1e9 < row.time < 1e11
    assert capsys.readouterr().err.count("'_timestamp' is no number of seconds since 1970") == 1


def test_the_last_step_there_is_can_be_logged_and_no_further(offline: runwell.Run):
    """Beyond it log() says so; a row of an earlier step is still taken."""
    last = (1 << 63) - 1
    offline.log({"a": 1}, step=last, commit=True)
    for data in ({"a": 2}, {"a": "text"}):
        with pytest.raises(runwell.UsageError, match="64 bits"):
            offline.log(data)
    assert read_rows(offline.spool) == [(last, {"a": 1})]
