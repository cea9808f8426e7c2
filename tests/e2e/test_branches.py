"""A run that goes on from a step of another one, or of its own: history, charts, summary and config follow."""

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import runwell
from tests.server import Server

UNTIMED = ("_timestamp", "_runtime")


def begin(**options: Any) -> runwell.Run:
    return runwell.init(
        **{"project": "p", "mode": "offline", "settings": {"git": False, "system_metrics": False}} | options
    )


def train(run: runwell.Run, steps: range, loss: float) -> None:
    for step in steps:
        run.log({"loss": loss + step, "only/here": step} if step % 2 else {"loss": loss + step})


def origin() -> None:
    """Steps 0 to 9; the least loss is that of step 0, the last 109."""
    with begin(id="origin", config={"lr": 0.1, "depth": 3}) as run:
        run.define_metric("loss", summary="min,max,mean,last")
        train(run, range(10), 100)
        run.summary["note"] = "kept"


def rows(reader: runwell.Api, run_id: str, **options: Any) -> list[dict[str, Any]]:
    found = reader.run(f"tester/p/{run_id}").history(**options)
    return [{key: value for key, value in row.items() if key not in UNTIMED} for row in found]


def expected(steps: range, loss: float) -> list[dict[str, Any]]:
    return [{"_step": step, "loss": loss + step} | ({"only/here": step} if step % 2 else {}) for step in steps]


@pytest.fixture
def server(tmp_path: Path):
    server = Server.start(tmp_path / "server")
    yield server
    server.close()


def sync(server: Server) -> None:
    subprocess.run([sys.executable, "-m", "runwell", "sync", "--base-url", server.http], check=True, timeout=60)


def curves(server: Server, run_id: str, key: str, **options: Any) -> dict[str, Any]:
    query = urllib.parse.urlencode({"run": f"tester/p/{run_id}", "key": key, **options})
    with urllib.request.urlopen(f"{server.http}/api/v1/series?{query}", timeout=30) as answer:
        (series,) = json.load(answer)["series"]
        return series


def check_fork(reader: runwell.Api) -> None:
    """What everybody must see of the fork of the fork."""
    assert rows(reader, "fork") == expected(range(6), 100) + expected(range(6, 9), 50)
    assert rows(reader, "again") == expected(range(6), 100) + expected(range(6, 8), 50) + [{"_step": 8, "loss": 7.5}]
    assert rows(reader, "again", keys=["only/here"]) == [{"_step": step, "only/here": step} for step in (1, 3, 5, 7)]
    fork, again = reader.run("tester/p/fork"), reader.run("tester/p/again")
    assert fork.summary["loss"] == {
        "min": 56,
        "max": 105,
        "mean": (sum(range(100, 106)) + 56 + 57 + 58) / 9,
        "last": 58,
    }
    assert (fork.summary["only/here"], fork.summary["note"], fork.summary["_step"]) == (7, "kept", 8)
    assert again.summary["loss"] == {"min": 7.5, "max": 105, "mean": (615 + 56 + 57 + 7.5) / 9, "last": 7.5}
    assert dict(fork.config) == {"lr": 0.5, "depth": 3}
    assert dict(again.config) == dict(fork.config)
    assert rows(reader, "origin") == expected(range(10), 100)


def test_forks_go_on_from_what_was_there(server: Server):
    """A fork, and a fork of it, offline; then synced, and the same from the server, also when the views are rebuilt."""
    origin()
    with begin(id="fork", fork_from="origin?_step=5", config={"lr": 0.5}) as run:
        assert (run.starting_step, run.step, run.resumed, run.attempt) == (6, 6, False, 1)
        assert (run.summary["loss"]["min"], run.summary["loss"]["last"], run.config["depth"]) == (100, 105, 3)
        train(run, range(6, 9), 50)
        assert run.summary["loss"]["min"] == 56
    with begin(id="again", fork_from="fork?_step=7") as run:
        run.log({"loss": 7.5})
        assert run.summary["loss"]["last"] == 7.5
    local = runwell.Api(spool=run.settings.root)
    check_fork(local)
    sync(server)
    check_fork(runwell.Api(server.http))
    assert curves(server, "again", "loss")["columns"]["x"] == list(range(9))
    assert curves(server, "again", "loss", x="metric", x_key="only/here")["columns"]["x"] == [1, 1, 3, 3, 5, 7]
    page = runwell.Api(server.http).run("tester/p/again").scan_history(page_size=2)
    assert [row["_step"] for row in page] == list(range(9))
    subprocess.run([sys.executable, "-m", "runwell", "rebuild", "--dir", str(server.directory)], check=True, timeout=60)
    check_fork(runwell.Api(server.http))


def test_a_fork_keeps_its_past_whatever_the_origin_does_later(server: Server):
    """Later rows and attempts of the origin, and its going back, change nothing of the fork's history."""
    origin()
    with begin(id="fork", fork_from="origin?_step=5") as run:
        run.log({"loss": 1})
    with begin(resume_from="origin?_step=2") as run:
        train(run, range(3, 5), 900)
    sync(server)
    for reader in (runwell.Api(spool=run.settings.root), runwell.Api(server.http)):
        assert rows(reader, "fork") == [*expected(range(6), 100), {"_step": 6, "loss": 1}]
        assert rows(reader, "origin") == expected(range(3), 100) + expected(range(3, 5), 900)


def test_a_run_goes_back_to_a_step(server: Server):
    """Rows after the step are hidden and kept; summary, steps and a later resume follow, by the server's word or not."""
    origin()
    with begin(resume_from="origin?_step=4") as run:
        assert (run.id, run.starting_step, run.attempt, run.resumed) == ("origin", 5, 2, True)
        assert run.summary["loss"] == {"min": 100, "max": 104, "mean": 102, "last": 104}
        train(run, range(5, 7), 10)
    local = runwell.Api(spool=run.settings.root)
    sync(server)
    for reader in (local, runwell.Api(server.http)):
        assert rows(reader, "origin") == expected(range(5), 100) + expected(range(5, 7), 10)
        whole = [row["loss"] for row in rows(reader, "origin", all=True)]
        assert sorted(whole) == sorted([*range(100, 110), 15, 16])
        summary = reader.run("tester/p/origin").summary
        assert summary["loss"] == {"min": 15, "max": 104, "mean": (510 + 31) / 7, "last": 16}
        assert (summary["_step"], summary["only/here"], summary["note"]) == (6, 5, "kept")
    for options in ({}, {"mode": "online", "settings": {"git": False, "base_url": server.http}}):
        with begin(id="origin", resume="must", **options) as run:
            assert run.starting_step == 7
            assert run.summary["loss"]["min"] == 15
    assert rows(local, "origin") == expected(range(5), 100) + expected(range(5, 7), 10)


def test_online_branches_ask_the_server(server: Server, tmp_path: Path):
    """On another machine, which has no spool of the origin, the server tells what was logged by the step."""
    origin()
    sync(server)
    elsewhere = {"mode": "online", "dir": tmp_path / "elsewhere"}
    settings = {"git": False, "system_metrics": False, "base_url": server.http}
    with begin(id="fork", fork_from="origin?_step=5", config={"lr": 0.5}, settings=settings, **elsewhere) as run:
        assert run.summary["loss"] == {"min": 100, "max": 105, "mean": 102.5, "last": 105}
        train(run, range(6, 9), 50)
    reader = runwell.Api(server.http)
    assert rows(reader, "fork") == expected(range(6), 100) + expected(range(6, 9), 50)
    assert reader.run("tester/p/fork").summary["loss"]["max"] == 105
    with begin(resume_from="fork?_step=6", settings=settings, **elsewhere) as run:
        assert run.summary["loss"] == {"min": 56, "max": 105, "mean": (615 + 56) / 7, "last": 56}
        run.log({"loss": 3})
    assert rows(reader, "fork") == expected(range(6), 100) + expected(range(6, 7), 50) + [{"_step": 7, "loss": 3}]
    with pytest.raises(runwell.UsageError, match="there is no run"):
        begin(resume_from="nowhere?_step=1", settings=settings, **elsewhere)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fork_from": "origin"}, "must be like"),
        ({"fork_from": "origin?epoch=3"}, "by _step alone"),
        ({"fork_from": "origin?_step=-1"}, "whole number"),
        ({"fork_from": "origin?_step=1e3"}, "whole number"),
        ({"fork_from": "origin?_step=3", "id": "origin"}, "takes another run"),
        ({"fork_from": "origin?_step=3", "resume": "allow"}, "exclude each other"),
        ({"fork_from": "a?_step=3", "resume_from": "a?_step=3"}, "exclude each other"),
        ({"resume_from": "origin?_step=3", "id": "other"}, "is another"),
        ({"resume_from": "nowhere?_step=3"}, "there is no run"),
        ({"fork_from": "nowhere?_step=3", "id": "origin"}, "exists"),
    ],
)
def test_a_branch_that_cannot_be_meant(options: dict[str, Any], message: str):
    """Each is one clear error, and no run is begun."""
    origin()
    with pytest.raises(runwell.UsageError, match=message):
        begin(**options)


def test_a_fork_of_a_run_that_is_not_here(capsys: pytest.CaptureFixture[str]):
    """Offline it begins with a warning, and remembers where it comes from."""
    with begin(id="fork", fork_from="elsewhere?_step=41") as run:
        run.log({"loss": 1})
        assert run.starting_step == 42
    assert "nothing is known here" in capsys.readouterr().err
    view = runwell.Api(spool=run.settings.root).run("tester/p/fork").view
    assert (view["forked_from"]["run_id"], view["forked_from"]["step"], view["last_step"]) == ("elsewhere", 41, 42)


def test_step_metrics_are_carried_along_by_the_server_too(server: Server):
    """Rows show the latest value of the step metric that they were logged without: the same from spool and server, for all
    rows, for some keys, page by page and thinned.
    """
    with begin(id="carried") as run:
        run.define_metric("val/*", step_metric="epoch")
        for number in range(12):
            run.log({"val/loss": number / 2, **({"epoch": number} if number % 4 == 1 else {})})
            run.log({"val/text": "x", "other": number}) if number % 3 == 0 else None
        run.log({"epoch": "a text"})
        run.log({"val/loss": 7.0})
    with begin(id="later", fork_from="carried?_step=13") as run:
        run.log({"val/loss": 8.0})
        run.log({"val/loss": 9.0, "epoch": 9.5})
        run.log({"val/text": "y"})
    sync(server)
    local, stored = runwell.Api(spool=run.settings.root), runwell.Api(server.http)
    for name in ("carried", "later"):
        whole = rows(local, name)
        assert whole == rows(stored, name)
        assert sum("epoch" in row for row in whole) > 10
        pages = stored.run(f"tester/p/{name}").scan_history(page_size=3)
        assert [{key: row[key] for key in row if key not in UNTIMED} for row in pages] == whole
        for keys in (["val/loss", "epoch"], ["epoch"], ["val/text"], ["other", "val/text"]):
            assert rows(local, name, keys=keys) == rows(stored, name, keys=keys)
            assert rows(local, name, keys=keys, samples=3) == rows(stored, name, keys=keys, samples=3)


def test_a_value_at_the_best_of_before_is_not_told():
    """Where another metric was best before the fork the summary has no value, never a wrong one; a better one has its own."""
    with begin(id="origin") as run:
        run.define_metric("accuracy", at="loss")
        run.log({"loss": 1, "accuracy": 0.7})
    found = []
    for loss in (2, 0.5):
        with begin(fork_from="origin?_step=0") as run:
            run.log({"loss": loss, "accuracy": 0.8})
        found.append(runwell.Api(spool=run.settings.root).run(run.path).summary.get("accuracy"))
    assert found == [None, {"best": 0.8}]
