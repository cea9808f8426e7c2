"""The event log's files: rotation, damage, crashes between two steps, and readers in other processes."""

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from runwell.core import limits
from runwell_collector.log import Appended, LogDamagedError, LogFullError, LogReader, NewBatch, RunId, open_log_reader
from runwell_collector.log.segment import create_segment, first_offsets, segment_path
from runwell_collector.log.sqlite import SqliteEventLog, open_event_log

RUN = RunId("lab", "digits", "r1")
WRITER = bytes(range(16))
TINY_SEGMENT_BYTES = 200 << 10


def batches(first: int, count: int, size: int = 10_000) -> list[NewBatch]:
    return [
        NewBatch(RUN, WRITER, number, 1, 0, 0, 1.5, 1, number.to_bytes(4, "big") * (size // 4))
        for number in range(first, first + count)
    ]


async def filled(directory: Path, count: int = 40) -> None:
    """A log of that many batches, in segments of some ten."""
    async with open_event_log(directory, TINY_SEGMENT_BYTES) as log:
        for first in range(1, count + 1, 5):
            await log.append(batches(first, 5))


def leaf_errors(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaf_errors(inner)]
    return [error]


async def opening_fails(directory: Path) -> LogDamagedError:
    """The error of opening the log, after which every file is as it was."""
    before = {path.name: path.read_bytes() for path in directory.glob("*.db")}
    with pytest.raises(LogDamagedError) as caught:
        async with open_event_log(directory, TINY_SEGMENT_BYTES):
            pass
    assert before == {path.name: path.read_bytes() for path in directory.glob("*.db")}
    return caught.value


def all_offsets(reader: LogReader) -> list[int]:
    offsets: list[int] = []
    while found := reader.read(len(offsets), batches_max=7):
        offsets += [stored.offset for stored in found]
    return offsets


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


async def test_a_segment_may_end_while_a_checkpoint_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With a checkpoint after every commit and small segments neither waits for the other for ever."""
    monkeypatch.setattr(limits, "CHECKPOINT_COMMITS", 1)
    async with asyncio.timeout(40):
        await filled(tmp_path, 150)
    assert len(first_offsets(tmp_path)) > 5


async def test_segments_follow_one_another(tmp_path: Path):
    """A full segment is closed, the next begins at the next offset, and positions come along."""
    await filled(tmp_path)
    starts = first_offsets(tmp_path)
    assert starts[0] == 1
    assert len(starts) > 2
    for start, following in pairwise(starts):
        connection = sqlite3.connect(segment_path(tmp_path, start))
        assert connection.execute("SELECT end_offset FROM segment").fetchone() == (following - 1,)
        connection.close()
    reader = LogReader(tmp_path)
    assert all_offsets(reader) == list(range(1, 41))
    reader.close()
    async with open_event_log(tmp_path, TINY_SEGMENT_BYTES) as log:
        assert await log.append(batches(41, 1)) == [Appended(41)]


async def test_a_reader_waits_for_the_log_and_follows_it(tmp_path: Path):
    """A reader opened before the log exists sees batches as they are committed, over every rotation, without gaps."""
    reader = open_log_reader(tmp_path)
    assert (reader.log_id, reader.end(), reader.read(0)) == (None, 0, [])
    seen: list[int] = []
    async with open_event_log(tmp_path / "log", TINY_SEGMENT_BYTES) as log:
        for first in range(1, 60, 3):
            await log.append(batches(first, 3))
            assert reader.end() == first + 2
            seen += [stored.offset for stored in reader.read(len(seen), batches_max=4)]
        assert reader.log_id == log.log_id
    assert len(first_offsets(tmp_path / "log")) > 2
    assert seen == list(range(1, 61))
    reader.close()
    reader.close()


async def test_a_reader_in_another_process_reads_everything(tmp_path: Path):
    """Another process reads the log while this one has it open and appends."""
    program = (
        "import sys, pathlib; from runwell_collector.log import open_log_reader\n"
        "reader = open_log_reader(pathlib.Path(sys.argv[1])); print(reader.end(), len(reader.read(0)))"
    )
    async with open_event_log(tmp_path / "log") as log:
        await log.append(batches(1, 12))
        ended = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
        )
        await log.append(batches(13, 1))
    assert ended.stdout.split() == ["12", "12"]


async def test_a_batch_row_is_as_documented(tmp_path: Path):
    """Golden vector: the tables of a segment after one batch, value by value."""
    async with open_event_log(tmp_path) as log:
        await log.append([NewBatch(RUN, WRITER, 1, 3, 0, 0xFEDCBA98, 1700000000.25, 2, b"123456789")])
    connection = sqlite3.connect(segment_path(tmp_path, 1))
    assert connection.execute("SELECT * FROM batch").fetchall() == [
        (1, 1, 1, 3, 1700000000.25, 2, 0xCBF43926, b"123456789")
    ]
    assert connection.execute("SELECT * FROM writer").fetchall() == [(1, WRITER, "lab", "digits", "r1")]
    assert connection.execute("SELECT * FROM position").fetchall() == [(1, 3, 0xFEDCBA98, 0)]
    described = connection.execute("SELECT format, first_offset, end_offset FROM segment").fetchall()
    assert described == [(1, 1, None)]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA page_size").fetchone() == (16_384,)
    connection.close()


async def test_a_crash_after_closing_a_segment_is_nothing(tmp_path: Path):
    """When the process died between closing a segment and making the next one, the next start makes it."""
    await filled(tmp_path, 5)
    change(segment_path(tmp_path, 1), "UPDATE segment SET end_offset = 5")
    async with open_event_log(tmp_path) as log:
        assert await log.append(batches(6, 1)) == [Appended(6)]
    assert first_offsets(tmp_path) == [1, 6]


async def test_a_crash_while_making_a_segment_is_nothing(tmp_path: Path):
    """A segment that was never renamed into sight holds nothing, and is made anew."""
    await filled(tmp_path, 5)
    change(segment_path(tmp_path, 1), "UPDATE segment SET end_offset = 5")
    for name in (".unborn.db", ".unborn.db-wal"):
        (tmp_path / name).write_bytes(b"torn")
    async with open_event_log(tmp_path) as log:
        assert await log.append(batches(6, 1)) == [Appended(6)]


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut in half": cut_in_half,
    "not SQLite": lambda path: path.write_bytes(b"x" * 5000),
    "empty": lambda path: os.truncate(path, 0),
    "another program's database": lambda path: (path.unlink(), change(path, "CREATE TABLE t (a)")),
    "newer format": lambda path: change(path, "UPDATE segment SET format = 2"),
    "last batch gone": lambda path: change(
        path, "DELETE FROM batch WHERE log_offset = (SELECT max(log_offset) FROM batch)"
    ),
    "batch in the middle gone": lambda path: change(path, "DELETE FROM batch WHERE log_offset = 3"),
    "events changed": lambda path: change(path, "UPDATE batch SET events = x'00' WHERE log_offset = 4"),
    "position gone": lambda path: change(path, "DELETE FROM position"),
    "writer gone": lambda path: change(path, "DELETE FROM writer"),
    "renamed": lambda path: path.rename(segment_path(path.parent, 7)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_last_segment_is_refused_and_kept(damage: Callable[[Path], object], tmp_path: Path):
    """A last segment that isn't what was written stops the start with the file's name, and no byte of it is changed."""
    await filled(tmp_path, 5)
    damage(segment_path(tmp_path, 1))
    error = await opening_fails(tmp_path)
    assert str(tmp_path) in str(error)
    assert ".db" in str(error)


async def test_a_damaged_older_segment_is_told_when_it_is_read(tmp_path: Path):
    """The log opens and takes batches; a reader that comes to the damage names the file and the offset, on every call."""
    await filled(tmp_path)
    change(segment_path(tmp_path, 1), "UPDATE batch SET events = x'00' WHERE log_offset = 4")
    async with open_event_log(tmp_path, TINY_SEGMENT_BYTES) as log:
        assert await log.append(batches(41, 1)) == [Appended(41)]
    reader = LogReader(tmp_path)
    for _ in range(2):
        with pytest.raises(LogDamagedError, match="offset 4"):
            reader.read(0)
    assert reader.read(4)[0].offset == 5
    reader.close()


async def test_a_missing_segment_is_told(tmp_path: Path):
    """A reader doesn't pass over a segment that is gone."""
    await filled(tmp_path)
    second = first_offsets(tmp_path)[1]
    segment_path(tmp_path, second).unlink()
    reader = LogReader(tmp_path)
    with pytest.raises(LogDamagedError, match=f"offset {second} is missing"):
        reader.read(second - 1)
    segment_path(tmp_path, 1).unlink()
    with pytest.raises(LogDamagedError, match="offset 1 is in none"):
        reader.read(0)
    reader.close()


async def test_a_segment_is_never_replaced(tmp_path: Path):
    """Making a segment that exists is refused: its batches would be gone."""
    await filled(tmp_path, 5)
    with pytest.raises(AssertionError):
        create_segment(tmp_path, 1, "log", None)


async def test_a_full_database_takes_nothing_and_recovers(tmp_path: Path):
    """When SQLite says that it is full, nothing of the group is there, and the same group is taken once there is room."""
    async with open_event_log(tmp_path) as log:
        await log.append(batches(1, 1))
        await limit_pages(log, 12)
        with pytest.raises(LogFullError):
            await log.append(batches(2, 50))
        assert (await log.end(), (await log.position(WRITER)).durable) == (1, 1)
        await limit_pages(log, 100_000)
        assert len(await log.append(batches(2, 50))) == 50
    reader = LogReader(tmp_path)
    assert all_offsets(reader) == list(range(1, 52))
    reader.close()


async def test_a_disk_full_between_two_segments_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """When the next segment finds no room the group is given back; once there is room it is taken, into that segment."""

    def rename(path: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with open_event_log(tmp_path, 1) as log:
        await log.append(batches(1, 1))
        with monkeypatch.context() as full:
            full.setattr(Path, "rename", rename)
            with pytest.raises(LogFullError):
                await log.append(batches(2, 1))
        assert await log.append(batches(2, 1)) == [Appended(2)]
    assert first_offsets(tmp_path) == [1, 2]


async def limit_pages(log: SqliteEventLog, pages: int) -> None:
    """A disk that is full, as far as SQLite can tell."""
    await log._appender.execute(f"PRAGMA max_page_count = {pages}")


async def test_an_error_of_the_disk_is_not_taken_for_a_full_one(tmp_path: Path):
    """Any other error of a commit is raised as it is: then nobody knows what is on disk, and the process must end."""
    async with open_event_log(tmp_path) as log:
        await log._appender.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await log.append(batches(1, 1))
        await log._appender.execute("PRAGMA query_only = OFF")


async def test_the_write_ahead_log_does_not_grow_for_ever(tmp_path: Path):
    """While batches keep coming, checkpoints beside the appender let the write-ahead log begin anew."""
    write_ahead_log = segment_path(tmp_path, 1).with_name(f"{segment_path(tmp_path, 1).name}-wal")
    async with open_event_log(tmp_path) as log:
        appended_bytes, first = 0, 1
        while appended_bytes < (24 << 20) or appended_bytes < 2 * write_ahead_log.stat().st_size:
            await log.append(batches(first, 4, 60_000))
            appended_bytes, first = appended_bytes + 4 * 60_000, first + 4
