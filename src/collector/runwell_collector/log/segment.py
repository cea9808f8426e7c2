"""A segment of the log: one SQLite file in D/log, named by its first offset.

The order of what is written where, for which no crash leaves a log that cannot be read:

1. Batches and the positions of their writers change in one transaction of the last segment.
2. When the segment is full, its ``end_offset`` is set: it is closed for good.
3. The next segment is made under a name that no reader looks at; one transaction gives it its description and all
   writers' numbers and positions. Then it is renamed. So every segment in sight is whole, and the last one knows all writers.
"""

import os
import re
import sqlite3
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from runwell_collector.log.batch import LogDamagedError, RunId, StoredBatch

FORMAT = 1
PAGE_BYTES = 16 << 10
"""Large, since batches are; not larger, since every commit rewrites the page at the end and those of the positions."""

BUSY_TIMEOUT_S = 10.0
"""How long a connection waits while another recovers the write-ahead log after a crash."""

SCHEMA = """
CREATE TABLE segment (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,
    log_id TEXT NOT NULL,
    first_offset INTEGER NOT NULL,
    end_offset INTEGER
) STRICT;
CREATE TABLE writer (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    entity TEXT NOT NULL,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL
) STRICT;
CREATE TABLE position (
    writer INTEGER PRIMARY KEY,
    durable INTEGER NOT NULL,
    chain INTEGER NOT NULL,
    mark INTEGER NOT NULL
) STRICT;
CREATE TABLE batch (
    log_offset INTEGER PRIMARY KEY,
    writer INTEGER NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    received_at REAL NOT NULL,
    codec INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    events BLOB NOT NULL
) STRICT;
"""

READ_BATCHES = """
SELECT log_offset, entity, project, run_id, id, first, count, received_at, codec, events, crc
FROM batch LEFT JOIN writer ON writer.number = batch.writer
WHERE log_offset > ? ORDER BY log_offset LIMIT ?
"""

READ_WRITERS = """
SELECT number, id, entity, project, run_id, durable, chain, mark
FROM writer JOIN position ON position.writer = writer.number ORDER BY number
"""

NAME = re.compile(r"(\d{16})\.db")
BatchRow = tuple[int, str, str, str, bytes, int, int, float, int, bytes, int]
WriterRow = tuple[int, bytes, str, str, str, int, int, int]
"""A writer's number and id, its run's entity, project and id, and its position: durable, chain, mark."""

EVENTS: Final = 9
"""Where in a BatchRow the events are."""


def segment_path(directory: Path, first_offset: int) -> Path:
    """Where the segment that begins with ``first_offset`` is."""
    return directory / f"{first_offset:016d}.db"


def first_offsets(directory: Path) -> list[int]:
    """The first offsets of the segments in ``directory``, ascending; none when it isn't there yet."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for name in names if (match := NAME.fullmatch(name)))


def create_segment(directory: Path, first_offset: int, log_id: str, previous: Path | None) -> Path:
    """Makes the segment that begins with ``first_offset``, with all positions of ``previous``; durable on return."""
    unborn = directory / ".unborn.db"
    for leftover in directory.glob(f"{unborn.name}*"):
        leftover.unlink()
    connection = sqlite3.connect(unborn, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if previous:
            connection.execute("ATTACH ? AS previous", (str(previous),))
        connection.executescript(f"BEGIN; {SCHEMA}")
        connection.execute("INSERT INTO segment VALUES (1, ?, ?, ?, NULL)", (FORMAT, log_id, first_offset))
        if previous:
            connection.execute("INSERT INTO writer SELECT * FROM previous.writer ORDER BY number")
            connection.execute("INSERT INTO position SELECT * FROM previous.position ORDER BY writer")
        connection.execute("COMMIT")
        # Closing would do it too, but would hide that the disk is full; and the rename leaves the write-ahead log behind.
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy, "nobody else has a file that no reader looks at"
    finally:
        connection.close()
    path = segment_path(directory, first_offset)
    assert not path.exists(), f"{path} would be replaced"
    unborn.rename(path)
    sync_directory(directory)
    return path


def sync_directory(directory: Path) -> None:
    """Makes new names in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stored_batches(path: Path, after: int, rows: Iterable[BatchRow]) -> list[StoredBatch]:
    """Turns rows of READ_BATCHES into batches. Raises LogDamagedError at a gap, an unknown writer or a wrong checksum."""
    batches = []
    for offset, entity, project, run_id, writer, first, count, received_at, codec, events, crc in rows:
        after += 1
        if offset != after:
            raise LogDamagedError(path, f"offset {after} is missing, {offset} is the next")
        if writer is None or zlib.crc32(events) != crc:
            raise LogDamagedError(path, f"the batch at offset {offset} is not what was written")
        run = RunId(entity, project, run_id)
        batches.append(StoredBatch(offset, run, writer, first, count, received_at, codec, events))
    return batches
