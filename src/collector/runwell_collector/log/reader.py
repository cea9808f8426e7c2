"""Reads the log from another process, or another thread, while the collector appends to it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from runwell.core import limits
from runwell_collector.log.batch import LogDamagedError, StoredBatch
from runwell_collector.log.files import SegmentFile, SqliteSegment, open_segment, segment_files
from runwell_collector.log.segment import EVENTS, BatchRow, first_offsets, segment_path, stored_batches


def open_log_reader(data_dir: Path) -> "LogReader":
    """A reader of the log in the data directory; the log need not exist yet."""
    return LogReader(data_dir / "log")


class LogReader:
    """Sees what is durable, across segments, also compressed and archived ones. One thread at a time; each call is one
    short transaction.

    Any call raises LogDamagedError where the files hold what was never written, naming file and offset.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._opened: SegmentFile | None = None
        self._first_offset = 0

    @property
    def log_id(self) -> str | None:
        """The log's random identity; None before the log exists."""
        if not (segments := first_offsets(self._directory)):
            return None
        row = self._last(segments[-1]).connection.execute("SELECT log_id FROM segment").fetchone()
        return str(row[0])

    def end(self) -> int:
        """The greatest offset in the log; 0 when it is empty or doesn't exist yet."""
        if not (segments := first_offsets(self._directory)):
            return 0
        row = self._last(segments[-1]).connection.execute("SELECT max(log_offset) FROM batch").fetchone()
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
        if after + 1 >= segments[-1]:
            return self._read_from(
                segments[-1], segment_path(self._directory, segments[-1]), after, batches_max, bytes_max
            )
        try:
            return self._read_older(after, batches_max, bytes_max)
        except FileNotFoundError:
            # It was compressed or archived in between: it is elsewhere by now.
            self.close()
            return self._read_older(after, batches_max, bytes_max)

    def close(self) -> None:
        """Closes the files; may be called twice."""
        if self._opened:
            self._opened.close()
            self._opened = None

    def _read_older(self, after: int, batches_max: int, bytes_max: int) -> list[StoredBatch]:
        files = segment_files(self._directory)
        holding = [first for first in files if first <= after + 1]
        if not holding:
            path = next(iter(files.values()))
            raise LogDamagedError(path, f"this is the first segment, and offset {after + 1} is in none")
        path = files[holding[-1]]
        found = self._read_from(holding[-1], path, after, batches_max, bytes_max)
        if not found:
            raise LogDamagedError(path, f"offset {after + 1} is missing, and a later segment exists")
        return found

    def _read_from(self, first: int, path: Path, after: int, batches_max: int, bytes_max: int) -> list[StoredBatch]:
        with closing(self._segment(first, path).rows(after, batches_max)) as rows:
            return stored_batches(path, after, list(_bounded(rows, bytes_max)))

    def _last(self, first_offset: int) -> SqliteSegment:
        segment = self._segment(first_offset, segment_path(self._directory, first_offset))
        assert isinstance(segment, SqliteSegment), "the segment that is appended to is never compressed"
        return segment

    def _segment(self, first_offset: int, path: Path) -> SegmentFile:
        if self._opened and self._first_offset == first_offset:
            return self._opened
        self.close()
        self._opened = open_segment(path)
        self._first_offset = first_offset
        return self._opened


def _bounded(rows: Iterator[BatchRow], bytes_max: int) -> Iterator[BatchRow]:
    bytes_read = 0
    for row in rows:
        events_bytes = len(row[EVENTS])
        if bytes_read and bytes_read + events_bytes > bytes_max:
            return
        bytes_read += events_bytes
        yield row
