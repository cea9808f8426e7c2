"""Reads a writer's records in order, each once, from segments that may still grow, be torn, damaged or repeated.

- Half a frame at the end of a live writer's newest segment is not there yet. It is read again from its beginning, since
  the writer may cut it off and write another in its place.
- Half a frame at any other end is the torn tail of a call that never returned. Its number, if it had one, is used again.
- Broken bytes with whole frames after them are damage: reading goes on at the next frame. In a live writer's newest
  segment damage is believed only after a while, since a writer whose fsync failed writes those records again to a new
  segment.
- Record numbers tell what is missing. It is looked for in the segments beside, which may repeat it, and only then lost.
"""

import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from runwell.core import frames
from runwell.core.frames import FRAME_HEADER, FRAME_HEADER_BYTES, FRAME_MAGIC, NUMBERED, Kind
from runwell.forwarder.disk import Disk
from runwell.forwarder.packed import ROWS_MIN, PackedRows, packed_rows
from runwell.forwarder.segments import SpoolError, segment_numbers, segment_path
from runwell.forwarder.tail import SegmentTail

PACKED_TYPES = frozenset("dq?")

_NUMBERED = frozenset(int(kind) for kind in NUMBERED)
_SCHEMA = int(Kind.SCHEMA)
_ROW = int(Kind.ROW)
_LOW_32 = 0xFFFFFFFF
_HALF = 1 << 31

Record = tuple[int, int, int, bytes]
"""A numbered frame that is whole: kind, flags, crc, payload. A plain tuple, since it is made for every one."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Records in a row that no segment holds."""

    count: int
    reason: str


Taken = Record | PackedRows | Lost
"""One record, or several that follow one another."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Keys and types of a writer's packed rows."""

    columns: tuple[tuple[str, str], ...]
    row: struct.Struct


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place between two records."""

    segment: int
    offset: int
    next_record: int


@dataclass(slots=True)
class _Gap:
    """Records ``next_record`` to ``end - 1`` are missing where reading is; ``found`` has those that another segment holds."""

    end: int
    found: dict[int, Record]


class SpoolReader:
    """Reading position in one spool directory. ``next_record`` is the number of the record that ``take`` gives next."""

    def __init__(self, disk: Disk, directory: Path, segment: int = 0, next_record: int = 1) -> None:
        """Begins at the first segment numbered at least ``segment``; records below ``next_record`` are passed over."""
        self.directory = directory
        self.next_record = next_record
        self.dry = False
        """Whether the last ``take`` gave all that was there."""
        self._disk = disk
        self._schemas: dict[int, Schema] = {}
        self._all_schemas_read = False
        self._begin_at = segment
        self._tail: SegmentTail | None = None
        self._gap: _Gap | None = None

    def bookmark(self) -> Bookmark:
        """Where reading is now, to come back to."""
        return Bookmark(self.segment, 0 if self._tail is None else self._tail.offset, self.next_record)

    def go_to(self, bookmark: Bookmark) -> None:
        """Goes on reading from there."""
        self.next_record, self._gap = bookmark.next_record, None
        self._begin_at = bookmark.segment
        self._tail = (
            SegmentTail(self._disk, self.directory, bookmark.segment, bookmark.offset) if bookmark.offset else None
        )

    @property
    def segment(self) -> int:
        """Number of the segment being read, or of the one to begin with."""
        return self._begin_at if self._tail is None else self._tail.number

    def take(self, *, live: bool, now: float, bytes_max: int, records_max: int) -> list[Taken]:
        """The next records in a row: until ``bytes_max`` is reached, which the last one may exceed, or all there are.

        ``now`` is any monotonic time in seconds. Raises SpoolVersionError, and OSError when the disk does not obey.
        """
        taken: list[Taken] = []
        self.dry = False
        try:
            self._take(taken, live, now, bytes_max, records_max)
        except (OSError, SpoolError):
            # What was read before it is good; the next call comes upon it first.
            if not taken:
                raise
        return taken

    def _take(self, taken: list[Taken], live: bool, now: float, bytes_max: int, records_max: int) -> None:
        stop = self.next_record + records_max
        # Headers and schemas alone are no reason to come back with nothing.
        while (bytes_max > 0 or not taken) and self.next_record < stop:
            if self._gap is not None:
                if not taken:
                    taken.extend(self._take_gap(self._gap, records_max))
                return
            used = 0 if self._tail is None else self._take_window(self._tail, taken, bytes_max, stop)
            bytes_max -= used
            if not used and self._gap is None and not self._advance(live, now):
                self.dry = True
                return

    def schema(self, identity: int) -> Schema | None:
        """The schema of that id; looked for in every segment when it was damaged where it should have been."""
        if identity not in self._schemas and not self._all_schemas_read:
            self._all_schemas_read = True
            for number in segment_numbers(self._disk, self.directory):
                self._gather(number, 0, 0)
        return self._schemas.get(identity)

    def _take_window(self, tail: SegmentTail, taken: list[Taken], bytes_max: int, record_stop: int) -> int:
        """Appends whole frames of the window, in a loop that is kept tight. Returns bytes used."""
        window, start, expected = tail.window, tail.position, self.next_record
        view, size, position, stop = memoryview(window), len(window), start, start + max(bytes_max, 1)
        unpack, crc32, packed_from = FRAME_HEADER.unpack_from, zlib.crc32, start
        while position < stop and position + FRAME_HEADER_BYTES <= size and expected < record_stop:
            crc, magic, kind, flags, length, record = unpack(window, position)
            end = position + FRAME_HEADER_BYTES + length
            if kind == _ROW and position >= packed_from and record == expected & _LOW_32:
                rows_max = min(-(-(stop - position) // (end - position)), record_stop - expected)
                if rows := packed_rows(window, position, expected, rows_max):
                    taken.append(rows)
                    expected += rows.count
                    position += len(rows.frames)
                    continue
                packed_from = position + ROWS_MIN * (end - position)
            if magic != FRAME_MAGIC or end > size or crc32(view[position + 4 : end]) != crc:
                break
            if kind in _NUMBERED:
                if record == expected & _LOW_32:
                    taken.append((kind, flags, crc, window[position + FRAME_HEADER_BYTES : end]))
                    expected += 1
                elif (ahead := (record - expected) & _LOW_32) < _HALF:
                    self._gap = _Gap(expected + ahead, {})
                    break
            elif kind == _SCHEMA:
                self._learn(window[position + FRAME_HEADER_BYTES : end])
            position = end
        tail.position, self.next_record = position, expected
        return position - start

    def _learn(self, payload: bytes) -> None:
        try:
            fields = json.loads(payload)
            columns = tuple((str(path), str(kind)) for path, kind in fields["columns"])
            if not all(kind in PACKED_TYPES for _, kind in columns):
                return
            row = struct.Struct(frames.ROW_PREFIX.format + "".join(kind for _, kind in columns))
            self._schemas[int(fields["id"])] = Schema(columns, row)
        except (ValueError, KeyError, TypeError):
            return

    def _take_gap(self, gap: _Gap, records_max: int) -> list[Taken]:
        """Records of the gap that another segment holds, else one stretch of lost ones."""
        if not gap.found and self.next_record < gap.end:
            gap.found = self._look_beside(gap.end)
        taken: list[Taken] = []
        while len(taken) < records_max and (record := gap.found.pop(self.next_record, None)) is not None:
            taken.append(record)
            self.next_record += 1
        if not taken:
            end = min([*gap.found, gap.end, self.next_record + records_max])
            taken.append(Lost(end - self.next_record, self._loss_reason()))
            self.next_record = end
        if self.next_record == gap.end:
            self._gap = None
        return taken

    def _loss_reason(self) -> str:
        first = self.next_record == 1 and not self._disk.size(segment_path(self.directory, 1))
        return "removed from the spool" if first else "damaged in the spool"

    def _look_beside(self, end: int) -> dict[int, Record]:
        found: dict[int, Record] = {}
        for number in range(max(self.segment - 1, 1), self.segment + 2):
            if self._disk.size(segment_path(self.directory, number)):
                found |= self._gather(number, self.next_record, end)
        return found

    def _gather(self, number: int, begin: int, end: int) -> dict[int, Record]:
        """The whole records ``begin`` to ``end - 1`` of a segment; learns its schemas as well."""
        path = segment_path(self.directory, number)
        data = self._disk.read(path, 0, self._disk.size(path) or 0)
        found: dict[int, Record] = {}
        for frame in frames.scan(memoryview(data), len(frames.SEGMENT_MAGIC)):
            if isinstance(frame, frames.Damage):
                continue
            record = begin + ((frame.record - begin) & _LOW_32)
            if frame.kind == _SCHEMA:
                self._learn(bytes(frame.payload))
            elif frame.kind in _NUMBERED and record < end:
                found[record] = (frame.kind, frame.flags, frame.crc, bytes(frame.payload))
        return found

    def _advance(self, live: bool, now: float) -> bool:
        """Brings more frames into the window or goes on to the next segment; False when there is nothing more by now."""
        # Looked for before reading: what is there was begun after the segment before it was written to its end.
        following = self._following(live)
        if self._tail is not None and self._tail.refill(growing=live and following is None, now=now):
            return True
        if following is None:
            return False
        self._tail = SegmentTail(self._disk, self.directory, following)
        return True

    def _following(self, live: bool) -> int | None:
        """The segment after the one being read."""
        if self._tail is None:
            begin = self._begin_at
        elif live and self._disk.size(self._tail.next_path) is None:
            # This is asked for every resting run many times a second; a live writer skips no number.
            return None
        else:
            begin = self._tail.number + 1
        numbers = segment_numbers(self._disk, self.directory)
        return next((number for number in numbers if number >= begin), None)
