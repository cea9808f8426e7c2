"""The event log on a simulated disk: what an append returned for is kept; what it was at when its process died, perhaps.

``OpenLog`` is the log as one collector has it open (runwell_collector.log.EventLog), ``FollowedLog`` as a projector reads it.
"""

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable, Sequence

from runwell_collector.log import Appended, Conflict, LogFullError, NewBatch, StoredBatch, WriterPosition
from runwell_collector.log.memory import MemoryEventLog
from tests.simulation.faults import Fault, Process

COMMIT_S_MAX = 0.03
FAILED = "the log failed in the middle of a call"


class LogDisk:
    """What is on the server's disk. ``synced`` batches survive the loss of power."""

    def __init__(self, name: str) -> None:
        self.log = MemoryEventLog(name)
        self.restores = 0
        self.seen: Callable[[NewBatch], object] = lambda batch: None
        """Told of every batch that a collector wants to append."""

    def copy(self) -> MemoryEventLog:
        """As a backup takes it."""
        copied = MemoryEventLog(self.log.log_id)
        copied._batches = list(self.log._batches)
        copied._positions = dict(self.log._positions)
        return copied

    def restore(self, backup: MemoryEventLog) -> None:
        """Goes back to the copy, under a new identity as docs/formats.md demands."""
        self.restores += 1
        restored = MemoryEventLog(f"{backup.log_id.partition('+')[0]}+{self.restores}")
        restored._batches = list(backup._batches)
        restored._positions = dict(backup._positions)
        self.log = restored


class OpenLog:
    """One collector's handle. A commit takes a while, in which its process may be killed, or the disk be full."""

    def __init__(self, disk: LogDisk, process: Process, full: float = 0.0) -> None:
        self._disk = disk
        self._process = process
        self._full = full

    @property
    def log_id(self) -> str:
        return self._disk.log.log_id

    async def append(self, batches: Sequence[NewBatch]) -> list[Appended | Conflict]:
        faults = self._process.faults
        log = self._disk.log
        for batch in batches:
            self._disk.seen(batch)
        if faults.strikes(self._full):
            faults.happen(Fault.LOG_FULL_IN_A_COMMIT)
            await self._commits()
            raise LogFullError(os.strerror(errno.ENOSPC))
        last = self._called()
        early = faults.chance.random() < 0.5
        results = await log.append(batches) if early and not last else []
        try:
            await self._commits()
        finally:
            if self._process.dead and not early and faults.chance.random() < 0.3:
                await log.append(batches)
        if last:
            if faults.chance.random() < 0.5:
                await log.append(batches)
            self._process.die()
        return results if early else await log.append(batches)

    async def _commits(self) -> None:
        await asyncio.sleep(self._process.faults.chance.random() * COMMIT_S_MAX)

    def _called(self) -> bool:
        """Raises OSError for a disk that fails, after which nobody knows what is on it."""
        return self._process.called()

    async def read(self, after: int, batches_max: int, bytes_max: int) -> list[StoredBatch]:
        return await self._disk.log.read(after, batches_max, bytes_max)

    async def end(self) -> int:
        return await self._disk.log.end()

    async def position(self, writer: bytes) -> WriterPosition | None:
        if self._called():
            self._process.die()
        await asyncio.sleep(0)
        return await self._disk.log.position(writer)

    async def living(self) -> dict[bytes, WriterPosition]:
        return await self._disk.log.living()


class FollowedLog:
    """What the projector asks of runwell_collector.log.LogReader."""

    def __init__(self, disk: LogDisk, process: Process) -> None:
        self._disk = disk
        self._process = process

    @property
    def log_id(self) -> str:
        return self._disk.log.log_id

    def end(self) -> int:
        return len(self._disk.log._batches)

    def read(self, after: int, batches_max: int = 1000, bytes_max: int = 1 << 24) -> list[StoredBatch]:
        try:
            if self._process.called():
                self._process.die()
        except OSError as error:
            self._process.faults.happen(Fault.LOG_READ_FAILED)
            raise sqlite3.OperationalError(str(error)) from error
        batches_max = self._process.faults.chance.choice([1, 2, 3, batches_max])
        found: list[StoredBatch] = []
        for batch in self._disk.log._batches[after : after + batches_max]:
            bytes_max -= len(batch.events)
            if found and bytes_max < 0:
                break
            found.append(batch)
        return found

    def close(self) -> None:
        """Nothing is open."""
