"""A machine's file system in memory: pages that are not synced may be lost, torn or kept when the power goes.

``SpoolDirectory`` is what a training process sees of it (runwell._disk.SpoolDisk), ``ForwarderDisk`` what a forwarder sees
(runwell.forwarder.disk.Disk). Every call belongs to a process, which may be killed in it.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.faults import Fault, Faults, Killed, Process

HOLE_BYTES = 64
"""Unsynced bytes are lost in pieces of this size: a page would be larger than most simulated spools."""

DIRECTORY_BYTES = 4096


class File:
    """Its content as every process sees it, and what of it the disk has."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.durable = b""
        self.named = False
        """Whether the disk has its name."""
        self.doomed: list[tuple[int, int]] = []
        """Bytes that a sync failed at: the kernel believes them clean, and never writes them."""
        self.holder: Process | None = None
        """Who has locked it."""


class FileSystem:
    """Files by path. ``capacity`` bytes fit."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.directories: dict[str, dict[str, File | None]] = {}
        """Of each directory its entries: files, and None for a directory."""
        self.capacity = 1 << 40

    def make_directory(self, directory: Path) -> None:
        """Also those above it. Nothing happens when it is there."""
        if str(directory) not in self.directories:
            self.directories[str(directory)] = {}
            if directory.parent != directory:
                self.make_directory(directory.parent)
                self.directories[str(directory.parent)][directory.name] = None

    def entries(self, directory: Path) -> dict[str, "File | None"]:
        """What is in a directory. Raises FileNotFoundError."""
        found = self.directories.get(str(directory))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(directory))
        return found

    def file(self, path: Path) -> "File | None":
        """The file there."""
        return self.directories.get(str(path.parent), {}).get(path.name)

    def segments(self, directory: Path) -> list["File"]:
        """A spool's segments in their order."""
        entries = self.directories.get(str(directory), {})
        return [file for name, file in sorted(entries.items()) if name.endswith(".seg") and file is not None]

    def used(self) -> int:
        """Bytes in all files."""
        return sum(len(file.data) for file in self._files())

    def _files(self) -> Iterator["File"]:
        for entries in self.directories.values():
            yield from (file for file in entries.values() if file is not None)

    def rename_directory(self, old: Path, new: Path) -> None:
        """Files keep their locks."""
        self.directories[str(new)] = self.directories.pop(str(old))
        entries = self.directories[str(old.parent)]
        del entries[old.name]
        entries[new.name] = None

    def remove_directory(self, directory: Path) -> None:
        """With all that is in it."""
        del self.directories[str(directory)]
        del self.directories[str(directory.parent)][directory.name]

    def copy_directory(self, old: Path, new: Path) -> None:
        """Locks are not copied."""
        self.make_directory(new)
        for name, file in self.entries(old).items():
            assert file is not None
            copied = self.directories[str(new)][name] = File(file.data)
            copied.durable, copied.named = bytes(copied.data), True

    def lose_power(self) -> None:
        """Only what was synced is sure to stay."""
        chance = self.faults.chance
        for entries in self.directories.values():
            for name, file in list(entries.items()):
                if file is None:
                    continue
                file.holder = None
                if not file.named and chance.random() < 0.5:
                    self.faults.happen(Fault.NAME_LOST)
                    del entries[name]
                else:
                    self._lose_bytes(file)

    def _lose_bytes(self, file: File) -> None:
        chance = self.faults.chance
        for start, end in file.doomed:
            file.data[start:end] = bytes(len(file.data[start:end]))
        safe = len(file.durable)
        if bytes(file.data[:safe]) != file.durable and not file.doomed:
            # Cut back or replaced since: the disk has the one or the other.
            file.data = bytearray(chance.choice([file.durable, bytes(file.data)]))
        elif len(file.data) > safe:
            way = chance.randrange(3)
            if way == 0:
                self.faults.happen(Fault.BYTES_LOST)
                del file.data[safe:]
            elif way == 1:
                self.faults.happen(Fault.BYTES_TORN)
                del file.data[chance.randrange(safe, len(file.data)) :]
                self._make_hole(file, safe)
        file.durable, file.doomed = bytes(file.data), []

    def _make_hole(self, file: File, safe: int) -> None:
        chance = self.faults.chance
        if len(file.data) > safe and chance.random() < 0.5:
            start = chance.randrange(safe, len(file.data))
            end = min(start + HOLE_BYTES, len(file.data))
            file.data[start:end] = bytes(end - start)


class SegmentHandle:
    """A segment that its writer has open."""

    def __init__(self, system: FileSystem, process: Process, file: File, directory: "SpoolDirectory") -> None:
        self._system = system
        self._process = process
        self._file = file
        self._directory = directory

    def write(self, data: bytes, /) -> int:
        chance = self._process.faults.chance
        if self._process.called():
            self._file.data += data[: chance.randint(0, len(data))]
            self._process.die()
        room = self._system.capacity - self._system.used()
        if room < len(data):
            self._process.faults.happen(Fault.CLIENT_DISK_FULL)
            if room <= 0:
                self._process.refuse(errno.ENOSPC)
            self._process.refusals += 1
            data = data[:room]
        elif self._directory.short_writes and self._process.faults.strikes(self._directory.short_writes):
            self._process.faults.happen(Fault.SHORT_WRITE)
            data = data[: chance.randint(1, len(data))]
        self._file.data += data
        return len(data)

    def read_from(self, offset: int) -> bytes:
        if self._process.called():
            self._process.die()
        return bytes(self._file.data[offset:])

    def truncate(self, size: int, /) -> int:
        if self._process.called():
            self._process.die()
        del self._file.data[size:]
        return size

    def sync(self) -> None:
        size = len(self._file.data)
        try:
            if self._process.called():
                self._process.die()
        except OSError:
            self._fail(size)
            raise
        self._directory.written_meanwhile()
        if self._process.dead:
            raise Killed
        self._file.durable = bytes(self._file.data[:size])

    def _fail(self, size: int) -> None:
        """The kernel forgets that these bytes were to be written; they may be gone at once, or with the power."""
        self._process.faults.happen(Fault.SYNC_FAILED)
        self._directory.failed_syncs += 1
        start = len(self._file.durable)
        if self._process.faults.chance.random() < 0.5:
            self._file.data[start:size] = bytes(size - start)
            self._directory.forgotten = True
        self._file.doomed.append((start, size))

    def close(self) -> None:
        """Nothing more comes."""


class SpoolDirectory:
    """One writer's directory, as the writer sees it."""

    def __init__(self, system: FileSystem, process: Process, root: Path, name: str) -> None:
        self.system = system
        self.process = process
        self.directory = root / name
        self.short_writes = 0.0
        self.power_lost_at: float | None = None
        self.damaged = False
        self.forgotten = False
        """Whether the kernel has forgotten bytes that could be read before."""
        self.failed_syncs = 0
        self.closed = False
        self._current = root / f".new-{name}"
        self._files: list[File] = []
        if process.called():
            process.die()
        system.make_directory(self._current)
        self._lock = system.entries(self._current)["lock"] = File()
        self._lock.holder = process

    def written_meanwhile(self) -> None:
        """Called in the middle of a sync; another thread may write."""

    def create(self, name: str) -> SegmentHandle:
        last = self.process.called()
        entries = self.system.entries(self._current)
        assert name not in entries, f"{name} is written a second time"
        file = entries[name] = File()
        self._files.append(file)
        if last:
            self.process.die()
        return SegmentHandle(self.system, self.process, file, self)

    def publish(self) -> None:
        if self.process.called():
            self.process.die()
        self.system.rename_directory(self._current, self.directory)
        self._current = self.directory

    def used_bytes(self) -> int:
        if self.process.called():
            self.process.die()
        return sum(len(file.data) for file in self.system.segments(self._current))

    def sync_entries(self) -> None:
        try:
            if self.process.called():
                self.process.die()
        except OSError:
            self.failed_syncs += 1
            raise
        for file in (*self._files, self._lock):
            file.named = True

    def discard(self) -> None:
        """Removes what was not published."""
        if self._current != self.directory:
            self.system.remove_directory(self._current)
        self.close()

    def close(self) -> None:
        if self.process.dead:
            raise Killed
        self.closed = True
        self._lock.holder = None


class ForwarderDisk:
    """The same files, as a forwarder sees them."""

    def __init__(self, system: FileSystem, process: Process) -> None:
        self._system = system
        self._process = process

    def _called(self) -> None:
        if self._process.called():
            self._process.die()

    def names(self, directory: Path) -> list[str]:
        self._called()
        if self._system.file(directory) is not None:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
        return list(self._system.entries(directory))

    def size(self, path: Path) -> int | None:
        self._called()
        if str(path) in self._system.directories:
            return DIRECTORY_BYTES
        file = self._system.file(path)
        return None if file is None else len(file.data)

    def read(self, path: Path, offset: int, bytes_max: int) -> bytes:
        self._called()
        file = self._system.file(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return bytes(file.data[offset : offset + bytes_max])

    def replace(self, path: Path, data: bytes, *, sync: bool = False) -> None:
        last = self._process.called()
        if last and self._process.faults.chance.random() < 0.5:
            self._process.die()
        if self._system.capacity - self._system.used() < len(data):
            self._process.refuse(errno.ENOSPC)
        entries = self._system.entries(path.parent)
        old, fresh = entries.get(path.name), File(data)
        fresh.named = True
        fresh.durable = data if sync else b"" if old is None else old.durable
        entries[path.name] = fresh
        if last:
            self._process.die()

    def remove(self, path: Path) -> None:
        self._called()
        if str(path) in self._system.directories:
            if self._system.entries(path):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
            self._system.remove_directory(path)
        elif self._system.file(path) is not None:
            del self._system.entries(path.parent)[path.name]

    def locked(self, path: Path) -> bool:
        self._called()
        file = self._system.file(path)
        return file is not None and file.holder is not None and not file.holder.dead
