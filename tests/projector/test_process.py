"""The projector as a process: health, stop, one at a time, SIGKILL in the middle of work, rebuild beside it."""

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runwell.core.fold import FOLD_VERSION
from runwell_collector.log import open_log_reader
from runwell_projector.dump import digest
from runwell_projector.files import ViewFiles
from runwell_projector.query import Views, wait_for_log_end
from runwell_projector.rebuild import rebuild
from tests.projector.stored import append, renumbered, simple_run
from tests.server import read_json, until

PATIENCE_S = 30.0


@contextmanager
def projector(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A projector that has said where it serves; ended when the test has not."""
    command = [sys.executable, "-m", "runwell_projector", "--data-dir", str(data_dir), "--http", "127.0.0.1:0"]
    with (data_dir / "projector.log").open("ab") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            until(lambda: (address(data_dir) or {}).get("pid") == process.pid, "the projector says where it serves")
            yield process
        finally:
            process.kill()


def address(data_dir: Path) -> dict | None:
    return read_json(data_dir / "components" / "projector.json")


def get(data_dir: Path, path: str) -> tuple[int, str]:
    said = address(data_dir)
    assert said
    try:
        with urllib.request.urlopen(said["http"] + path, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def ended(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that has run to its end."""
    return subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)


async def test_serves_its_state_and_stops_when_told(tmp_path: Path):
    """It is healthy, becomes ready, counts what it did, refuses a second one, and ends with status 0 on SIGTERM."""
    await append(tmp_path, simple_run("one", 1))
    with projector(tmp_path) as process:
        assert wait_for_log_end(tmp_path, PATIENCE_S)
        assert get(tmp_path, "/-/healthy") == (200, "healthy\n")
        until(lambda: get(tmp_path, "/-/ready") == (200, "ready\n"), "ready")
        assert get(tmp_path, "/nothing")[0] == 404
        metrics = dict(line.split(" ") for line in get(tmp_path, "/metrics")[1].splitlines() if line[0] != "#")
        assert float(metrics["runwell_projector_offset"]) == 5
        assert float(metrics["runwell_projector_lag_batches"]) == 0
        assert float(metrics["runwell_projector_rows"]) == 12
        second = ended("runwell_projector", "--data-dir", str(tmp_path))
        assert second.returncode == 1
        assert "another projector works in" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


async def test_killed_in_the_middle_of_work_it_goes_on_where_it_was(tmp_path: Path):
    """SIGKILL during transactions loses and doubles nothing: the dump equals that of one that was never killed."""
    runs = [simple_run(f"run-{number}", number, batches=600, rows=3) for number in range(1, 9)]
    await append(tmp_path, renumbered([batch for part in zip(*runs, strict=True) for batch in part]))
    log = open_log_reader(tmp_path)
    end = log.end()
    log.close()
    kills, position = 0, 0
    with Views.open(tmp_path) as views:
        while position < end:
            with projector(tmp_path) as process:
                before = position
                position = until(lambda: views.position() if views.position() > before else None, "progress")  # noqa: B023
                process.send_signal(signal.SIGKILL)
                kills += position < end
    assert kills >= 2
    serving = ViewFiles(tmp_path).serving()
    assert serving
    assert digest(serving) == rebuild(tmp_path, lambda offset, end: None)


async def test_rebuild_beside_a_running_projector(tmp_path: Path):
    """`runwell rebuild` says how far it is, swaps while the projector runs, and what is appended then goes to the new views."""
    await append(tmp_path, simple_run("one", 1))
    with projector(tmp_path):
        assert wait_for_log_end(tmp_path, PATIENCE_S)
        serving = ViewFiles(tmp_path).serving()
        assert serving
        rebuilt = ended("runwell", "rebuild", "--dir", str(tmp_path))
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert "5 of 5 batches" in rebuilt.stderr
        assert digest(serving) in rebuilt.stdout
        await append(tmp_path, simple_run("two", 2))
        assert wait_for_log_end(tmp_path, PATIENCE_S)
        with Views.open(tmp_path) as views:
            assert views.status()["file"] == f"views-{FOLD_VERSION}.2.db"
            assert views.runs()[0] == 2


def test_rebuild_without_a_log_says_so(tmp_path: Path):
    """One clear line and status 1."""
    refused = ended("runwell", "rebuild", "--dir", str(tmp_path))
    assert refused.returncode == 1
    assert "there is no event log in" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_an_address_that_is_none_is_refused(tmp_path: Path):
    """--http without a port ends it with a reason."""
    refused = ended("runwell_projector", "--data-dir", str(tmp_path), "--http", "nowhere")
    assert refused.returncode == 2
    assert "'nowhere' is not HOST:PORT" in refused.stderr


async def test_settled_means_that_nothing_is_under_way(tmp_path: Path):
    """Settle waits for the views, empties the write-ahead files and says how much there is; without a projector it fails."""
    await append(tmp_path, simple_run("one", 1, batches=30, rows=100))
    arguments = ("settle", "--data-dir", str(tmp_path), "--timeout")
    late = ended("runwell_projector", *arguments, "0.2")
    assert (late.returncode, "is the projector running" in late.stderr) == (1, True)
    with projector(tmp_path):
        done = ended("runwell_projector", *arguments, str(PATIENCE_S))
        assert done.returncode == 0, done.stderr
        assert "settled at offset 32: 3,000 rows" in done.stdout
        wals = [*tmp_path.glob("views/*-wal"), *tmp_path.glob("log/*-wal")]
        assert [path.stat().st_size for path in wals] == [0] * len(wals)
