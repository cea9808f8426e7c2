"""One writer's records as they go on the wire: sought to where the collector stands, then cut into batches."""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any

from runwell.core.frames import Kind, advance_chain
from runwell.forwarder.cutter import CutBatch, chain_after, cut
from runwell.forwarder.disk import Disk
from runwell.forwarder.position import Part
from runwell.forwarder.reader import Bookmark, Lost, Record, SpoolReader, Taken
from runwell.forwarder.segments import read_header, segment_numbers

SEEK_BYTES = 4 << 20
"""Passed over at a time while seeking, some 30 ms of work, so that other writers are not kept waiting."""

SEEK_RECORDS_MAX = 65_536

BOOKMARKS_MAX = 64
"""Beginnings of batches that are remembered: more than are ever in flight, but for very small ones."""


class Seek(Enum):
    """How seeking stands."""

    UNDER_WAY = auto()
    REACHED = auto()
    FORKED = auto()
    """The records up to the sought one are whole, and their chain differs from the collector's."""
    BEYOND = auto()
    """The spool has fewer records than the collector says it has."""


class SpoolSource:
    """``position`` is the wire number of the last record passed or cut, ``chain`` the chain there."""

    def __init__(self, disk: Disk, directory: Path, part: Part) -> None:
        self.part = part
        self.position = 0
        self.chain = 0
        self._disk = disk
        self._directory = directory
        self._reader = SpoolReader(disk, directory)
        self._unsent_attachment = False
        self._last: Taken | None = None
        self._intact = True
        self._anchor = 0, 0
        self._target = 0, 0
        self._bookmarks: dict[int, Bookmark] = {}

    def is_empty(self) -> bool:
        """Whether the spool has no whole record at all. Raises SpoolVersionError and OSError."""
        reader = SpoolReader(self._disk, self._directory)
        return not reader.take(live=True, now=0.0, bytes_max=1, records_max=1)

    @property
    def finished(self) -> bool:
        """Whether the record at ``position`` is RunFinished."""
        return any(kind in _fields(self._last) for kind in ("run_finished", "runFinished"))

    @property
    def place(self) -> tuple[int, int]:
        """Segment and offset up to which the spool was read."""
        bookmark = self._reader.bookmark()
        return bookmark.segment, bookmark.offset

    @property
    def drained(self) -> bool:
        """Whether the last cut took all that was there."""
        return self._reader.dry

    @property
    def complete(self) -> bool:
        """Whether this is a part that ends before the spool does, and all of it was passed or cut."""
        return self.part.until is not None and self.part.in_spool(self.position) >= self.part.until

    def seek(self, durable: int, chain: int, known: tuple[int, int] | None) -> None:
        """Begins to look for the wire number ``durable``. ``known``: a wire number and the chain that was right there.

        Raises OSError.
        """
        self._target = durable, chain if durable else 0
        self._anchor = self.part.after, self._first_chain()
        if known is not None and 0 < known[0] <= durable:
            self._anchor = self.part.in_spool(known[0]), known[1]
        if known == self._target and durable in self._bookmarks:
            self._reader.go_to(self._bookmarks[durable])
            self._last, self._intact, self.chain = None, True, chain
            return
        segment, first = self._segment_with(self._anchor[0])
        self._reader = SpoolReader(self._disk, self._directory, segment, first)
        self._last, self._intact, self.chain = None, True, self._anchor[1]

    def pass_over(self, *, live: bool, now: float) -> Seek:
        """Goes on looking for a while. Raises SpoolVersionError and OSError."""
        target = self.part.in_spool(self._target[0])
        if self.part.until is not None and target >= self.part.until:
            return self._reached()
        passed, before_anchor = self._reader.next_record - 1, self._reader.next_record <= self._anchor[0]
        goal = self._anchor[0] if before_anchor else target
        if passed < goal:
            records_max = min(goal - passed, SEEK_RECORDS_MAX)
            records = self._reader.take(live=live, now=now, bytes_max=SEEK_BYTES, records_max=records_max)
            if not records:
                return self._short(target, live)
            self._pass(records, chained=not before_anchor)
        if self._reader.next_record <= target:
            return Seek.UNDER_WAY
        if self._target[0] and self._intact and self.chain != self._target[1]:
            return Seek.FORKED
        return self._reached()

    def cut(
        self, *, live: bool, now: float, bytes_max: int, records_max: int, refused: Mapping[int, str]
    ) -> CutBatch | None:
        """The next records as a batch; None when there are no more by now. Raises SpoolVersionError and OSError."""
        before = self._reader.bookmark()
        if self._unsent_attachment:
            records: Sequence[Taken] = [self._attachment()]
        else:
            if self.part.until is not None:
                records_max = min(records_max, self.part.until - self._reader.next_record + 1)
            records = self._reader.take(live=live, now=now, bytes_max=bytes_max, records_max=records_max)
        if not records:
            return None
        self._bookmark(before)
        batch = cut(records, self.position + 1, self.chain, self._reader.schema, refused)
        self._unsent_attachment = False
        self.position, self.chain, self._last = batch.last, batch.chain, records[-1]
        return batch

    def _bookmark(self, place: Bookmark) -> None:
        """Remembers where the batch after ``position`` begins, since it may have to be cut again."""
        self._bookmarks[self.position] = place
        if len(self._bookmarks) > BOOKMARKS_MAX:
            del self._bookmarks[next(iter(self._bookmarks))]

    def _pass(self, records: Sequence[Taken], *, chained: bool) -> None:
        self._last = records[-1]
        if chained:
            self.chain = chain_after(records, self.chain)
            # What is lost here may have been whole when it was sent, so that nothing can be said of the chain.
            self._intact = self._intact and not any(isinstance(record, Lost) for record in records)

    def _reached(self) -> Seek:
        self.position, self.chain = self._target
        self._unsent_attachment = self.part.parent is not None and self.position == 0
        return Seek.REACHED

    def _short(self, target: int, live: bool) -> Seek:
        """Fewer records than the collector has: right only when the end was acked and then lost with its machine's power."""
        if live or self._anchor != (target, self._target[1]):
            return Seek.BEYOND
        self._reader.next_record, self._last = target + 1, None
        return self._reached()

    def _segment_with(self, record: int) -> tuple[int, int]:
        """The last segment that begins at or before the record, and its first record; else all segments, from the next."""
        for number in reversed(segment_numbers(self._disk, self._directory)):
            header = read_header(self._disk, self._directory, number)
            if header is not None and header.first_record <= max(record, 1):
                return number, header.first_record
        return 0, record + 1

    def _first_chain(self) -> int:
        """The chain before the part's first record of the spool."""
        return 0 if self.part.parent is None else advance_chain(0, zlib.crc32(self.part.writer))

    def _attachment(self) -> Record:
        """The record by which a part that is not the first begins. Its crc depends on the id alone, so that it never changes."""
        assert self.part.parent is not None
        first = SpoolReader(self._disk, self._directory).take(live=True, now=0.0, bytes_max=1, records_max=1)
        began = _fields(first[0]) if first else {}
        origin = began.get("run_resumed") or began.get("writer_attached") or {}
        attached = {
            "attempt": origin.get("attempt", 1),
            "starting_step": origin.get("starting_step", 0),
            "parent": base64.b64encode(self.part.parent).decode(),
        }
        event = {"time": began.get("time", 0.0), "writer_attached": attached}
        return int(Kind.EVENT), 0, zlib.crc32(self.part.writer), json.dumps(event).encode()


def _fields(record: Taken | None) -> dict[str, Any]:
    """The fields of an event record; none of any other."""
    if not isinstance(record, tuple) or record[0] != Kind.EVENT:
        return {}
    try:
        fields = json.loads(record[3])
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
