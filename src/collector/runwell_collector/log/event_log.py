"""The seam under the collector: SQLite files on one machine, memory in the simulator, a replicated stream in a cluster."""

from collections.abc import Sequence
from typing import Protocol

from runwell_collector.log.batch import Appended, Conflict, NewBatch, StoredBatch, WriterPosition


class EventLog(Protocol):
    """Keeps batches in order. One appender; tests/contract says what every implementation does."""

    @property
    def log_id(self) -> str:
        """The log's random identity; offsets mean nothing under another one."""
        ...

    async def append(self, batches: Sequence[NewBatch]) -> list[Appended | Conflict]:
        """Appends the batches that follow their writer's position, and returns once they survive a power cut.

        One answer a batch. A batch sees those before it in the same call. Raises LogFullError, and then none was
        appended; OSError or a database error when it is not known what is on disk: the process must end.
        """
        ...

    async def read(self, after: int, batches_max: int, bytes_max: int) -> list[StoredBatch]:
        """Durable batches with offsets greater than ``after``, in order and without gaps; one at least if there is any."""
        ...

    async def end(self) -> int:
        """The greatest durable offset; 0 in an empty log."""
        ...

    async def position(self, writer: bytes) -> WriterPosition | None:
        """The durable position of a writer; None when nothing of it is stored."""
        ...

    async def living(self) -> dict[bytes, WriterPosition]:
        """The writers without a mark: finished, ended and silent ones are left out."""
        ...
