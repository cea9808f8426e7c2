"""Which digest a file had, by path, size, times and inode: an unchanged directory is logged again without reading it.

A file that was changed so shortly before it was read that its times could not show another change is not remembered. The
cache may be lost at any time; where it cannot be kept, files are read again.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from runwell.core.blobs import Blob

RACY_NS = 20_000_000
"""File systems' clocks tick every 4 to 10 ms."""

REMEMBERED_MAX = 1_000_000
ASKED_AT_ONCE = 400

TABLES = """
CREATE TABLE IF NOT EXISTS file (
    path BLOB PRIMARY KEY, bytes INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, sha256 TEXT, seen REAL
) WITHOUT ROWID;
"""

Stamp = tuple[int, int, int, int]
"""Bytes, mtime_ns, ctime_ns and inode."""


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


class DigestCache:
    """One SQLite file under the root directory, for all processes that use it."""

    def __init__(self, root: Path) -> None:
        self._path = root / "cache" / "digests.db"

    def known(self, stamps: Mapping[str, Stamp]) -> dict[str, Blob]:
        """The contents of those files that are as they were when they were read."""
        found: dict[str, Blob] = {}
        paths = list(stamps)
        with contextlib.suppress(sqlite3.Error, OSError), contextlib.closing(self._connected()) as connection:
            for start in range(0, len(paths), ASKED_AT_ONCE):
                some = [os.fsencode(path) for path in paths[start : start + ASKED_AT_ONCE]]
                marks = ",".join("?" * len(some))
                for path, *stamp, sha256 in connection.execute(
                    f"SELECT path, bytes, mtime_ns, ctime_ns, inode, sha256 FROM file WHERE path IN ({marks})", some
                ):
                    name = os.fsdecode(path)
                    if tuple(stamp) == stamps[name]:
                        found[name] = Blob(sha256, stamp[0])
        return found

    def remember(self, files: Iterable[tuple[str, Stamp, Blob]]) -> None:
        """Files as they were when they were read."""
        now, now_ns = time.time(), time.time_ns()
        rows = [
            (os.fsencode(path), *stamp, blob.sha256, now)
            for path, stamp, blob in files
            if now_ns - max(stamp[1], stamp[2]) > RACY_NS
        ]
        with contextlib.suppress(sqlite3.Error, OSError), contextlib.closing(self._connected()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            count = connection.execute("SELECT count(*) FROM file").fetchone()[0] if len(rows) > 1 else 0
            if count > REMEMBERED_MAX:
                connection.execute(
                    "DELETE FROM file WHERE path IN (SELECT path FROM file ORDER BY seen LIMIT ?)", (count // 2,)
                )
            connection.execute("COMMIT")

    def _connected(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=1.0, isolation_level=None)
        try:
            connection.executescript("PRAGMA synchronous = OFF;" + TABLES)
        except BaseException:
            connection.close()
            raise
        return connection
