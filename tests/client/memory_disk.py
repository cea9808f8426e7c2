"""A disk and a clock that do what a test tells them."""

import errno
import os
from collections.abc import Callable


class ManualClock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.wall_s = 1_700_000_000.0
        self.monotonic_s = 100.0

    def wall(self) -> float:
        return self.wall_s

    def monotonic(self) -> float:
        return self.monotonic_s


class MemoryFile:
    def __init__(self, disk: "MemoryDisk") -> None:
        self.disk = disk
        self.data = bytearray()
        self.synced = 0
        self.closed = False

    def write(self, data: bytes, /) -> int:
        if self.disk.interrupt_after is not None:
            whole, self.disk.interrupt_after = self.disk.interrupt_after, None
            self.data += data[: int(len(data) * whole)]
            raise KeyboardInterrupt
        room = self.disk.capacity - self.disk.used_bytes()
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = data[:room]
        self.data += taken
        self.disk.after("write")
        return len(taken)

    def read_from(self, offset: int) -> bytes:
        return bytes(self.data[offset:])

    def truncate(self, size: int, /) -> int:
        if self.disk.truncation_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        del self.data[size:]
        return size

    def sync(self) -> None:
        if self.disk.failing_syncs:
            self.disk.failing_syncs -= 1
            del self.data[self.synced :]
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.synced = len(self.data)
        self.disk.after("sync")

    def close(self) -> None:
        self.closed = True


class MemoryDisk:
    """Segments in memory. A sync that fails throws away what was not synced, as a kernel may."""

    def __init__(self, capacity: int = 1 << 40) -> None:
        self.capacity = capacity
        self.files: dict[str, MemoryFile] = {}
        self.failing_syncs = 0
        self.truncation_fails = False
        self.interrupt_after: float | None = None
        self.published = False
        self.closed = False
        self.after: Callable[[str], object] = lambda operation: None

    def create(self, name: str) -> MemoryFile:
        assert name not in self.files
        self.files[name] = MemoryFile(self)
        return self.files[name]

    def publish(self) -> None:
        assert self.files
        self.published = True

    def used_bytes(self) -> int:
        return sum(len(file.data) for file in self.files.values())

    def sync_entries(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def segments(self) -> list[bytes]:
        """What is in the files, in order."""
        return [bytes(self.files[name].data) for name in sorted(self.files)]

    def after_power_loss(self) -> list[bytes]:
        """What would be left of them."""
        kept = (bytes(self.files[name].data[: self.files[name].synced]) for name in sorted(self.files))
        return [data for data in kept if data]
