"""`runwell tail` beside a run that goes on."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runwell.cli._live import LiveRun
from runwell.cli.tail import News, _draw
from tests.cli.terminal import in_terminal, piped
from tests.server import Server, until

TRAINER = """
import itertools, sys, threading, time, runwell
ended = threading.Event()
seconds = float(sys.argv[1])
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
with runwell.init(project="live", id="followed", settings={"system_interval_s": 0.2, "git": False}) as run:
    until = time.monotonic() + seconds
    for step in itertools.count():
        run.log({"loss": 1.0 / (step + 1), "word\\x1b[31m": "x"})
        print(step, flush=True)
        if ended.wait(0.05) or time.monotonic() > until:
            break
"""


@pytest.fixture(autouse=True)
def sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNWELL_SYSTEM_METRICS")


def trainer(seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", TRAINER, str(seconds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def known(path: str) -> bool:
    return piped("show", path).status == 0


def test_tail_follows_until_the_end(server: Server):
    """Rows, samples and the end come as lines of JSON; a component that dies meanwhile ends nothing."""
    with trainer(60) as training:
        until(lambda: known("live/followed"), "the run is known")
        command = [sys.executable, "-m", "runwell", "tail", "live/followed", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout and training.stdin
            kinds: set[str] = set()
            while not {"row", "sample", "run"} <= kinds:
                kinds.add(json.loads(following.stdout.readline())["kind"])
            server.kill("dashboard")
            while json.loads(following.stdout.readline())["kind"] != "row":
                continue
            training.stdin.close()
            last = [json.loads(line) for line in following.stdout]
            assert following.wait(30) == 0
        rows = [said["_step"] for said in last if said["kind"] == "row"]
        assert rows == sorted(set(rows))
        assert last[-1]["kind"] == "run" and last[-1]["state"] == "finished"
    ended = piped("tail", "live/followed")
    assert (ended.status, ended.output) == (0, "state\tfinished\n")


def test_tail_in_a_terminal(server: Server, runwell_dir: Path):
    """A terminal shows the state, each metric with its curve, and bars of the machine; control characters are escaped."""
    with trainer(8) as training:
        until(lambda: known("live/followed"), "the run is known")
        seen = in_terminal("tail", "live/followed")
        assert training.wait(30) == 0
    assert seen.status == 0, seen.output
    for part in ("tester/live/followed", "loss", "▁", "█", "memory", "finished"):
        assert part in seen.plain, seen.plain[-3000:]
    assert "\x1b[31mx" not in seen.output


def test_tail_draws_while_rows_keep_coming(monkeypatch: pytest.MonkeyPatch):
    """A terminal is drawn anew also when there is never a pause between two rows."""
    drawn = io.StringIO()
    monkeypatch.setattr(sys, "stdout", drawn)
    monkeypatch.setenv("FORCE_COLOR", "1")
    view = {"name": "n", "entity": "e", "project": "p", "run_id": "r", "state": "running", "last_step": 0}
    live = LiveRun(view | {"duration_s": 1.0, "records": {"stored": 1, "expected": 1}})
    ended_at = time.monotonic() + 30

    def rows() -> Iterator[News]:
        step = 0
        while "loss" not in drawn.getvalue():
            assert time.monotonic() < ended_at, "nothing was drawn"
            step += 1
            yield News("row", {"_step": step, "loss": 1.0})

    _draw(live, rows())


def test_tail_of_nothing(server: Server):
    """A run that is not there is told, and is no success."""
    ended = piped("tail", "live/absent")
    assert ended.status == 1 and "absent" in ended.errors
