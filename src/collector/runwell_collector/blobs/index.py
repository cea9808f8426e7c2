"""Which blobs the store has, in one SQLite file beside it: asking a bucket about ten thousand would take seconds.

A blob is entered once it is durable and before anyone is told, so what is in the index is in the store. The file may be
lost: then, and when another store is configured, it is made again from a listing of the store.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from runwell.core.blobs import Blob, is_sha256
from runwell_collector.blobs.store import BlobStore

ASKED_AT_ONCE = 500

TABLES = """
CREATE TABLE IF NOT EXISTS store (url TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS blob (sha256 BLOB PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
"""


class BlobIndex:
    """May be used from any thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLES)
        self._lock = threading.Lock()

    @property
    def store_url(self) -> str | None:
        """The store that it speaks of; None before it is filled."""
        row = self._connection.execute("SELECT url FROM store").fetchone()
        return row[0] if row else None

    def known(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of the digests that are stored."""
        found: set[bytes] = set()
        with self._lock:
            for start in range(0, len(digests), ASKED_AT_ONCE):
                some = digests[start : start + ASKED_AT_ONCE]
                marks = ",".join("?" * len(some))
                found.update(
                    row[0]
                    for row in self._connection.execute(f"SELECT sha256 FROM blob WHERE sha256 IN ({marks})", some)
                )
        return found

    def add(self, blobs: Iterable[Blob]) -> None:
        """Enters blobs, in one transaction."""
        rows = [(bytes.fromhex(blob.sha256), blob.bytes) for blob in blobs if is_sha256(blob.sha256)]
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?)", rows)

    async def fill(self, store: BlobStore) -> None:
        """Makes it speak of that store. Raises StoreError."""
        if self.store_url == store.url:
            return
        with self._lock:
            self._connection.executescript("DELETE FROM store; DELETE FROM blob;")
        async for page in store.all():
            self.add(page)
        with self._lock:
            self._connection.execute("INSERT INTO store VALUES (?)", (store.url,))

    def close(self) -> None:
        self._connection.close()
