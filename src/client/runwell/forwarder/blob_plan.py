"""What to ask about, what to send next, and what the answers mean: the sender's state without network, clock and files.

unknown -FindBlobs-> done (the server has it)
                  -> waiting -> sending, part by part -> unanswered -Stored-> done
                        ^-- out of place, refused for now, connection lost: asked about again
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runwell.core.blobs import DIRECTORY_NAME, blob_path
from runwell.forwarder.blob_lists import BlobList, Entry
from runwell.v1 import collector_pb2 as wire

ASKED_AT_ONCE = 500
MESSAGE_BYTES = 1 << 20
"""Small blobs share a message, large ones are cut: a message costs both sides more than a small blob does."""

UNANSWERED_BYTES_MAX = 16 << 20
UNANSWERED_MAX = 256
"""Sent whole and not yet answered: some tenths of a second of a fast disk's work, or of a bucket's."""

TURNS_MAX = 4
"""So many blobs alternate, so that an image does not wait for a checkpoint of 50 GB."""

CORRUPT_MAX = 2
"""A blob that arrived otherwise than it was named so often is damaged here, not on the way."""


@dataclass(eq=False, slots=True)
class Wanted:
    """A blob that the server does not have, and all lines that name it."""

    sha256: bytes
    size: int
    entries: list[Entry]
    offset: int = 0
    corrupted: int = 0

    @property
    def fits(self) -> bool:
        """Whether it goes as one part, which the server need not write aside."""
        return self.offset == 0 and self.size <= MESSAGE_BYTES

    def paths(self) -> list[Path]:
        """Where the content may be: among the blobs of a writer's root, or in the file that it came from."""
        roots = dict.fromkeys(entry.directory.parent.parent for entry in self.entries)
        kept = [root / DIRECTORY_NAME / blob_path(self.sha256.hex()) for root in roots]
        # A forwarder that was killed while it looked what may be removed has put it aside.
        kept += [path.with_name(f".{path.name}") for path in kept]
        return [*kept, *(Path(entry.listed.source) for entry in self.entries if entry.listed.source)]


@dataclass(frozen=True, slots=True)
class PartPlan:
    """A part to be read and sent."""

    wanted: Wanted
    offset: int
    length: int


class BlobPlan:
    """``lists`` are those of the writers that are looked after; whoever changes it calls ``settle`` afterwards."""

    def __init__(self) -> None:
        self.lists: dict[Path, BlobList] = {}
        self.lost: dict[str, str] = {}
        """Blobs that are neither here nor with the server, and why."""
        self._wanted: dict[bytes, Wanted] = {}
        self._waiting: deque[Wanted] = deque()
        self._sending: deque[Wanted] = deque()
        self._unanswered: dict[bytes, int] = {}
        self._unanswered_bytes = 0

    @property
    def pending(self) -> bool:
        """Whether anything is left to send."""
        return any(its.pending for its in self.lists.values())

    def to_ask(self) -> dict[bytes, list[Entry]]:
        """Lines that nothing is known of, by digest; none while there is enough to send."""
        by_digest: dict[bytes, list[Entry]] = {}
        if len(self._waiting) >= ASKED_AT_ONCE:
            return by_digest
        for its in self.lists.values():
            for entry in its.entries:
                if not entry.asked and len(by_digest) < ASKED_AT_ONCE:
                    by_digest.setdefault(bytes.fromhex(entry.listed.sha256), []).append(entry)
        return by_digest

    def found(self, asked: dict[bytes, list[Entry]], offsets: dict[bytes, int]) -> None:
        """The server has the blobs that are not in ``offsets``, and of those as much as that."""
        for digest, entries in asked.items():
            for entry in entries:
                entry.asked = True
            if digest not in offsets:
                self._finish(entries, stored=True)
            elif digest in self._wanted:
                self._wanted[digest].entries += entries
            else:
                wanted = self._wanted[digest] = Wanted(digest, entries[0].listed.bytes, entries, offsets[digest])
                self._waiting.append(wanted)
        self.settle()

    def speak_to(self, log_id: str) -> bool:
        """Whether this is another server than before, so that everything has to be asked about again."""
        changed = [its.speak_to(log_id) for its in self.lists.values()]
        if any(changed):
            self.give_up()
        return any(changed)

    def next_parts(self) -> list[PartPlan]:
        """What goes into the next message; none when the server has enough to do."""
        parts: list[PartPlan] = []
        room = MESSAGE_BYTES
        while room > 0 and (wanted := self._next()) is not None:
            if wanted.fits and wanted.size > room and parts:
                self._waiting.appendleft(wanted)
                break
            length = wanted.size if wanted.fits else min(MESSAGE_BYTES, wanted.size - wanted.offset)
            parts.append(PartPlan(wanted, wanted.offset, length))
            room -= length + 64
            self._sent(wanted, length)
        return parts

    def _next(self) -> Wanted | None:
        has_room = len(self._unanswered) < UNANSWERED_MAX and self._unanswered_bytes < UNANSWERED_BYTES_MAX
        if len(self._sending) < TURNS_MAX and self._waiting and has_room:
            return self._waiting.popleft()
        return self._sending.popleft() if self._sending else None

    def _sent(self, wanted: Wanted, length: int) -> None:
        in_hand = wanted.size if wanted.fits else 0
        wanted.offset += length
        if wanted.offset < wanted.size:
            self._sending.append(wanted)
        else:
            self._unanswered[wanted.sha256] = in_hand
            self._unanswered_bytes += in_hand

    def is_wanted(self, wanted: Wanted) -> bool:
        """Whether it is still to be sent: an answer may have come meanwhile."""
        return self._wanted.get(wanted.sha256) is wanted

    def answered(self, answer: wire.BlobAnswer) -> None:
        """What became of a blob."""
        self._unanswered_bytes -= self._unanswered.pop(answer.sha256, 0)
        wanted = self._wanted.get(answer.sha256)
        if wanted is None:
            return
        if answer.outcome == wire.BLOB_OUTCOME_STORED:
            self._drop(wanted)
            self._finish(wanted.entries, stored=True)
        elif answer.outcome == wire.BLOB_OUTCOME_CORRUPT and wanted.corrupted < CORRUPT_MAX:
            self._remove_from_queues(wanted)
            wanted.corrupted += 1
            wanted.offset = 0
            self._waiting.append(wanted)
        elif answer.outcome in (wire.BLOB_OUTCOME_CORRUPT, wire.BLOB_OUTCOME_INVALID):
            self.lose(wanted, f"it is not stored: {answer.message}")
        else:
            self._drop(wanted)
            for entry in wanted.entries:
                entry.asked = False
        self.settle()

    def lose(self, wanted: Wanted, reason: str) -> None:
        """It cannot be sent, now or later."""
        self.lost[wanted.sha256.hex()] = reason
        self._drop(wanted)
        self._finish(wanted.entries, stored=False)
        self.settle()

    def give_up(self) -> None:
        """The connection is lost: everything that is not done is asked about again."""
        for its in self.lists.values():
            for entry in its.entries:
                entry.asked = False
        self._wanted.clear()
        self._waiting.clear()
        self._sending.clear()
        self._unanswered.clear()
        self._unanswered_bytes = 0

    def settle(self) -> None:
        """Goes past what is done, and notes it."""
        for its in self.lists.values():
            its.settle()

    def save(self) -> None:
        """Notes on disk how far each list is."""
        for its in self.lists.values():
            its.save()

    def _drop(self, wanted: Wanted) -> None:
        self._unanswered_bytes -= self._unanswered.pop(wanted.sha256, 0)
        self._wanted.pop(wanted.sha256, None)
        self._remove_from_queues(wanted)

    def _remove_from_queues(self, wanted: Wanted) -> None:
        for queue in (self._sending, self._waiting):
            if wanted in queue:
                queue.remove(wanted)

    @staticmethod
    def _finish(entries: Iterable[Entry], *, stored: bool) -> None:
        for entry in entries:
            entry.done, entry.stored = True, stored
