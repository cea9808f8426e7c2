"""Vectors of log() that were read off wandb's own client, where Runwell does the same, and where it means to differ.

The steps and commits are in tests/client/test_steps.py, single values in tests/client/test_values.py; docs/vectors.md has
the whole list.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runwell
from runwell.core import limits


def rows_of(root: Path, **options: Any) -> list[dict[str, Any]]:
    """The rows of the only run under a root directory, as people read them, without times."""
    (run,) = runwell.Api(spool=root).runs()
    return [
        {key: value for key, value in row.items() if key not in ("_timestamp", "_runtime")}
        for row in run.scan_history(**options)
    ]


def test_a_plain_row_goes_to_the_step_and_moves_it_on(offline: runwell.Run, tmp_path: Path):
    """log(x) is a row at run.step, and the next one is at the step after it."""
    offline.log({"a": 1})
    offline.log({"a": 2})
    assert offline.step == 2
    offline.finish()
    assert rows_of(tmp_path) == [{"_step": 0, "a": 1}, {"_step": 1, "a": 2}]


def test_rows_of_one_step_are_one_row_for_readers(offline: runwell.Run, tmp_path: Path):
    """log(x, step=s) adds to the row of that step, whose later values win, until a larger step or a commit."""
    offline.log({"a": 1, "b": 1}, step=4)
    offline.log({"b": 2, "x": {"y": 3}}, step=4)
    offline.log({"x": {"z": 4}})
    offline.log({"a": 9}, step=7)
    offline.finish()
    assert rows_of(tmp_path) == [{"_step": 4, "a": 1, "b": 2, "x.y": 3, "x.z": 4}, {"_step": 7, "a": 9}]


def test_an_empty_row_commits_what_is_open(offline: runwell.Run, tmp_path: Path):
    """Callbacks of other libraries use log({}) as "flush": the open row ends, and no further one appears."""
    offline.log({"a": 1}, commit=False)
    offline.log({})
    offline.log({"b": 2})
    offline.finish()
    assert rows_of(tmp_path) == [{"_step": 0, "a": 1}, {"_step": 1, "b": 2}]


def test_an_open_row_is_there_at_once(offline: runwell.Run, tmp_path: Path):
    """wandb shows nothing of an open row before it is flushed, and loses it with the process; here it is a row already."""
    offline.log({"a": 1}, commit=False)
    offline.log({"b": 2}, commit=False)
    assert rows_of(tmp_path) == [{"_step": 0, "a": 1, "b": 2}]
    assert offline.summary["a"] == 1


def test_both_shapes_of_a_key_in_one_row_are_kept(offline: runwell.Run, tmp_path: Path):
    """wandb drops x=5 when the same row says x={"a": 1} later; here nothing logged is dropped, and the summary has the newer."""
    offline.log({"x": 5}, step=0)
    offline.log({"x": {"a": 1}}, step=0)
    summary = offline.summary.as_dict()
    offline.finish()
    assert rows_of(tmp_path) == [{"_step": 0, "x": 5, "x.a": 1}]
    assert summary["x"] == {"a": 1}


def test_the_keys_of_the_summary(offline: runwell.Run, tmp_path: Path):
    """They are what was logged or set, and step, time and duration of the last row: of an open run and for readers."""
    assert sorted(offline.summary.keys()) == []
    offline.log({"a": 1, "b": {"c": 2}})
    offline.summary["best"] = 3
    assert sorted(offline.summary.keys()) == ["_runtime", "_step", "_timestamp", "a", "b", "best"]
    assert (dict(offline.summary)["a"], offline.summary["_step"]) == (1, 0)
    offline.log({"text": "x"}, step=7)
    offline.log({"a": 5}, step=3)
    assert offline.summary["_step"] == 7
    shown = offline.summary.as_dict()
    offline.finish()
    (run,) = runwell.Api(spool=tmp_path).runs()
    assert run.summary["_step"] == 7
    for key in ("_timestamp", "_runtime"):
        assert shown[key] == pytest.approx(run.summary[key], abs=0.5)


def test_an_empty_key_is_a_key(offline: runwell.Run, tmp_path: Path):
    """wandb-core drops the value of a key without a character; here it is kept."""
    offline.log({"": 8, " ": 9})
    offline.finish()
    assert rows_of(tmp_path) == [{"_step": 0, "": 8, " ": 9}]


def test_a_refused_row_is_told_from_the_others(offline: runwell.Run, tmp_path: Path):
    """wandb throws a row of an older step away; here it is hidden, and can be asked for."""
    offline.log({"a": 1}, step=5, commit=True)
    offline.log({"late": 2}, step=5)
    offline.finish()
    assert rows_of(tmp_path) == [{"_step": 5, "a": 1}]
    assert rows_of(tmp_path, masked=True) == [{"_step": 5, "a": 1, "late": 2}]


def test_the_given_dict_stays_as_it_is(offline: runwell.Run, tmp_path: Path):
    """log() copies: neither does it change what it was given, nor do later changes reach the row."""
    row: dict[str, Any] = {"a": np.float32(0.5), "x": {"y": np.arange(3)}, "_step": 9}
    offline.log(row)
    assert isinstance(row["a"], np.float32) and isinstance(row["x"]["y"], np.ndarray) and row["_step"] == 9
    row["x"]["y"][0] = 7
    growing = {"b": 1}
    offline.log(growing, commit=False)
    growing["c"] = 2
    offline.finish()
    assert rows_of(tmp_path) == [{"_step": 0, "a": 0.5, "x.y": [0, 1, 2]}, {"_step": 1, "b": 1}]


def test_the_step_of_a_resumed_run_is_its_starting_step(tmp_path: Path):
    """wandb 0.31.0 says 0 until the first log(); callbacks compute their steps from run.step, so it is right from the start."""
    for row in range(2):
        with runwell.init(mode="offline", dir=tmp_path, project="p", id="again", resume="allow") as run:
            assert run.step == run.starting_step == 5 * row
            run.log({"a": row}, step=5 * row + 4)


def test_a_forked_child_may_give_steps(offline: runwell.Run, tmp_path: Path):
    """wandb warns that rows may be lost; here the child has a lane of its own, and its rows are there beside its parent's."""
    offline.log({"parent": 1}, step=3)
    pid = os.fork()
    if not pid:
        offline.log({"child": 1}, step=2)
        offline.log({"child": 2}, step=8)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    offline.log({"parent": 2}, step=4)
    offline.finish()
    rows = rows_of(tmp_path, masked=True)
    assert sorted(map(str, rows)) == sorted(
        map(
            str,
            [
                {"_step": 2, "child": 1},
                {"_step": 3, "parent": 1},
                {"_step": 4, "parent": 2},
                {"_step": 8, "child": 2},
            ],
        )
    )


def test_what_is_called_before_and_after_a_run_says_so(tmp_path: Path):
    """Before init() there is nothing to log to, and after finish() the error names the run and the way on."""
    with pytest.raises(runwell.Error, match="init"):
        runwell.log({"a": 1})
    with runwell.init(mode="offline", dir=tmp_path, id="named") as run:
        pass
    with pytest.raises(runwell.UsageError, match=r"Run \(named\) is finished.*ignored"):
        run.log({"a": 1})


def test_ids_and_names_have_the_limits_of_wandb(tmp_path: Path):
    """Generated ids have 8 characters; projects and ids up to 128 and tags up to 64 are taken, one more is refused."""
    taken = {"project": "p" * limits.PROJECT_CHARACTERS_MAX, "tags": ["t" * 64, "b", "t" * 64]}
    with runwell.init(mode="offline", dir=tmp_path, id="i" * limits.RUN_ID_CHARACTERS_MAX, **taken) as run:
        assert run.tags == ("t" * 64, "b")
    for refused in ({"project": "p" * 129}, {"id": "i" * 129}, {"tags": ["t" * 65]}, {"tags": [""]}):
        with pytest.raises(runwell.UsageError):
            runwell.init(mode="offline", dir=tmp_path, **refused)


@pytest.mark.parametrize("character", ":;,#?/'")
def test_an_id_with_a_character_of_paths_is_refused(character: str, tmp_path: Path):
    """The characters that wandb refuses in an id are refused, at any place."""
    for run_id in (f"a{character}b", character, f"{character}a"):
        with pytest.raises(runwell.UsageError):
            runwell.init(mode="offline", dir=tmp_path, id=run_id)


@pytest.mark.parametrize("character", "/\\#?%:")
def test_a_project_with_a_character_of_addresses_is_refused(character: str, tmp_path: Path):
    """The characters that wandb refuses in a project are refused."""
    with pytest.raises(runwell.UsageError):
        runwell.init(mode="offline", dir=tmp_path, project=f"a{character}b")
