"""The files under a spool as the forwarder sees them; everything that reads or writes spools takes a ``Disk``."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """What reading and tending spools needs of a file system. Every method raises ``OSError`` when the disk does not obey."""

    def names(self, directory: Path) -> list[str]: ...

    def size(self, path: Path) -> int | None:
        """Bytes in the file; None when there is none."""

    def read(self, path: Path, offset: int, bytes_max: int) -> bytes:
        """As many bytes from ``offset`` on as there are, at most ``bytes_max``."""
        ...

    def replace(self, path: Path, data: bytes, *, sync: bool = False) -> None:
        """Makes ``data`` the content of the file: after a crash it is the old one or the new one.

        With ``sync`` it is the new one also after a power cut, once this returns.
        """

    def remove(self, path: Path) -> None:
        """Removes a file or an empty directory; nothing happens when it is not there."""

    def locked(self, path: Path) -> bool:
        """Whether another process holds the file's lock; False when there is no such file."""
        ...


class LocalDisk:
    """The file system of this machine."""

    def names(self, directory: Path) -> list[str]:
        return os.listdir(directory)

    def size(self, path: Path) -> int | None:
        try:
            return os.stat(path).st_size
        except FileNotFoundError:
            return None

    def read(self, path: Path, offset: int, bytes_max: int) -> bytes:
        with open(path, "rb", buffering=0) as file:
            return os.pread(file.fileno(), bytes_max, offset)

    def replace(self, path: Path, data: bytes, *, sync: bool = False) -> None:
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            os.replace(fresh, path)
            if sync:
                _sync_directory(path.parent)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise

    def remove(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()

    def locked(self, path: Path) -> bool:
        """Never asks about a lock of this very process: closing the file would release it."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        finally:
            os.close(file)
        return False


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
