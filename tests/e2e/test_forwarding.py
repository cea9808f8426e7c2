"""What the forwarder beside a training process sends, and when there is one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runwell
from runwell import _lane
from tests.forwarder.collector_process import Forwarders
from tests.server import Server, until


def row_count(base_url: str, path: str) -> int:
    """Rows of a run that the server has; 0 while it does not know the run."""
    project, _, run_id = path.rpartition("/")
    steps = [run.last_step for run in runwell.Api(base_url).runs(project) if run.id == run_id]
    return steps[0] + 1 if steps and steps[0] is not None else 0


def test_a_killed_forwarder_is_started_again_while_the_run_goes_on(
    server: Server, runwell_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forwarder is killed in the middle of a run; what is logged later reaches the server without finish()."""
    monkeypatch.setattr(_lane, "FORWARDER_INTERVAL_S", 0.0)
    forwarders = Forwarders(runwell_dir / "spool")
    with runwell.init(project="live", id="long") as run:
        run.log({"loss": 1.0})
        until(lambda: row_count(server.http, "tester/live/long") == 1, "the first row arrives")
        first = until(forwarders.pid, "a forwarder")
        os.kill(first, signal.SIGKILL)
        until(forwarders.are_gone, "the forwarder ends")
        run.log({"loss": 0.5})
        until(lambda: row_count(server.http, "tester/live/long") == 2, "the second row arrives")
        assert forwarders.pid() != first


def test_offline_runs_wait_for_sync(server: Server, runwell_dir: Path) -> None:
    """The forwarder of an online run leaves an offline run in the same place alone; `runwell sync` sends it."""
    script = (
        "import runwell\n"
        "with runwell.init(project='live', id='private', mode='offline') as run:\n"
        "    run.log({'loss': 1.0})\n"
        "with runwell.init(project='live', id='public') as run:\n"
        "    run.log({'loss': 1.0})\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert row_count(server.http, "tester/live/public") == 1
    assert row_count(server.http, "tester/live/private") == 0
    subprocess.run([sys.executable, "-m", "runwell", "sync"], check=True, timeout=60)
    assert row_count(server.http, "tester/live/private") == 1
