"""Every way in which a training process ends, as the server shows it afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import runwell
from tests.forwarder.collector_process import Forwarders
from tests.server import Server, until

BEGINNING = """
import os, signal, sys
# Jobs that a shell has put into the background ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
import runwell
run = runwell.init(project="ends", id=sys.argv[1])
for step in range(3):
    run.log({"loss": 1.0 - step / 4})
"""


class End(NamedTuple):
    """A way to end, and what comes of it: the process's own status, the run's state and exit code."""

    program: str
    status: int
    state: str
    exit_code: int | None


ENDS = {
    "without a word": End("", 0, "finished", 0),
    "finish": End("run.finish()", 0, "finished", 0),
    "finish(5)": End("run.finish(5)", 0, "failed", 5),
    "finish twice": End("run.finish(); run.finish(7)", 0, "finished", 0),
    "exception": End("raise ValueError('no good')", 1, "failed", 1),
    "exception in a with block": End("with run:\n    raise ValueError('no good')", 1, "failed", 1),
    "sys.exit(3)": End("sys.exit(3)", 3, "failed", 3),
    "sys.exit(0)": End("sys.exit(0)", 0, "finished", 0),
    "sys.exit(text)": End("sys.exit('the data set is empty')", 1, "failed", 1),
    "exit(4)": End("exit(4)", 4, "failed", 4),
    # Python tells nobody about it before the process is gone.
    "raise SystemExit(3)": End("raise SystemExit(3)", 3, "finished", 0),
    "sys.exit in a thread": End(
        "import threading\nthread = threading.Thread(target=sys.exit, args=(3,))\nthread.start()\nthread.join()",
        0,
        "finished",
        0,
    ),
    "Ctrl-C": End("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "failed", 255),
    "SIGTERM": End("os.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()", -signal.SIGTERM, "failed", 143),
    "SIGTERM, handled after init": End(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\nos.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()",
        9,
        "failed",
        9,
    ),
    "SIGHUP": End("os.kill(os.getpid(), signal.SIGHUP)\nsignal.pause()", -signal.SIGHUP, "crashed", None),
    "SIGKILL": End("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "crashed", None),
    "os._exit": End("os._exit(0)", 0, "crashed", None),
    "abort": End("os.abort()", -signal.SIGABRT, "crashed", None),
    "exec": End("os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(6)'])", 6, "crashed", None),
    "out of memory": End(
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\nbytes(1 << 31)", 1, "failed", 1
    ),
}


class Place(NamedTuple):
    """A server and the environment of processes that find it."""

    server: Server
    environment: dict[str, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server for all endings; its forwarder ends with the module."""
    root = tmp_path_factory.mktemp("root")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNWELL_", "WANDB_"))}
    environment = kept | {"RUNWELL_DIR": str(root), "RUNWELL_ENTITY": "tester"}
    with contextlib.closing(Server.start(root / "server")) as server:
        yield Place(server, environment)
        Forwarders(root / "spool").kill(signal.SIGTERM)


def ended(place: Place, program: str, run_id: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + program, run_id],
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def over(place: Place, run_id: str) -> Any:
    """The run, once the server knows that it is over."""
    runs = [run for run in runwell.Api(place.server.http).runs("tester/ends") if run.id == run_id]
    return None if not runs or runs[0].state == "running" else runs[0]


@pytest.mark.parametrize("how", ENDS)
def test_how_a_process_ends_is_what_its_run_shows(how: str, place: Place, tmp_path: Path):
    """The process ends as it would without Runwell; every row is there, the summary, the state and the exit code."""
    end = ENDS[how]
    run_id = tmp_path.name[:60]
    process = ended(place, end.program, run_id)
    assert process.returncode == end.status, process.stderr
    raised = end.program.startswith(("raise ValueError", "with", "import resource")) or how == "Ctrl-C"
    assert process.stderr.count("Traceback") == raised, process.stderr
    run = until(lambda: over(place, run_id), "the server knows that the run is over")
    assert (run.state, run.view["exit_code"]) == (end.state, end.exit_code)
    assert [row["loss"] for row in run.scan_history()] == [1.0, 0.75, 0.5]
    assert run.summary["loss"] == 0.5
