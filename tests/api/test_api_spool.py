"""Reading spools without a server."""

import math
from pathlib import Path

import pytest

from runwell._api import Api
from runwell._api_edits import RunSummary
from runwell._api_errors import ApiError, NotFoundError, RequestRefusedError
from runwell._api_runs import thinned
from tests.api.scene import HOSTILE_ID, PROJECT, write_hostile, write_plain, write_scene
from tests.forwarder.spool_writer import HeldLock, SpoolWriter


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """An Api on the spools of the scene."""
    return Api(spool=write_scene(tmp_path / "spool"))


def test_a_run_has_what_was_written(api: Api):
    """Attributes of a run are what its events say."""
    run = api.run(f"{PROJECT}/plain")
    assert (run.entity, run.project, run.id, run.name) == ("ada", "digits", "plain", "calm-heron-1")
    assert (run.state, run.group, run.job_type, run.tags, run.notes) == (
        "finished",
        "g",
        "train",
        ["baseline", "fast"],
        None,
    )
    assert run.config == {"lr": 0.1, "opt": {"name": "adam", "weight.decay": 0.01}, "n": 2**53 + 1}
    assert run.config["opt.weight.decay"] == run.config["opt"]["weight.decay"] == 0.01
    assert run.summary["loss"] == 0.05
    assert run.summary["best.loss"] == 0.05
    assert run.last_step == 19
    assert run.path == ["ada", "digits", "plain"]


def test_runs_are_found_by_short_paths(api: Api):
    """An id alone, or with its project, is enough when it is clear; wandb's form of the path works too."""
    assert {api.run(path).id for path in ("plain", "digits/plain", "ada/digits/plain", "ada/digits/runs/plain")} == {
        "plain"
    }
    assert api.run(HOSTILE_ID).id == HOSTILE_ID
    for path in ("nothing", "digits/nothing", "ada/digits/nothing", "other/digits/plain"):
        with pytest.raises(NotFoundError, match="there is no run"):
            api.run(path)
    with pytest.raises(RequestRefusedError, match="is not ENTITY/PROJECT/ID"):
        api.run("a/b/c/d")


def test_history_is_exact(api: Api):
    """History has every row once, with NaN, infinities and large integers as they were logged."""
    rows = api.run("odd").history()
    assert [row["_step"] for row in rows] == [0, 1, 2]
    assert math.isnan(rows[0]["loss"]) and rows[0]["count"] == 2**53 + 1 and rows[0]["ok"] is True
    assert rows[1]["loss"] == math.inf and rows[1]["extra"] == -math.inf and rows[1]["ok"] is False
    assert rows[2]["text"] == "tab\tnew\nline 🏃" and rows[2]["big"] == 2**70 and rows[2]["none"] is None
    assert rows[2]["deep.key"] == 1.5 and rows[2]["list"] == [1, {"a": 2}]
    assert api.run("odd").history(masked=True)[0]["loss"] == 9.0


def test_later_attempts_win_unless_all_are_wanted(api: Api):
    """For one key and step the later attempt counts; all=True shows both."""
    run = api.run("resumed")
    losses = [row["loss"] for row in run.history(keys=["loss"])]
    assert losses == [10.0, 11.0, 12.0, 13.0, 14.0, *(20.0 + step for step in range(5, 12))]
    assert len(list(run.scan_history(["loss"], all=True))) == 17
    assert (run.state, run.view["attempts"]) == ("finished", 2)


def test_scan_history_selects(api: Api):
    """Keys mean rows that have all of them; min_step is inclusive and max_step exclusive."""
    run = api.run("plain")
    rows = list(run.scan_history(["loss", "epoch"], page_size=3, min_step=5, max_step=8))
    assert [(row["_step"], row["epoch"], set(row)) for row in rows] == [
        (step, 1, {"_step", "_timestamp", "_runtime", "loss", "epoch"}) for step in (5, 6, 7)
    ]
    assert list(run.scan_history(["loss", "never"])) == []
    assert len(api.run("odd").history(keys=["loss", "extra"])) == 1
    with pytest.raises(ValueError, match="page_size"):
        run.scan_history(page_size=0)


def test_samples_are_evenly_spaced(api: Api):
    """samples= keeps the first and the last row and evenly spaced ones between."""
    run = api.run("plain")
    assert [row["_step"] for row in run.history(samples=5)] == [0, 5, 10, 14, 19]
    assert len(run.history(samples=1000)) == 20
    assert thinned([{"a": 1}, {"a": 2}], 1) == [{"a": 2}]
    with pytest.raises(ValueError, match="samples"):
        run.history(samples=0)


def test_runs_are_a_lazy_sequence(api: Api):
    """Runs have a length, can be indexed and sliced, and are filtered in either language."""
    runs = api.runs("ada/digits", per_page=2)
    assert len(runs) == 4
    assert [run.id for run in runs] == [run.id for run in runs[:]]
    assert runs[-1].id == runs[3].id
    assert [run.id for run in runs[1:3]] == [runs[1].id, runs[2].id]
    with pytest.raises(IndexError):
        runs[4]
    assert {run.id for run in api.runs("digits", "config.lr <= 0.2")} == {"plain", "odd"}
    assert [run.id for run in api.runs(filters={"config.lr": {"$gt": 0.1}, "state": "failed"})] == ["odd"]
    assert [run.id for run in api.runs(order="-config.lr")][:2] == ["odd", "plain"]
    assert len(api.runs("nobody/digits")) == 0 == len(api.runs("other"))
    with pytest.raises(RequestRefusedError, match="did you mean state"):
        api.runs(filters="stat == 'x'")


def test_projects_are_counted(api: Api):
    """Projects say how many runs they have and how many of them run."""
    (project,) = api.projects()
    assert (project["entity"], project["project"], project["runs"], project["running"]) == ("ada", "digits", 4, 0)


def test_a_held_lock_means_running(tmp_path: Path):
    """A writer that holds its lock runs; one that let go of it without a word has crashed."""
    spool = write_hostile(tmp_path)
    lock = HeldLock(spool.directory)
    run = Api(spool=tmp_path).run(HOSTILE_ID)
    assert run.state == "running"
    lock.release()
    assert run.load().state == "crashed"


def test_a_scan_goes_on_while_another_begins(tmp_path: Path):
    """Two scans of one Api do not disturb each other."""
    write_plain(tmp_path)
    other = SpoolWriter(tmp_path, "other")
    other.start()
    other.rows_of(5)
    api = Api(spool=tmp_path)
    first, second = api.run("plain").scan_history(page_size=1), api.run("other").scan_history(page_size=1)
    pairs = list(zip(first, second, strict=False))
    assert [(left["_step"], right["_step"]) for left, right in pairs] == [(step, step + 1) for step in range(5)]


def test_what_cannot_be_read_is_said_and_the_rest_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A spool of a newer version is named in a warning and does not hide the others."""
    write_plain(tmp_path)
    SpoolWriter(tmp_path, "newer", version=9)
    assert [run.id for run in Api(spool=tmp_path).runs()] == ["plain"]
    assert "newer" in caplog.text
    with pytest.raises(ApiError, match="there is no directory"):
        Api(spool=tmp_path / "nowhere")


def test_nested_names_reach_into_summaries():
    """A name with dots reaches nested values, and a literal key wins."""
    summary = RunSummary({"a": {"b": {"c": 1}}, "a.b": {"d": 2}, "x.y": 3})
    assert (summary["a.b.c"], summary["a.b.d"], summary["x.y"]) == (1, 2, 3)
    with pytest.raises(KeyError):
        summary["a.b.e"]


def test_a_spool_that_becomes_unreadable_is_read_as_far_as_it_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A later segment of a newer version costs what is in it, and is told; other runs are read as ever."""
    spool = write_plain(tmp_path / "spool")
    spool.start_segment()
    spool.path.write_bytes(b"RWSPOOL\x09" + bytes(10))
    api = Api(spool=tmp_path)
    assert [run.id for run in api.runs()] == ["plain"]
    assert len(api.run("plain").history()) == 20
    assert "version 9" in caplog.text
