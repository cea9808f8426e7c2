"""Reads the log from another process, or another thread, while the collector appends to it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from runwell.core import limits
from runwell_collector.log.batch import LogDamagedError, StoredBatch
from runwell_collector.log.segment import (
    BUSY_TIMEOUT_S,
    EVENTS,
    FORMAT,
    READ_BATCHES,
    BatchRow,
    first_offsets,
    segment_path,
    stored_batches,
)


def open_log_reader(data_dir: Path) -> "LogReader":
    """A reader of the log in the data directory; the log need not exist yet."""
    return LogReader(data_dir / "log")


class LogReader:
    """Sees what is durable, across segments. One thread at a time; each call is one short transaction.

    Any call raises LogDamagedError where the files hold what was never written, naming file and offset.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._connection: sqlite3.Connection | None = None
        self._first_offset = 0

    @property
    def log_id(self) -> str | None:
        """The log's random identity; None before the log exists."""
        if not (segments := first_offsets(self._directory)):
            return None
        row = self._segment(segments[-1]).execute("SELECT log_id FROM segment").fetchone()
        return str(row[0])

    def end(self) -> int:
        """The greatest offset in the log; 0 when it is empty or doesn't exist yet."""
        if not (segments := first_offsets(self._directory)):
            return 0
        row = self._segment(segments[-1]).execute("SELECT max(log_offset) FROM batch").fetchone()
        return int(row[0] or segments[-1] - 1)

    def read(
        self,
        after: int,
        batches_max: int = limits.LOG_READ_BATCHES_MAX,
        bytes_max: int = limits.LOG_READ_BYTES_MAX,
    ) -> list[StoredBatch]:
        """The batches after offset ``after``, in order, until either limit; one at least if there is any."""
        if not (segments := first_offsets(self._directory)):
            return []
        holding = [first for first in segments if first <= after + 1]
        if not holding:
            path = segment_path(self._directory, segments[0])
            raise LogDamagedError(path, f"this is the first segment, and offset {after + 1} is in none")
        cursor = self._segment(holding[-1]).execute(READ_BATCHES, (after, batches_max))
        try:
            rows = list(_bounded(cursor, bytes_max))
        finally:
            cursor.close()
        path = segment_path(self._directory, holding[-1])
        if not rows and holding[-1] != segments[-1]:
            raise LogDamagedError(path, f"offset {after + 1} is missing, and a later segment exists")
        return stored_batches(path, after, rows)

    def close(self) -> None:
        """Closes the files; may be called twice."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _segment(self, first_offset: int) -> sqlite3.Connection:
        if self._connection and self._first_offset == first_offset:
            return self._connection
        self.close()
        path = segment_path(self._directory, first_offset)
        self._connection = _opened(path)
        self._first_offset = first_offset
        return self._connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,
    )
    try:
        row = connection.execute("SELECT format FROM segment").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN}:
            raise
        raise LogDamagedError(path, f"it is no segment of an event log ({error})") from error
    if row != (FORMAT,):
        connection.close()
        raise LogDamagedError(path, f"its format is {row and row[0]}, and this version reads {FORMAT}")
    return connection


def _bounded(rows: Iterator[BatchRow], bytes_max: int) -> Iterator[BatchRow]:
    bytes_read = 0
    for row in rows:
        events_bytes = len(row[EVENTS])
        if bytes_read and bytes_read + events_bytes > bytes_max:
            return
        bytes_read += events_bytes
        yield row
