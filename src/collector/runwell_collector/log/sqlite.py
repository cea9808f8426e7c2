"""The event log on one machine: SQLite files, one a segment, appended to by one process.

An append returns after the commit's fsync of the write-ahead log (synchronous = FULL), and other connections see a commit
only after it. Checkpoints run on a connection of their own beside the appender. While batches keep coming such a
checkpoint is always a few pages behind, and the write-ahead log would only grow; so the last few pages are moved in a
short turn between two commits, after which SQLite begins the file anew.
"""

import asyncio
import errno
import secrets
import sqlite3
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiosqlite

from runwell.core import limits
from runwell_collector.log.batch import (
    Appended,
    Conflict,
    LogDamagedError,
    LogFullError,
    NewBatch,
    RunId,
    StoredBatch,
    WriterMark,
    WriterPosition,
    advanced,
)
from runwell_collector.log.files import segment_files
from runwell_collector.log.reader import LogReader
from runwell_collector.log.segment import BUSY_TIMEOUT_S, create_segment, first_offsets, segment_path, sync_directory
from runwell_collector.log.verification import verified_end

CHECKPOINT_PASSES_BESIDE = 3
"""Each leaves about what was appended during it, so that the turn between two commits moves a few pages only."""

SELECT_WRITERS = """
SELECT id, number, entity, project, run_id, durable, chain, mark
FROM writer JOIN position ON position.writer = writer.number
"""
INSERT_BATCH = "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_WRITER = "INSERT INTO writer VALUES (?, ?, ?, ?, ?)"
UPSERT_POSITION = "INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class _Known:
    """A writer's number in the segments, small and ascending so that living writers share few pages; and its position."""

    number: int
    position: WriterPosition


@dataclass(slots=True)
class _Group:
    """What one commit writes, judged before."""

    results: list[Appended | Conflict] = field(default_factory=list)
    batches: list[tuple[int, int, int, int, float, int, int, bytes]] = field(default_factory=list)
    writers: list[tuple[int, bytes, str, str, str]] = field(default_factory=list)
    known: dict[bytes, _Known] = field(default_factory=dict)
    bytes: int = 0


@asynccontextmanager
async def open_event_log(
    directory: Path, segment_bytes_max: int = limits.LOG_SEGMENT_BYTES
) -> AsyncIterator["SqliteEventLog"]:
    """Opens the log in ``directory`` (D/log), or begins it. Raises LogDamagedError; the caller holds the directory's lock."""
    path, log_id, end = await asyncio.to_thread(_last_segment, directory)
    log = SqliteEventLog(directory, log_id, end, segment_bytes_max)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(log.close)
        await log.enter_segment(path)
        async with asyncio.TaskGroup() as tasks:
            checkpoints = tasks.create_task(log.checkpoint_when_due())
            try:
                yield log
            finally:
                checkpoints.cancel()


class SqliteEventLog:
    """See the module; opened by open_event_log()."""

    def __init__(self, directory: Path, log_id: str, end: int, segment_bytes_max: int) -> None:
        self._directory = directory
        self._log_id = log_id
        self._end = end
        self._segment_bytes_max = segment_bytes_max
        self._segment_bytes = 0
        self._path = directory
        self._writers = 0
        self._known: dict[bytes, _Known] = {}
        self._appender: aiosqlite.Connection
        self._checkpointer: aiosqlite.Connection
        self._segment_files = AsyncExitStack()
        self._reader = LogReader(directory)
        self._appending = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._bytes_since_checkpoint = 0
        self._commits_since_checkpoint = 0
        self._checkpoint_due = asyncio.Event()
        self.segment_closed = asyncio.Event()
        """Set whenever a segment was closed; whoever waits for it clears it."""

    @property
    def log_id(self) -> str:
        return self._log_id

    async def append(self, batches: Sequence[NewBatch]) -> list[Appended | Conflict]:
        if self._segment_is_full:
            # In this order, as everywhere: a checkpoint that is under way waits for its turn between two commits.
            async with self._checkpointing, self._appending, self._telling_a_full_disk():
                await self._begin_segment()
        async with self._appending:
            async with self._telling_a_full_disk():
                group = await self._judged(batches)
                if group.batches:
                    await self._commit(group)
            self._advance(group)
            return group.results

    @asynccontextmanager
    async def _telling_a_full_disk(self) -> AsyncIterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            if not _is_full(error):
                raise
            await self._appender.rollback()
            raise LogFullError(f"{self._path}: {error}") from error

    async def read(self, after: int, batches_max: int, bytes_max: int) -> list[StoredBatch]:
        async with self._reading:
            return await asyncio.to_thread(self._reader.read, after, batches_max, bytes_max)

    async def end(self) -> int:
        return self._end

    async def position(self, writer: bytes) -> WriterPosition | None:
        async with self._appending:
            known = await self._known_writer(writer)
        return known.position if known else None

    async def living(self) -> dict[bytes, WriterPosition]:
        async with self._appending:
            living = await self._select_writers("WHERE mark = ?", int(WriterMark.NONE))
        return {writer: known.position for writer, known in living.items()}

    async def enter_segment(self, path: Path) -> None:
        """Appends to this segment from now on."""
        await self._segment_files.aclose()
        self._path = path
        self._appender = await self._connect(path)
        self._checkpointer = await self._connect(path)
        # What a killed process had written may not have been synced yet; from here on it counts as durable.
        await self._checkpoint("TRUNCATE")
        (self._writers,) = await _fetch_one(self._appender, "SELECT coalesce(max(number), 0) FROM writer")
        self._segment_bytes = path.stat().st_size

    async def checkpoint_when_due(self) -> None:
        """Runs for ever: moves the write-ahead log into the segment's file whenever enough was appended."""
        while True:
            await self._checkpoint_due.wait()
            self._checkpoint_due.clear()
            async with self._checkpointing:
                for _ in range(CHECKPOINT_PASSES_BESIDE):
                    await self._checkpoint("PASSIVE")
                async with self._appending:
                    await self._checkpoint("PASSIVE")

    async def close(self) -> None:
        """Moves everything into the segment's file and closes it; may be called twice."""
        async with self._checkpointing, self._appending, self._reading:
            self._reader.close()
            await self._segment_files.aclose()

    async def _connect(self, path: Path) -> aiosqlite.Connection:
        connection = await self._segment_files.enter_async_context(
            aiosqlite.connect(path, isolation_level="IMMEDIATE", timeout=BUSY_TIMEOUT_S)
        )
        await connection.execute("PRAGMA synchronous = FULL")
        await connection.execute("PRAGMA wal_autocheckpoint = 0")
        return connection

    @property
    def _segment_is_full(self) -> bool:
        is_empty = self._path == segment_path(self._directory, self._end + 1)
        return self._segment_bytes >= self._segment_bytes_max and not is_empty

    async def _judged(self, batches: Sequence[NewBatch]) -> _Group:
        group = _Group()
        for batch in batches:
            known = group.known.get(batch.writer) or await self._known_writer(batch.writer)
            position = advanced(known.position if known else None, batch)
            if position is None:
                group.results.append(Conflict(known.position if known else None))
                continue
            if known is None:
                number = self._writers + len(group.writers) + 1
                run = batch.run
                group.writers.append((number, batch.writer, run.entity, run.project, run.run_id))
            else:
                number = known.number
            group.known[batch.writer] = _Known(number, position)
            offset = self._end + len(group.batches) + 1
            crc = zlib.crc32(batch.events)
            group.batches.append(
                (offset, number, batch.first, batch.count, batch.received_at, batch.codec, crc, batch.events)
            )
            group.bytes += len(batch.events)
            group.results.append(Appended(offset))
        return group

    async def _commit(self, group: _Group) -> None:
        """One transaction, which the first statement begins: each call is a change of threads and back."""
        positions = [
            (known.number, known.position.durable, known.position.chain, int(known.position.mark))
            for known in group.known.values()
        ]
        if group.writers:
            await self._appender.executemany(INSERT_WRITER, group.writers)
        await self._appender.executemany(UPSERT_POSITION, positions)
        await self._appender.executemany(INSERT_BATCH, group.batches)
        await self._appender.commit()

    def _advance(self, group: _Group) -> None:
        self._end += len(group.batches)
        self._writers += len(group.writers)
        if len(self._known) + len(group.known) > limits.KNOWN_WRITERS_MAX:
            self._known.clear()
        self._known.update(group.known)
        self._segment_bytes += group.bytes
        self._bytes_since_checkpoint += group.bytes
        self._commits_since_checkpoint += bool(group.batches)
        if (
            self._bytes_since_checkpoint >= limits.CHECKPOINT_BYTES
            or self._commits_since_checkpoint >= limits.CHECKPOINT_COMMITS
        ):
            self._bytes_since_checkpoint = self._commits_since_checkpoint = 0
            self._checkpoint_due.set()

    async def _known_writer(self, writer: bytes) -> _Known | None:
        if known := self._known.get(writer):
            return known
        found = await self._select_writers("WHERE id = ?", writer)
        self._known.update(found)
        return found.get(writer)

    async def _select_writers(self, condition: str, value: bytes | int) -> dict[bytes, _Known]:
        rows = await self._appender.execute_fetchall(SELECT_WRITERS + condition, (value,))
        return {
            writer: _Known(number, WriterPosition(RunId(entity, project, run_id), durable, chain, WriterMark(mark)))
            for writer, number, entity, project, run_id, durable, chain, mark in rows
        }

    async def _begin_segment(self) -> None:
        await self._appender.execute("UPDATE segment SET end_offset = ?", (self._end,))
        await self._appender.commit()
        path = await asyncio.to_thread(create_segment, self._directory, self._end + 1, self._log_id, self._path)
        await self.enter_segment(path)
        self.segment_closed.set()

    async def _checkpoint(self, mode: str) -> None:
        try:
            await _fetch_one(self._checkpointer, f"PRAGMA wal_checkpoint({mode})")
        except sqlite3.OperationalError as error:
            # On a full disk the batches stay in the write-ahead log, which a checkpoint syncs before it moves anything.
            if not _is_full(error):
                raise


async def _fetch_one(connection: aiosqlite.Connection, statement: str) -> sqlite3.Row:
    rows = list(await connection.execute_fetchall(statement))
    return rows[0]


def _is_full(error: sqlite3.OperationalError | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    return error.sqlite_errorcode == sqlite3.SQLITE_FULL


def _last_segment(directory: Path) -> tuple[Path, str, int]:
    """The segment to append to, made where there is none or the last one is closed; the log's id, and its end."""
    directory.mkdir(parents=True, exist_ok=True)
    if not (segments := first_offsets(directory)):
        if others := segment_files(directory):
            raise LogDamagedError(
                directory, f"there are {len(others)} older segments, and the newest .db file is missing"
            )
        log_id = secrets.token_hex(16)
        sync_directory(directory.parent)
        return create_segment(directory, 1, log_id, None), log_id, 0
    path = segment_path(directory, segments[-1])
    log_id, end, closed = verified_end(path, segments[-1])
    if closed:
        path = create_segment(directory, end + 1, log_id, path)
    return path, log_id, end
