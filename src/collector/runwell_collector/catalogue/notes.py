"""What the catalogue has read of the log: wishes that are not decided, and all decisions. May be deleted: then the log is
read again from its beginning.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runwell.core.artifacts.catalogue import Catalogue
from runwell.v1 import event_pb2
from runwell_collector.log import RunId

TABLES = """
CREATE TABLE IF NOT EXISTS checkpoint (log_id TEXT NOT NULL, offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS wish (
    writer BLOB NOT NULL, record INTEGER NOT NULL, offset INTEGER NOT NULL,
    entity TEXT NOT NULL, project TEXT NOT NULL, run_id TEXT NOT NULL, event BLOB NOT NULL,
    PRIMARY KEY (writer, record)
);
CREATE TABLE IF NOT EXISTS decision (
    entity TEXT NOT NULL, project TEXT NOT NULL, record INTEGER NOT NULL, event BLOB NOT NULL,
    PRIMARY KEY (entity, project, record)
) WITHOUT ROWID;
"""


class WishKey(NamedTuple):
    """The record that it is."""

    writer: bytes
    record: int


class Wish(NamedTuple):
    """Something that has to be decided."""

    key: WishKey
    run: RunId
    event: event_pb2.Event


class CatalogueNotes:
    """For one thread."""

    def __init__(self, path: Path, log_id: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + TABLES)
        row = self._connection.execute("SELECT log_id, offset FROM checkpoint").fetchone()
        if row is None or row[0] != log_id:
            self._connection.executescript(
                "BEGIN; DELETE FROM checkpoint; DELETE FROM wish; DELETE FROM decision; COMMIT;"
            )
            self._connection.execute("INSERT INTO checkpoint VALUES (?, 0)", (log_id,))
        self.offset: int = self._connection.execute("SELECT offset FROM checkpoint").fetchone()[0]
        """Everything up to there is in these notes."""
        self._catalogues: dict[tuple[str, str], Catalogue] = {}

    def catalogue(self, entity: str, project: str) -> Catalogue:
        """What was decided in a project."""
        found = self._catalogues.get((entity, project))
        if found is None:
            found = self._catalogues[entity, project] = Catalogue()
            rows = self._connection.execute(
                "SELECT record, event FROM decision WHERE entity = ? AND project = ? ORDER BY record", (entity, project)
            )
            for record, event in rows:
                found.apply(record, event_pb2.Event.FromString(event))
        return found

    def projects(self) -> list[tuple[str, str]]:
        """Those with decisions."""
        return self._connection.execute("SELECT DISTINCT entity, project FROM decision").fetchall()

    def add_wish(self, wish: Wish, offset: int) -> None:
        """Notes something to be decided."""
        row = (*wish.key, offset, *wish.run, wish.event.SerializeToString())
        self._connection.execute("INSERT OR IGNORE INTO wish VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def wishes(self) -> Iterator[Wish]:
        """All that is not decided, in the order of the log."""
        rows = self._connection.execute("SELECT * FROM wish ORDER BY offset, record").fetchall()
        for writer, record, _, *run, event in rows:
            yield Wish(WishKey(writer, record), RunId(*run), event_pb2.Event.FromString(event))

    def add_decision(self, entity: str, project: str, record: int, event: event_pb2.Event, wish: WishKey) -> None:
        """Takes in a decision that the log has; what it answers is no wish any more."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("DELETE FROM wish WHERE writer = ? AND record = ?", wish)
            row = (entity, project, record, event.SerializeToString())
            self._connection.execute("INSERT OR IGNORE INTO decision VALUES (?, ?, ?, ?)", row)
        self.catalogue(entity, project).apply(record, event)

    def save(self, offset: int) -> None:
        """Everything up to that offset is in these notes."""
        if offset > self.offset:
            self._connection.execute("UPDATE checkpoint SET offset = ?", (offset,))
            self.offset = offset

    def close(self) -> None:
        self._connection.close()
