"""Batches, and the rule by which they follow one another: a batch begins where its writer's last one ended, or is not taken."""

from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import NamedTuple


class RunId(NamedTuple):
    """What a run is known by."""

    entity: str
    project: str
    run_id: str


class WriterMark(IntFlag):
    """What is known of a writer's end; without a mark it is alive, as far as the log knows."""

    NONE = 0
    FINISHED = 1
    ENDED = 2
    SILENT = 4
    NOTABLE = 8
    """Of a batch alone: it holds what the catalogue follows. Not kept."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """Records ``first`` to ``first + count - 1`` of a writer, to be appended.

    A control entry (WriterEnded, WriterSilent) has count 0 and one event; it has a place in the log, and moves nothing.
    ``chain_before`` and ``chain`` are the writer's CRC chain before the first and after the last record,
    ``received_at`` unix seconds on the collector's clock, ``mark`` what the events say of the writer's end.
    """

    run: RunId
    writer: bytes
    first: int
    count: int
    chain_before: int
    chain: int
    received_at: float
    codec: int
    events: bytes
    mark: WriterMark = WriterMark.NONE
    notable: bool = False


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch in the log. ``offset`` counts 1, 2, 3, … over the whole log; the rest as in NewBatch."""

    offset: int
    run: RunId
    writer: bytes
    first: int
    count: int
    received_at: float
    codec: int
    events: bytes


@dataclass(frozen=True, slots=True)
class WriterPosition:
    """A writer's records up to ``durable`` are in the log; ``chain`` is its CRC chain there."""

    run: RunId
    durable: int
    chain: int
    mark: WriterMark


@dataclass(frozen=True, slots=True)
class Appended:
    """The batch is in the log at this offset, and survives a power cut."""

    offset: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """The batch doesn't follow the writer's position, which is None for an unknown writer; it was not taken."""

    position: WriterPosition | None


class LogFullError(Exception):
    """The disk under the log is full: nothing of the group was appended, the same call may succeed later."""


class LogDamagedError(Exception):
    """The log holds something that was never written; it is left as it is. ``path`` names the file."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Nothing was changed; restore this file from a backup")
        self.path = path
        self.reason = reason


def advanced(position: WriterPosition | None, batch: NewBatch) -> WriterPosition | None:
    """The writer's position after ``batch``, or None when the batch doesn't follow ``position``.

    A record says that its writer lives: it takes ENDED and SILENT away. FINISHED stays.
    """
    durable, chain, mark = (position.durable, position.chain, position.mark) if position else (0, 0, WriterMark.NONE)
    if position and position.run != batch.run:
        return None
    if batch.first != durable + 1 or batch.chain_before != chain:
        return None
    if batch.count == 0:
        return WriterPosition(batch.run, durable, chain, mark | batch.mark) if position else None
    kept = WriterMark.FINISHED if mark is not WriterMark.NONE and mark & WriterMark.FINISHED else batch.mark
    return WriterPosition(batch.run, durable + batch.count, batch.chain, kept)
