"""The event log of the simulator: what a call has returned is durable, and nothing else exists."""

from collections.abc import Sequence

from runwell_collector.log.batch import (
    Appended,
    Conflict,
    NewBatch,
    StoredBatch,
    WriterMark,
    WriterPosition,
    advanced,
)


class MemoryEventLog:
    """Keeps everything in lists; the plain statement of what every event log does."""

    def __init__(self, log_id: str) -> None:
        self._log_id = log_id
        self._batches: list[StoredBatch] = []
        self._positions: dict[bytes, WriterPosition] = {}

    @property
    def log_id(self) -> str:
        return self._log_id

    async def append(self, batches: Sequence[NewBatch]) -> list[Appended | Conflict]:
        return [self._append(batch) for batch in batches]

    async def read(self, after: int, batches_max: int, bytes_max: int) -> list[StoredBatch]:
        found: list[StoredBatch] = []
        for batch in self._batches[after : after + batches_max]:
            bytes_max -= len(batch.events)
            if found and bytes_max < 0:
                break
            found.append(batch)
        return found

    async def end(self) -> int:
        return len(self._batches)

    async def position(self, writer: bytes) -> WriterPosition | None:
        return self._positions.get(writer)

    async def living(self) -> dict[bytes, WriterPosition]:
        return {writer: at for writer, at in self._positions.items() if at.mark == WriterMark.NONE}

    def _append(self, batch: NewBatch) -> Appended | Conflict:
        position = self._positions.get(batch.writer)
        if (after := advanced(position, batch)) is None:
            return Conflict(position)
        self._positions[batch.writer] = after
        offset = len(self._batches) + 1
        stored = StoredBatch(
            offset, batch.run, batch.writer, batch.first, batch.count, batch.received_at, batch.codec, batch.events
        )
        self._batches.append(stored)
        return Appended(offset)
