"""Offline runs that die and are resumed offline end up as if nothing had happened."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runwell
from tests.server import Server

STEPS, DIES_AT = 400, 170

TRAINER = """
import os, signal, sys
import runwell

resume, last, then = sys.argv[1] or None, int(sys.argv[2]), sys.argv[3]
run = runwell.init(project="offline", id="tired", name="tired", mode="offline", resume=resume, config={"lr": 0.1, "steps": 400})
for step in range(run.starting_step, last):
    run.log({"loss": 1 / (step + 1), "seen": step * 32})
    if step % 100 == 0:
        run.log({"accuracy": step / 400}, step=step + 1, commit=False)
run.summary["best"] = last
if then == "die":
    os.kill(os.getpid(), signal.SIGKILL)
run.finish()
"""


def train(root: Path, resume: str, last: int, then: str) -> int:
    """One process of the run, up to the step ``last``; returns its exit status."""
    command = [sys.executable, "-c", TRAINER, resume, str(last), then]
    return subprocess.run(command, env={**os.environ, "RUNWELL_DIR": str(root)}, check=False, timeout=60).returncode


def sync(spool: Path, base_url: str) -> None:
    """`runwell sync` of one writer's spool."""
    command = [sys.executable, "-m", "runwell", "sync", str(spool), "--base-url", base_url]
    subprocess.run(command, check=True, timeout=60)


def outcome(base_url: str) -> dict[str, Any]:
    """What a reader sees of the run, but for times, places and the number of attempts."""
    run = runwell.Api(base_url).run("tester/offline/tired")
    return {
        "rows": [untimed(row) for row in run.history(samples=None)],
        "summary": untimed(dict(run.summary)),
        "config": dict(run.config),
        "state": run.state,
        "name": run.name,
    }


def untimed(row: dict[str, Any]) -> dict[str, Any]:
    """A row or summary without what the clock said."""
    return {key: value for key, value in row.items() if key not in ("_timestamp", "_runtime")}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_offline_kill_and_resume_equal_an_uninterrupted_run(
    order: tuple[int, int], server: Server, tmp_path: Path
) -> None:
    """Killed and resumed without a server, then synced in either order: equal to the uninterrupted run."""
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert train(whole, "", STEPS, "finish") == 0
    assert train(torn, "", DIES_AT, "die") == -signal.SIGKILL
    assert train(torn, "must", STEPS, "finish") == 0
    spools = sorted((torn / "spool").glob("tired.*"), key=lambda path: path.stat().st_ctime_ns)
    assert len(spools) == 2
    for place in order:
        sync(spools[place], server.http)
    resumed = outcome(server.http)
    other = Server.start(tmp_path / "other")
    try:
        sync(next((whole / "spool").glob("tired.*")), other.http)
        expected = outcome(other.http)
    finally:
        other.close()
    assert resumed == expected
    assert len(resumed["rows"]) == STEPS


def test_rows_logged_before_a_kill_are_all_there(server: Server, tmp_path: Path) -> None:
    """log() 10 rows, SIGKILL one second later: 10 rows."""
    script = (
        "import os, signal, time, runwell\n"
        "run = runwell.init(project='kill', id='ten', mode='offline')\n"
        "for step in range(10): run.log({'loss': step})\n"
        "time.sleep(1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "RUNWELL_DIR": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    sync(next((tmp_path / "spool").glob("ten.*")), server.http)
    rows = runwell.Api(server.http).run("tester/kill/ten").history(samples=None)
    assert [row["loss"] for row in rows] == list(range(10))
