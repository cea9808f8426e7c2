"""Scripts whose rows and summary under wandb's client are known, and what they give here.

Each was observed or read for wandb 0.31; where we differ, ``ours`` says so with the reason. What a script leaves is the
same in the training process, read from its spool, and folded as the server does it.
"""

import math
import os
from typing import Any, NamedTuple

import pytest

import runwell
from tests.client.spool_reading import untimed

NAN = math.nan


class Script(NamedTuple):
    """Calls, and what they leave: rows by step, and the summary without its own fields."""

    calls: list[tuple[Any, ...]]
    rows: dict[int, dict[str, Any]] | None = None
    summary: dict[str, Any] | None = None
    ours: str = ""


SCRIPTS = {
    "steps that go back are refused": Script(
        [
            ("log", {"n": 1}),
            ("log", {"n": 11}, {"commit": False}),
            ("log", {"n": 2}, {"step": 100}),
            ("log", {"n": 3}, {"step": 100}),
            ("log", {"n": 8}, {"step": 101}),
            ("log", {"n": 5}, {"step": 102}),
            ("log", {"cool": 2}, {"step": 2}),
            ("log", {"cool": 2}, {"step": 4}),
        ],
        {0: {"n": 1}, 1: {"n": 11}, 100: {"n": 3}, 101: {"n": 8}, 102: {"n": 5}},
        {"n": 5},
    ),
    "an open step takes further values": Script(
        [("log", {"a": 1}, {"step": 3}), ("log", {"a": 2}), ("log", {"a": 3}, {"step": 3}), ("log", {"a": 4})],
        {3: {"a": 2}, 4: {"a": 4}},
        {"a": 4},
    ),
    "uncommitted rows are one row": Script(
        [("log", {"a": 1}, {"commit": False}), ("log", {"b": 2}, {"commit": False})],
        {0: {"a": 1, "b": 2}},
        {"a": 1, "b": 2},
    ),
    "the newer shape replaces the older": Script(
        [("log", {"x": {"a": 1}}), ("log", {"x": 5}), ("log", {"x": {"b": 2}})],
        {0: {"x.a": 1}, 1: {"x": 5}, 2: {"x.b": 2}},
        {"x": {"b": 2}},
    ),
    "an explicit value wins until the next log": Script(
        [("log", {"v": 3}), ("set", "v", 42), ("log", {"w": 1})], None, {"v": 42, "w": 1}
    ),
    "the next log wins over an explicit value": Script(
        [("log", {"v": 3}), ("set", "v", 42), ("log", {"v": 5})], None, {"v": 5}
    ),
    "a defined summary is a dict": Script(
        [("define", "loss", {"summary": "min,max,mean,last,first"}), ("log", {"loss": 3}), ("log", {"loss": 1})],
        None,
        {"loss": {"min": 1, "max": 3, "mean": 2.0, "last": 1, "first": 3}},
    ),
    "none leaves it out, copy is the last value": Script(
        [
            ("define", "a", {"summary": "none"}),
            ("define", "b", {"summary": "copy"}),
            ("log", {"a": 1, "b": 2}),
        ],
        None,
        {"b": 2},
    ),
    "an explicit value discards the tracker": Script(
        [
            ("define", "v", {"summary": "min,max,mean,last,first"}),
            ("log", {"v": 3}),
            ("log", {"v": 1}),
            ("set", "v", 42),
            ("log", {"v": 5}),
        ],
        None,
        {"v": 5},
    ),
    "a glob is a definition for each key": Script(
        [("define", "val/*", {"summary": "max"}), ("log", {"val/a": 1, "b": 1}), ("log", {"val/a": 0, "b": 0})],
        None,
        {"val/a": {"max": 1}, "b": 0},
    ),
    "a definition of its own beats a glob": Script(
        [("define", "*", {"summary": "max"}), ("define", "b"), ("log", {"a": 1, "b": 1}), ("log", {"a": 0, "b": 0})],
        None,
        {"a": {"max": 1}, "b": 0},
    ),
    "keys with an underscore are no glob's": Script(
        [("define", "*", {"summary": "max"}), ("log", {"_private": 1}), ("log", {"_private": 0})],
        None,
        {"_private": 0},
    ),
    "a later definition adds to an earlier one": Script(
        [("define", "a", {"summary": "min"}), ("define", "a", {"summary": "max"}), ("log", {"a": 1})],
        None,
        {"a": {"min": 1, "max": 1}},
    ),
    "or replaces it": Script(
        [
            ("define", "a", {"summary": "min"}),
            ("define", "a", {"summary": "max", "overwrite": True}),
            ("log", {"a": 1}),
        ],
        None,
        {"a": {"max": 1}},
    ),
    "strings are only first and last": Script(
        [("define", "a", {"summary": "min,first,last,mean"}), ("log", {"a": "x"}), ("log", {"a": "y"})],
        None,
        {"a": {"first": "x", "last": "y"}},
        ours="wandb's mean of no numbers is NaN: a division of zero by zero; here it is left out",
    ),
    "NaN does not spoil a minimum": Script(
        [("define", "a", {"summary": "min"}), ("log", {"a": 2.0}), ("log", {"a": NAN}), ("log", {"a": 1.0})],
        None,
        {"a": {"min": 1.0}},
        ours="wandb's minimum is NaN for ever: one bad step would hide the best",
    ),
    "blanks in the list of summaries": Script(
        [("define", "a", {"summary": "min, MAX"}), ("log", {"a": 1})],
        None,
        {"a": {"min": 1, "max": 1}},
        ours="wandb refuses the blank",
    ),
    "a definition counts for rows before it": Script(
        [("log", {"a": 1}), ("define", "a", {"summary": "min"}), ("log", {"a": 5})],
        None,
        {"a": {"min": 1}},
        ours="wandb's minimum is 5: its statistics begin with the definition, ours are always kept",
    ),
    "best": Script(
        [("define", "a", {"summary": "best", "goal": "maximize"}), ("log", {"a": 7}), ("log", {"a": 5})],
        None,
        {"a": {"best": 7}},
        ours="wandb documented it, never computed it, and took it out in 0.31",
    ),
    "the value of one metric where another is best": Script(
        [
            ("define", "loss", {"goal": "minimize"}),
            ("define", "accuracy", {"at": "loss"}),
            ("log", {"loss": 0.5, "accuracy": 0.7}),
            ("log", {"loss": 0.2, "accuracy": 0.8}),
            ("log", {"loss": 0.3, "accuracy": 0.9}),
        ],
        None,
        {"loss": 0.3, "accuracy": {"best": 0.8}},
        ours="wandb has nothing for it (issue 4812)",
    ),
    "the step metric is carried forward": Script(
        [
            ("define", "epoch"),
            ("define", "val/*", {"step_metric": "epoch"}),
            ("log", {"loss": 1}),
            ("log", {"val/acc": 0.5}),
            ("log", {"epoch": 3}),
            ("log", {"val/acc": 0.6, "loss": 2}),
            ("log", {"val/acc": 0.7, "epoch": 9}),
            ("log", {"val/x": {"y": 1}}),
        ],
        {
            0: {"loss": 1},
            1: {"val/acc": 0.5},
            2: {"epoch": 3},
            3: {"val/acc": 0.6, "loss": 2, "epoch": 3},
            4: {"val/acc": 0.7, "epoch": 9},
            5: {"val/x.y": 1, "epoch": 9},
        },
        {"loss": 2, "epoch": 9, "val/acc": 0.7, "val/x": {"y": 1}},
        ours="wandb puts epoch=0 into step 1: a value that nobody logged",
    ),
    "without step_sync nothing is carried": Script(
        [
            ("define", "val/*", {"step_metric": "epoch", "step_sync": False}),
            ("log", {"epoch": 3}),
            ("log", {"val/acc": 0.6}),
        ],
        {0: {"epoch": 3}, 1: {"val/acc": 0.6}},
        None,
    ),
    "a step metric that is no number is not carried": Script(
        [("define", "a", {"step_metric": "s"}), ("log", {"s": "text"}), ("log", {"a": 1})],
        {0: {"s": "text"}, 1: {"a": 1}},
        None,
    ),
    "None is null in a row and absent from the summary": Script(
        [("log", {"a": None, "b": 1})], {0: {"a": None, "b": 1}}, {"b": 1}
    ),
    "own fields": Script([("log", {"_step": 77, "_private": 1})], {0: {"_private": 1}}, {"_private": 1}),
    "nested values of the summary, set and removed": Script(
        [("set", "a", {"b": {"c": 1}, "d": 2}), ("remove", "a", "b")], None, {"a": {"d": 2}}
    ),
}


def play(run: runwell.Run, calls: list[tuple[Any, ...]]) -> None:
    for kind, *arguments in calls:
        if kind == "log":
            run.log(arguments[0], **(arguments[1] if len(arguments) > 1 else {}))
        elif kind == "define":
            run.define_metric(arguments[0], **(arguments[1] if len(arguments) > 1 else {}))
        elif kind == "set":
            run.summary[arguments[0]] = arguments[1]
        else:
            *path, last = arguments
            summary: Any = run.summary
            for label in path:
                summary = summary[label]
            del summary[last]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_means_what_it_means_under_wandb(name: str):
    """Rows and summary are wandb's, or ours for the reason that the script gives."""
    script = SCRIPTS[name]
    with runwell.init(mode="offline", project="p", id="golden", settings={"git": False}) as run:
        play(run, script.calls)
        if script.summary is not None:
            assert untimed(run.summary.as_dict()) == script.summary
    found = runwell.Api(spool=os.environ["RUNWELL_DIR"]).run("golden")
    if script.summary is not None:
        assert untimed(found.view["summary"]) == script.summary
    if script.rows is not None:
        rows = {row["_step"]: untimed(row) for row in found.history()}
        assert rows == script.rows
