"""Reads the whole log and says whether it is what was written: nothing is missing, nothing is there twice, nothing was changed."""

import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from runwell.core import limits
from runwell_collector.coverage import coverage_fault
from runwell_collector.log import LogDamagedError, RunId, UndecodableError, decode_events
from runwell_collector.log.files import SegmentFile, SqliteSegment, open_segment, segment_files
from runwell_collector.log.segment import BatchRow, WriterRow

TOLD_EVERY_BATCHES = 1_000
TOLD_MAX = 100
"""Further damages are counted."""


@dataclass(slots=True)
class _Writer:
    run: RunId
    reached: int = 0


@dataclass(slots=True)
class Findings:
    """What was read, and what is wrong with it, a line each."""

    damages: list[str] = field(default_factory=list)
    damages_untold: int = 0
    segments: int = 0
    compressed: int = 0
    batches: int = 0
    records: int = 0
    lost: int = 0
    writers: int = 0
    runs: int = 0

    def tell(self, line: str) -> None:
        if len(self.damages) < TOLD_MAX:
            self.damages.append(line)
        else:
            self.damages_untold += 1


def verify_log(log_dir: Path, archive: Path | None, progress: Callable[[int, int], None]) -> Findings:
    """Reads everything that is durable now. ``progress`` is told the offset reached and the log's end."""
    return _Verification(log_dir, archive, progress).run()


class _Verification:
    def __init__(self, log_dir: Path, archive: Path | None, progress: Callable[[int, int], None]) -> None:
        self._log_dir = log_dir
        self._archive = archive
        self._progress = progress
        self._found = Findings()
        self._writers: dict[bytes, _Writer] = {}
        self._positions: dict[bytes, WriterRow] = {}
        self._touched: set[bytes] = set()
        self._offset = 0
        self._whole = True
        """Whether nothing was missing since positions were last stated: else they cannot be held against what was read."""

    def run(self) -> Findings:
        for first, path in segment_files(self._log_dir, self._archive).items():
            if first > self._offset + 1:
                self._tell(path, f"the offsets {self._offset + 1} to {first - 1} are in no segment before it")
                self._whole = False
            elif first <= self._offset:
                self._tell(path, f"it begins at offset {first}, and {self._offset} was reached before")
            self._offset = first - 1
            self._segment(first, path)
        self._found.writers = len(self._writers)
        self._found.runs = len({writer.run for writer in self._writers.values()})
        return self._found

    def _segment(self, first: int, path: Path) -> None:
        self._found.segments += 1
        self._touched.clear()
        try:
            with closing(self._open(first, path)) as segment:
                self._found.compressed += not isinstance(segment, SqliteSegment)
                # Positions first: of a log that grows, no more is asked for than they state.
                writers, end = _stated(segment)
                self._pages(path, segment)
                self._batches(path, segment, end)
            self._check_positions(path, writers)
        except (LogDamagedError, FileNotFoundError, sqlite3.DatabaseError) as error:
            reason = error.reason if isinstance(error, LogDamagedError) else str(error)
            self._tell(path, f"it cannot be read from offset {self._offset + 1} on: {reason}")
            self._whole = False

    def _open(self, first: int, path: Path) -> SegmentFile:
        try:
            return open_segment(path)
        except FileNotFoundError:
            # It was compressed or archived in between.
            return open_segment(segment_files(self._log_dir, self._archive).get(first, path))

    def _pages(self, path: Path, segment: SegmentFile) -> None:
        if isinstance(segment, SqliteSegment):
            for (fault,) in segment.connection.execute("PRAGMA quick_check(5)"):
                if fault != "ok":
                    self._tell(path, f"SQLite: {fault}")

    def _batches(self, path: Path, segment: SegmentFile, end: int) -> None:
        before = -1
        while before < self._offset < end:
            before = self._offset
            # One read of a whole segment would keep the collector from taking its write-ahead log up meanwhile.
            with closing(segment.rows(before, min(end - before, limits.LOG_READ_BATCHES_MAX))) as rows:
                for row in rows:
                    if row[0] <= end:
                        self._batch(path, row, end)
        if self._offset < end:
            self._missing(path, end)
            self._offset = end

    def _batch(self, path: Path, row: BatchRow, end: int) -> None:
        if row[0] != self._offset + 1:
            self._missing(path, row[0] - 1)
        self._offset = row[0]
        if (fault := self._fault(row)) is not None:
            self._tell(path, f"offset {row[0]}: {fault}")
        self._found.batches += 1
        if row[0] % TOLD_EVERY_BATCHES == 0 or row[0] == end:
            self._progress(row[0], end)

    def _missing(self, path: Path, last: int) -> None:
        self._tell(path, f"the offsets {self._offset + 1} to {last} are missing")
        self._whole = False

    def _fault(self, row: BatchRow) -> str | None:
        _, entity, project, run_id, identity, first, count, _, codec, events, crc = row
        if identity is None:
            return "nothing is known of its writer"
        run = RunId(entity, project, run_id)
        writer = self._writers.setdefault(identity, _Writer(run))
        self._touched.add(identity)
        reached, writer.reached = writer.reached, first + count - 1
        if first != reached + 1 and self._whole:
            return f"writer {identity.hex()} of {'/'.join(run)} stood at record {reached}, and this begins with {first}"
        if writer.run != run:
            return f"writer {identity.hex()} belongs to {'/'.join(writer.run)}, and this to {'/'.join(run)}"
        return self._content_fault(count, codec, events, crc)

    def _content_fault(self, count: int, codec: int, data: bytes, crc: int) -> str | None:
        if zlib.crc32(data) != crc:
            return "its bytes are not what was written"
        try:
            events = decode_events(codec, data).events
        except UndecodableError as error:
            return str(error)
        if count:
            self._found.records += count
            self._found.lost += sum(event.records_lost.count for event in events if event.HasField("records_lost"))
            return coverage_fault(count, events)
        return None if len(events) == 1 else f"a control entry has one event, and this {len(events)}"

    def _check_positions(self, path: Path, writers: list[WriterRow]) -> None:
        """What the segment states of its writers is what was read; and of those that it has nothing of, what was stated before."""
        stated = {writer[1]: writer for writer in writers}
        for identity, (_, _, entity, project, run_id, durable, chain, mark) in stated.items():
            run = RunId(entity, project, run_id)
            before = self._positions.get(identity)
            if self._whole and before and identity not in self._touched and before[5:] != (durable, chain, mark):
                self._tell(
                    path,
                    f"writer {identity.hex()} of {'/'.join(run)} has another position than before, and no batch here",
                )
            known = self._writers.setdefault(identity, _Writer(run))
            if self._whole and known.reached != durable:
                self._tell(
                    path,
                    f"writer {identity.hex()} of {'/'.join(run)} is stated at record {durable}, and stands at {known.reached}",
                )
            known.reached = durable
        if missing := self._positions.keys() - stated.keys():
            self._tell(path, f"{len(missing)} writers of earlier segments are missing")
        self._positions = stated
        self._whole = True

    def _tell(self, path: Path, line: str) -> None:
        self._found.tell(f"{path.name}: {line}")


def _stated(segment: SegmentFile) -> tuple[list[WriterRow], int]:
    """The writers' positions and the last offset, of one moment."""
    if not isinstance(segment, SqliteSegment):
        return segment.writers, segment.end_offset or 0
    connection = segment.connection
    connection.execute("BEGIN")
    try:
        described = connection.execute("SELECT first_offset, end_offset FROM segment").fetchone()
        (last,) = connection.execute("SELECT max(log_offset) FROM batch").fetchone()
        writers = segment.writers
    finally:
        connection.execute("COMMIT")
    return writers, described[1] or last or described[0] - 1
