"""Forwarder, collector and training process as real processes, killed at the worst times."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runwell.forwarder.presence import Presence
from runwell.forwarder.spawn import deliver, ensure_forwarder
from tests.forwarder.adverse_collector import AdverseCollector, hanging, in_background
from tests.forwarder.collector_process import URL, CollectorProcess, Forwarders
from tests.forwarder.spool_writer import HeldLock, SpoolWriter
from tests.forwarder.test_sync_command import announce
from tests.server import until

NewSpool = Callable[..., SpoolWriter]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[CollectorProcess]:
    """A running collector, known in this test's root directory."""
    process = CollectorProcess(tmp_path)
    process.start()
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(process.kill)
        yield process


@pytest.fixture
def forwarders(tmp_path: Path) -> Iterator[Forwarders]:
    """The forwarders of this test, ended with it."""
    (tmp_path / "spool").mkdir()
    found = Forwarders(tmp_path / "spool")
    yield found
    found.kill(signal.SIGTERM)


def sync(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runwell", "sync", str(path)], capture_output=True, text=True, check=False
    )


def test_deliver_starts_a_forwarder_and_waits_for_the_ack(
    new_spool: NewSpool,
    tmp_path: Path,
    collector: CollectorProcess,
    forwarders: Forwarders,
    hold_lock: Callable[[Path], HeldLock],
) -> None:
    """A live writer's last record is acked when ``deliver`` says so; a second run finds the same forwarder."""
    root, pids = tmp_path / "spool", []
    for run in ("one", "two"):
        spool = new_spool(run)
        hold_lock(spool.directory)
        ensure_forwarder(root, URL)
        spool.start()
        spool.rows_of(10)
        spool.finish()
        report = deliver(root, URL, spool.writer.hex(), spool.record, 30)
        assert (report.acked, report.complete, report.reason) == (12, True, "")
        assert collector.rows()[run] == list(range(1, 11))
        pids.append(forwarders.pid())
    assert pids[0] is not None
    assert pids[0] == pids[1]


def _more_rows_than(count: int, collector: CollectorProcess) -> bool:
    return len(collector.rows().get("r1", [])) > count


def test_killed_forwarders_and_collectors_lose_nothing(
    new_spool: NewSpool,
    tmp_path: Path,
    collector: CollectorProcess,
    forwarders: Forwarders,
    hold_lock: Callable[[Path], HeldLock],
) -> None:
    """While a writer goes on, forwarder and collector are killed in turn; every row is in the log once."""
    spool = new_spool()
    lock = hold_lock(spool.directory)
    spool.start()
    for turn in range(6):
        ensure_forwarder(tmp_path / "spool", URL)
        spool.rows_of(200)
        until(partial(_more_rows_than, turn * 100, collector), "some rows arrive")
        if turn % 3 == 2:
            collector.kill()
            collector.start()
        else:
            until(forwarders.kill, "a forwarder to kill")
    spool.finish()
    report = deliver(tmp_path / "spool", URL, spool.writer.hex(), spool.record, 40)
    assert report.complete, report.reason
    assert collector.rows()["r1"] == list(range(1, 1201))
    lock.release()


def test_forwarders_do_not_multiply(
    new_spool: NewSpool, tmp_path: Path, collector: CollectorProcess, forwarders: Forwarders
) -> None:
    """Of many that are started at once one stays, and it has left the session and descriptors of who started it."""
    spool = new_spool()
    spool.start()
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    command = [sys.executable, "-m", "runwell", "sync", "--follow", "--base-url", URL, str(tmp_path / "spool")]
    started = [subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.PIPE) for _ in range(4)]
    for process in started:
        output, _ = process.communicate(timeout=30)
        assert (process.returncode, output) == (0, b"")
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)
    pid = until(forwarders.pid, "a forwarder")
    assert os.getsid(pid) != os.getsid(0)
    assert Presence(tmp_path / "spool", URL).held()
    until((spool.directory / "acked").exists, "the spool is sent")
    assert forwarders.pid() == pid


def test_a_forwarder_on_its_way_is_not_started_again(
    new_spool: NewSpool,
    tmp_path: Path,
    collector: CollectorProcess,
    forwarders: Forwarders,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that ends at once waits for the forwarder that its init() started."""
    starts: list[object] = []

    class CountedPopen(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: Any) -> None:
            starts.append(command)
            super().__init__(command, **options)

    monkeypatch.setattr(subprocess, "Popen", CountedPopen)
    spool = new_spool()
    spool.start()
    ensure_forwarder(tmp_path / "spool", URL)
    report = deliver(tmp_path / "spool", URL, spool.writer.hex(), spool.record, 40)
    assert report.complete, report.reason
    assert len(starts) == 1


def test_why_a_forwarder_cannot_start_is_in_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gRPC there is none; the training process goes on, and the forwarder's log has the reason."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "grpc.py").write_text("raise ImportError('no gRPC here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    ensure_forwarder(tmp_path / "spool", URL)
    log = Presence(tmp_path / "spool", URL).log_path
    until(lambda: log.exists() and "no gRPC here" in log.read_text(), "the reason is in the log")


def test_an_unreachable_server_is_not_waited_for(new_spool: NewSpool, tmp_path: Path, forwarders: Forwarders) -> None:
    """``deliver`` comes back early, says why, and what it could not send arrives later."""
    spool = new_spool()
    spool.start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        announce(tmp_path, taken.getsockname()[1])
        report = deliver(tmp_path / "spool", URL, spool.writer.hex(), spool.record, 50)
    assert (report.acked, report.complete) == (0, False)
    assert "refused" in report.reason
    process = CollectorProcess(tmp_path)
    process.start()
    try:
        assert deliver(tmp_path / "spool", URL, spool.writer.hex(), spool.record, 30).complete
    finally:
        process.kill()


async def test_a_hanging_collector_is_left_in_time(new_spool: NewSpool, tmp_path: Path, forwarders: Forwarders) -> None:
    """``deliver`` ends within its time against a collector that says nothing; the spool then goes to another one, once."""
    spool = new_spool()
    spool.start()
    spool.rows_of(50)
    spool.finish()
    code = "import sys; from pathlib import Path; from runwell.forwarder.spawn import deliver; "
    code += "print(deliver(Path(sys.argv[1]), sys.argv[2], sys.argv[3], 52, 1.5))"
    async with AdverseCollector(hanging(after=1)) as adverse:
        announce(tmp_path, adverse.port)
        words = [sys.executable, "-c", code, str(tmp_path / "spool"), URL, spool.writer.hex()]
        status, output, errors = await in_background(words)
    assert (status, errors) == (0, "")
    assert "complete=False" in output
    assert "did not confirm" in output
    forwarders.kill()
    process = CollectorProcess(tmp_path)
    process.start()
    try:
        finished = await in_background([sys.executable, "-m", "runwell", "sync", str(tmp_path)])
        assert finished[0] == 0, finished
        assert process.rows()["r1"] == list(range(1, 51))
    finally:
        process.kill()


def test_a_copied_live_spool_makes_no_duplicates(
    new_spool: NewSpool, tmp_path: Path, collector: CollectorProcess
) -> None:
    """A copy sent first, the grown original after it, and the copy again: every row is in the log once."""
    spool = new_spool()
    spool.start()
    spool.rows_of(20)
    shutil.copytree(tmp_path / "spool", tmp_path / "copy" / "spool")
    (tmp_path / "copy" / "server").symlink_to(collector.data_dir)
    assert sync(tmp_path / "copy").returncode == 0
    spool.rows_of(20)
    spool.finish()
    assert sync(tmp_path).returncode == 0
    sync(tmp_path / "copy")
    assert collector.rows()["r1"] == list(range(1, 41))


def test_foreground_and_follower_take_turns(
    new_spool: NewSpool,
    tmp_path: Path,
    collector: CollectorProcess,
    forwarders: Forwarders,
    hold_lock: Callable[[Path], HeldLock],
) -> None:
    """`runwell sync` beside a forwarder sends a live run's rows, and the forwarder goes on with it afterwards."""
    spool = new_spool()
    hold_lock(spool.directory)
    spool.start()
    ensure_forwarder(tmp_path / "spool", URL)
    assert deliver(tmp_path / "spool", URL, spool.writer.hex(), 1, 30).complete
    spool.rows_of(10)
    finished = sync(tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "still running" in finished.stdout
    spool.rows_of(10)
    spool.finish()
    assert deliver(tmp_path / "spool", URL, spool.writer.hex(), spool.record, 30).complete
    assert collector.rows()["r1"] == list(range(1, 21))
