"""The views' write-ahead file is moved into their file beside their writer, since whoever moves it waits for the disk.

While transactions keep coming such a checkpoint is always a little behind, and the write-ahead file would only grow; so the
writer itself moves the last of it between two transactions, after which SQLite begins the file anew. Should the writer be
faster than all of this, SQLite moves it within a commit, from ``AUTOMATIC_PAGES`` on.
"""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

CHECKPOINT_BYTES = 8 << 20
CHECKPOINT_TRANSACTIONS = 64
"""A checkpoint begins after so many bytes of events, or transactions, since each writes rows of runs too."""

PASSES_BESIDE = 2
"""Each leaves about what was written during it."""

AUTOMATIC_PAGES = 8_192
"""64 MiB."""

PASSIVE = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """Of one views file, for its only writer; ``close`` ends what is under way."""

    def __init__(self, path: Path, writer: sqlite3.Connection) -> None:
        self._path = path
        self._writer = writer
        self._bytes = 0
        self._transactions = 0
        self._beside: threading.Thread | None = None
        writer.execute(f"PRAGMA wal_autocheckpoint = {AUTOMATIC_PAGES}")

    def committed(self, events_bytes: int) -> None:
        """To be called between two transactions: the last one took in so many bytes of events."""
        self._bytes += events_bytes
        self._transactions += 1
        if self._beside is not None:
            if not self._beside.is_alive():
                self.close()
                _move(self._writer)
                self._bytes = self._transactions = 0
        elif self._bytes >= CHECKPOINT_BYTES or self._transactions >= CHECKPOINT_TRANSACTIONS:
            self._beside = threading.Thread(target=self._move_beside, name="checkpoint")
            self._beside.start()

    def close(self) -> None:
        """May be called twice."""
        if self._beside is not None:
            self._beside.join()
            self._beside = None

    def _move_beside(self) -> None:
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            for _ in range(PASSES_BESIDE):
                _move(connection)


def _move(connection: sqlite3.Connection) -> None:
    # On a full disk everything stays in the write-ahead file; damage is told by whoever reads it.
    with suppress(sqlite3.Error):
        connection.execute(PASSIVE)
