"""Runwell for the benchmark of trackers: offline, where a row is a write to the spool; and with its server (`-server`).

A training process that was killed leaves what it logged in its spool. In the variant with a server, whoever reads
afterwards sends that first, as a user would: with `runwell sync`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import runwell

SERVER = os.environ.get("BENCH_SERVER", "") if "server" in os.environ.get("BENCH_VARIANT", "") else ""


run: runwell.Run


def init(directory, config):
    """Begins a run."""
    global run
    if SERVER:
        os.environ["RUNWELL_BASE_URL"] = SERVER
    run = runwell.init(project="bench", config=config, dir=directory, mode="online" if SERVER else "offline")
    if sys.argv[2] == "crash":
        wait_for_children()


def wait_for_children(timeout_s=5.0):
    """W8tree kills the helpers that it sees now, and takes it for a failure when one (git, a launcher) has ended by then."""
    deadline = time.monotonic() + timeout_s
    while any(task.read_text() for task in Path("/proc/self/task").glob("*/children")) and time.monotonic() < deadline:
        time.sleep(0.01)


def log(i, values):
    """One call."""
    run.log(values, step=i)


def finish(summary):
    """Returns when every row is durable: in the spool, or with a server acknowledged by it."""
    run.summary.update(summary)
    run.finish()


def api(directory):
    """What reads back, from a server that has everything."""
    if not SERVER:
        return runwell.Api(spool=directory)
    if not all(delivered(spool) for spool in Path(directory, "spool").iterdir()):
        environment = {**os.environ, "RUNWELL_DIR": directory, "RUNWELL_BASE_URL": SERVER}
        subprocess.run([sys.executable, "-m", "runwell", "sync"], env=environment, check=True)
    return runwell.Api(SERVER)


def delivered(spool):
    """Whether the server has said that it has the whole spool."""
    acked = spool / "acked"
    return acked.exists() and json.loads(acked.read_text())["ended"]


def read_series(directory, key):
    """All values of one metric of the only run."""
    run = api(directory).runs("bench")[0]
    return [row[key] for row in run.scan_history(keys=[key], page_size=10_000)]


def list_runs(directory):
    """All runs with their parameters and last values."""
    runs = api(directory).runs("bench", per_page=1_000)
    return [
        {"params": run.config, "metrics": {key: value for key, value in run.summary.items() if not key.startswith("_")}}
        for run in runs
    ]


def serve(directory, port):
    """Replaces this process by the server."""
    command = [sys.executable, "-m", "runwell", "up", "--dir", str(Path(directory, "server"))]
    os.execv(sys.executable, [*command, "--http-port", str(port), "--grpc-port", "0"])
