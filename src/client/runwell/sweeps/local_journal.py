"""The journal of offline sweeps: one SQLite database in the root directory, which all agents of the machine share.

Whoever decides holds its write lock from reading what the others decided until his own events are durable; a process that
is killed leaves the database as it was before.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from runwell._api_errors import ApiError
from runwell.core.sweeps.stream import SweepName

FILE = "sweeps.sqlite"
LOCK_WAIT_S = 60.0

SWEEPS = """
CREATE TABLE IF NOT EXISTS sweep (
    number INTEGER PRIMARY KEY, entity TEXT, project TEXT, sweep_id TEXT, UNIQUE (entity, project, sweep_id)
)"""
EVENTS = """
CREATE TABLE IF NOT EXISTS event (sweep INTEGER, record INTEGER, event BLOB, PRIMARY KEY (sweep, record)) WITHOUT ROWID
"""


class LocalJournal:
    """Offline sweeps by name, and their events. A connection lives for one turn, so that forks and threads share none."""

    def __init__(self, root: Path) -> None:
        self.path = root / FILE

    def named(self, sweep_id: str) -> list[SweepName]:
        """The sweeps with that id."""
        if not self.path.exists():
            return []
        with self.turn() as connection:
            found = connection.execute("SELECT entity, project, sweep_id FROM sweep WHERE sweep_id = ?", (sweep_id,))
            return [SweepName(*row) for row in found]

    @contextlib.contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """The database, for the caller alone; durable when the block is left. Raises ApiError when the disk refuses."""
        try:
            with contextlib.closing(sqlite3.connect(self.path, LOCK_WAIT_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(SWEEPS)
                connection.execute(EVENTS)
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise ApiError(f"the journal of offline sweeps, {self.path}, takes nothing: {error}") from error


def create(connection: sqlite3.Connection, name: SweepName) -> None:
    """A sweep without events."""
    connection.execute("INSERT INTO sweep (entity, project, sweep_id) VALUES (?, ?, ?)", name)


def events_after(connection: sqlite3.Connection, name: SweepName, record: int) -> list[bytes]:
    """The sweep's events behind its first ``record``, in their order."""
    found = connection.execute(
        "SELECT event FROM event JOIN sweep ON sweep = number WHERE (entity, project, sweep_id) = (?, ?, ?) AND record > ? "
        "ORDER BY record",
        (*name, record),
    )
    return [event for (event,) in found]


def append(connection: sqlite3.Connection, name: SweepName, record: int, events: list[bytes]) -> None:
    """Appends events behind the first ``record``."""
    connection.executemany(
        "INSERT INTO event SELECT number, ?, ? FROM sweep WHERE (entity, project, sweep_id) = (?, ?, ?)",
        [(number, event, *name) for number, event in enumerate(events, record + 1)],
    )
