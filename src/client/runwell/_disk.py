"""A writer's own directory: the seam at which the simulator puts its disk that fills up, tears and forgets.

Its order of birth: made under a name that nobody looks at, locked, given its first segment, and only then renamed into
place, so that no spool is ever seen without its writer's lock.
"""

import contextlib
import fcntl
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

SPOOL_NAME_BYTES_MAX = 150
"""The run id's share of a directory name: with the writer's 33 characters and a prefix it stays below 255."""

LOCK_NAME = "lock"

_STANDARD_ERROR = 2

_UNQUOTED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


class SegmentFile(Protocol):
    """A file that is only appended to. Each method raises OSError."""

    def write(self, data: bytes, /) -> int | None:
        """Appends in one go and returns how many bytes were taken."""
        ...

    def read_from(self, offset: int) -> bytes: ...

    def truncate(self, size: int, /) -> int: ...

    def sync(self) -> None:
        """Returns when what was written survives power loss."""
        ...

    def close(self) -> None: ...


class SpoolDisk(Protocol):
    """The directory of one spool. Each method raises OSError."""

    def create(self, name: str) -> SegmentFile: ...

    def publish(self) -> None:
        """Shows the directory to others, once its first segment is there."""
        ...

    def used_bytes(self) -> int:
        """Size of all segments that are still there."""
        ...

    def sync_entries(self) -> None:
        """Returns when created files survive power loss."""
        ...

    def segments(self) -> Iterable[bytes]:
        """What is in the segments that are still there, in order."""
        ...

    def close(self) -> None:
        """Releases the writer's lock. May be called twice."""
        ...


class LocalSegmentFile(io.FileIO):
    """A segment on a local or network file system. Every write goes to the end."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "xb+", opener=_open_to_append)

    def read_from(self, offset: int) -> bytes:
        size = os.fstat(self.fileno()).st_size
        return os.pread(self.fileno(), max(0, size - offset), offset)

    def sync(self) -> None:
        os.fsync(self.fileno())


def _open_to_append(path: str, flags: int) -> int:
    return _open(path, flags | os.O_APPEND)


def _open(path: str, flags: int) -> int:
    """A descriptor beyond those of the standard streams: where these are closed, others still write to their numbers."""
    descriptor = os.open(path, flags, 0o644)
    if descriptor > _STANDARD_ERROR:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _STANDARD_ERROR + 1)
    finally:
        os.close(descriptor)


class LocalSpoolDisk:
    """The directory of one spool under ``ROOT/spool``."""

    def __init__(self, spool_root: Path, run_id: str, writer: bytes) -> None:
        """Makes and locks the directory, unpublished. Raises OSError."""
        name = spool_name(run_id, writer)
        # Plain strings: a program may make thousands of runs, and paths as objects would be a tenth of what one costs.
        self.directory = f"{spool_root}/{name}"
        self._current = f"{spool_root}/.new-{name}"
        try:
            os.mkdir(self._current)
        except FileNotFoundError:
            spool_root.mkdir(parents=True, exist_ok=True)
            os.mkdir(self._current)
        self._lock = -1
        # Remembered, since a directory cannot be listed without a free file descriptor.
        self._unpublished = [LOCK_NAME]
        # Open from the start: a process that has run out of file descriptors must still be able to sync.
        self._directories: list[int] = []
        try:
            self._directories += [_open(path, os.O_RDONLY) for path in (self._current, str(spool_root))]
            self._lock = _open(f"{self._current}/{LOCK_NAME}", os.O_RDWR | os.O_CREAT)
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(self._lock, f"{os.getpid()}\n".encode())
        except BaseException:
            self.discard()
            raise

    def create(self, name: str) -> SegmentFile:
        if self._unpublished:
            self._unpublished.append(name)
        return LocalSegmentFile(f"{self._current}/{name}")

    def publish(self) -> None:
        os.rename(self._current, self.directory)
        self._current = self.directory
        self._unpublished.clear()

    def used_bytes(self) -> int:
        return sum(entry.stat().st_size for entry in os.scandir(self._current) if entry.name.endswith(".seg"))

    def sync_entries(self) -> None:
        for directory in self._directories:
            os.fsync(directory)

    def segments(self) -> Iterator[bytes]:
        return read_segments(Path(self._current))

    def discard(self) -> None:
        """Removes what was not published."""
        if self._unpublished:
            for name in self._unpublished:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self._current}/{name}")
            os.rmdir(self._current)
            self._unpublished.clear()
        self.close()

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        while self._directories:
            os.close(self._directories.pop())


def read_segments(directory: Path) -> Iterator[bytes]:
    """The segments of a spool, in order. Raises OSError."""
    for segment in sorted(directory.glob("*.seg")):
        yield segment.read_bytes()


def spool_name(run_id: str, writer: bytes) -> str:
    """The name of a writer's directory."""
    return f"{spool_prefix(run_id)}{writer.hex()}"


def spool_prefix(run_id: str) -> str:
    """What the names of all directories of a run begin with; other runs' may too when it was cut."""
    quoted = percent_quoted(run_id)
    # A name that begins with a dot belongs to a spool that is still being made.
    visible = f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted
    return visible[:SPOOL_NAME_BYTES_MAX] + "."


def percent_quoted(text: str) -> str:
    """``text`` for a file name or a part of an address, as urllib.parse.quote(text, safe="") has it."""
    if text.isascii() and text.isalnum():
        return text
    return "".join(chr(byte) if byte in _UNQUOTED else f"%{byte:02X}" for byte in text.encode())


def free_bytes(directory: Path) -> int:
    """Free space for this user where ``directory`` is. Raises OSError."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize
