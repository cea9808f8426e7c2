"""The files under D/views: which one serves, and who may write.

    current              the name of the file that serves, replaced atomically
    views-V.G.db         views of fold version V; every rebuild makes a new generation G
    awaited              touched by whoever waits for the views to reach the log's end
    projector.lock       held by the projector: the only one that writes to the file that serves
    building.lock        held by whoever builds a file that does not serve yet

A file is never renamed or replaced, since SQLite finds its write-ahead file by name. To swap is to replace ``current``:
readers and the projector look at it before each piece of work and go on in the new file; what nobody opens any more is
removed by the projector.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runwell.core.fold import FOLD_VERSION
from runwell_projector.schema import open_views

OPEN_ATTEMPTS = 5
"""A file may be swapped and removed between reading its name and opening it."""


class AlreadyRunningError(Exception):
    """Another process holds the lock."""


class ViewFiles:
    """The views of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir / "views"
        self._current = self.directory / "current"
        self._awaited = self.directory / "awaited"
        self._synced: int | None = None

    def serving(self) -> Path | None:
        """The file that serves; None while there is none."""
        try:
            return self.directory / self._current.read_text().strip()
        except FileNotFoundError:
            return None

    def swap_mark(self) -> tuple[int, int] | None:
        """Changes with every swap."""
        try:
            status = self._current.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def await_news(self) -> None:
        """Tells the projector that somebody waits; who may not write there waits a little longer."""
        with suppress(OSError):
            self._awaited.touch()

    def awaited_mark(self) -> int:
        """Changes when somebody waits."""
        try:
            return self._awaited.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def open_serving(self) -> sqlite3.Connection | None:
        """Opens the file that serves, for reading; None while there is none."""
        for attempt in range(OPEN_ATTEMPTS):
            path = self.serving()
            if path is None:
                return None
            try:
                return open_views(path)
            except sqlite3.OperationalError:
                if attempt == OPEN_ATTEMPTS - 1 and self.serving() == path:
                    raise
        return None

    def new_path(self) -> Path:
        """A name for the next generation."""
        generations = [int(path.name.split(".")[1]) for path in self.directory.glob("views-*.*.db")]
        return self.directory / f"views-{FOLD_VERSION}.{max(generations, default=0) + 1}.db"

    def publish(self, path: Path) -> None:
        """Makes a file the one that serves; name and content survive a power cut."""
        # Closing any descriptor of the file would drop SQLite's locks on it in this process, and the next reader that closes
        # would then take away the write-ahead file: this one stays open.
        self._synced = os.open(path, os.O_RDONLY)
        os.fsync(self._synced)
        _sync(path.with_name(path.name + "-wal"))
        new = self.directory / f".current.{os.getpid()}"
        with new.open("w") as file:
            file.write(path.name + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._current)
        _sync(self.directory)

    def remove_others(self, keep: Path) -> None:
        """Removes the files of other generations; who has one open still reads it."""
        for path in self.directory.glob("views-*.db"):
            if path != keep:
                remove_views(path)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Holds ``projector.lock`` or ``building.lock``. Raises AlreadyRunningError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / f"{name}.lock").open("a") as lock:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise AlreadyRunningError(f"another process holds {lock.name}") from None
            yield


def _sync(path: Path) -> None:
    """Nothing happens when it is not there."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_views(path: Path) -> None:
    """Removes a views file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
