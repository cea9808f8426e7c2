"""The collector as a process: how it starts, refuses to, is killed and stops."""

import asyncio
import json
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from runwell_collector.config import Address, CollectorConfig, ConfigError
from runwell_collector.directory import filesystem_type, refuse_network_filesystem
from runwell_collector.log import open_log_reader
from tests.collector.sender import Stream, Writer

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
LOCAL = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")


@dataclass
class Process:
    """A collector that serves, and what it has announced."""

    process: asyncio.subprocess.Process
    said: dict[str, str]

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await self.process.wait()


async def launched(data_dir: Path, *arguments: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "runwell_collector", "--data-dir", str(data_dir), *(arguments or LOCAL)]
    return await asyncio.create_subprocess_exec(
        *command, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


@asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[Process]:
    process = await launched(data_dir)
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            assert process.stderr
            line = (await process.stderr.readline()).decode()
        assert line.startswith("collector: ready"), line
        yield Process(process, json.loads((data_dir / "components" / "collector.json").read_text()))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def failed_start(data_dir: Path, *arguments: str) -> str:
    """What a collector says that cannot start: one line, with status 2."""
    process = await launched(data_dir, *arguments)
    async with asyncio.timeout(START_TIMEOUT_S):
        _, errors = await process.communicate()
    assert process.returncode == 2
    (line,) = errors.decode().splitlines()
    return line


async def test_killed_in_mid_stream_everything_acknowledged_is_there(tmp_path: Path):
    """SIGKILL between sends, three times: every acked record is in the log, once, and the stream goes on behind it."""
    writers = [Writer(f"run {number}") for number in range(3)]
    acked = dict.fromkeys([writer.id for writer in writers], 0)
    for _ in range(3):
        async with serving(tmp_path) as collector, Stream(collector.said["grpc"]) as stream:
            following = {}
            for writer in writers:
                durable = (await stream.opened(writer)).durable
                assert durable >= acked[writer.id]
                following[writer.id] = durable + 1
            began = min(following.values())
            for _ in range(40):
                await stream.send(*[writer.batch(following[writer.id], 2) for writer in writers])
                following = {writer_id: first + 2 for writer_id, first in following.items()}
            while min(acked.values()) < began + 20:
                ack = await stream.expect("ack")
                acked[ack.writer_id] = ack.durable
            assert await collector.end(signal.SIGKILL) == -signal.SIGKILL
    reader = open_log_reader(tmp_path)
    for writer in writers:
        stored = [batch for batch in reader.read(0) if batch.writer == writer.id]
        numbers = [number for batch in stored for number in range(batch.first, batch.first + batch.count)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= acked[writer.id] > 0
    reader.close()


async def test_a_graceful_stop(tmp_path: Path):
    """SIGTERM with a stream open and a batch just acked: status 0, nothing announced any more, nothing left to recover."""
    writer = Writer()
    async with serving(tmp_path) as collector, Stream(collector.said["grpc"]) as stream:
        assert collector.said["pid"] == collector.process.pid
        await stream.opened(writer)
        await stream.send(writer.batch(1, 5))
        await stream.acked(5)
        assert await collector.end(signal.SIGTERM) == 0
    assert not (tmp_path / "components" / "collector.json").exists()
    assert not list((tmp_path / "log").glob("*-wal"))


async def test_a_second_collector_says_so(tmp_path: Path):
    """One collector a log: the second start ends with one line that names the directory."""
    async with serving(tmp_path):
        assert f"{tmp_path / 'log'} is in use by another collector" in await failed_start(tmp_path)


@pytest.mark.parametrize("option", ["--grpc", "--http"])
async def test_a_busy_port_is_named(option: str, tmp_path: Path):
    """A port that is taken stops the start with one line that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert f"cannot listen on {address}" in await failed_start(tmp_path, *LOCAL, option, address)


async def test_a_damaged_log_stops_the_start(tmp_path: Path):
    """A damaged last segment stops the start with one line that names the file, and the file stays."""
    async with serving(tmp_path) as collector:
        assert await collector.end(signal.SIGTERM) == 0
    (segment,) = (tmp_path / "log").glob("*.db")
    segment.write_bytes(b"something else")
    assert str(segment) in await failed_start(tmp_path)
    assert segment.read_bytes() == b"something else"


def test_other_machines_are_kept_out():
    """An address that other machines reach needs an explicit word, as long as there is no authentication."""
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.org"):
        with pytest.raises(ConfigError, match="--allow-remote"):
            CollectorConfig(Path(), Address(host, 1), Address("127.0.0.1", 2))
        CollectorConfig(Path(), Address(host, 1), Address("127.0.0.1", 2), allow_remote=True)
    for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost"):
        CollectorConfig(Path(), Address(host, 1), Address(host, 2))


def test_addresses_are_parsed():
    """HOST:PORT with names, IPv4 and bracketed IPv6; anything else is told what to write."""
    assert Address.parse("127.0.0.1:7070") == ("127.0.0.1", 7070)
    assert str(Address.parse("[::1]:0")) == "[::1]:0"
    for text in ("7070", "localhost", "localhost:", ":7070", "localhost:http", "localhost:70000"):
        with pytest.raises(ConfigError, match="HOST:PORT"):
            Address.parse(text)


def test_a_network_file_system_is_refused(tmp_path: Path):
    """The log isn't put on NFS and the like; the longest mount point decides, also one with a blank."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n/dev/b {tmp_path}/my\\040disk xfs rw 0 0\n"
    )
    assert filesystem_type(tmp_path / "my disk" / "log", mounts.read_text()) == "xfs"
    assert filesystem_type(Path("/elsewhere"), mounts.read_text()) == "ext4"
    with pytest.raises(ConfigError, match="nfs4"):
        refuse_network_filesystem(tmp_path / "data", mounts)
    refuse_network_filesystem(tmp_path / "my disk", mounts)
    refuse_network_filesystem(tmp_path, tmp_path / "absent")


async def test_sqlite_syncs_every_commit(tmp_path: Path):
    """Both connections of a segment run with synchronous = FULL, and leave checkpoints to the task beside the appender."""
    from runwell_collector.log.sqlite import open_event_log

    async with open_event_log(tmp_path) as log:
        for connection in (log._appender, log._checkpointer):
            for pragma, value in (("synchronous", 2), ("wal_autocheckpoint", 0), ("journal_mode", "wal")):
                rows: list[sqlite3.Row] = list(await connection.execute_fetchall(f"PRAGMA {pragma}"))
                assert rows[0][0] == value
