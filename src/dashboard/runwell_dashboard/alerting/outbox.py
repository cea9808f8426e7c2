"""What is still to be sent, in ``D/alerts.db``: with the log's offset up to which alerts were taken from the views.

Order of durability: alerts enter the outbox in the transaction that moves the position, and leave it after their receiver
has said that it has them. So after a kill at any moment none is lost, and only what was being sent is sent again.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "alerts.db"

WAITING_MAX = 1_000
"""For one target; further alerts are not sent to it, and counted. They are in the views all the same."""

TOLD_KEPT_S = 30 * 86_400.0
"""When a title was told of is forgotten so long after its wait is over."""

TABLES = """
CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), log_id TEXT, offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY, target TEXT NOT NULL, since REAL NOT NULL, attempts INTEGER NOT NULL, alert TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting_by_target ON waiting (target, attempts, number);
CREATE TABLE IF NOT EXISTS told (
    entity TEXT NOT NULL, project TEXT NOT NULL, run_id TEXT NOT NULL, title TEXT NOT NULL,
    time REAL NOT NULL, until REAL NOT NULL, PRIMARY KEY (entity, project, run_id, title)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS target (
    name TEXT PRIMARY KEY, delivered INTEGER NOT NULL DEFAULT 0, given_up INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT ''
);
"""

Alert = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that one target has not got yet; ``since`` is in unix seconds."""

    number: int
    since: float
    alert: Alert


class Outbox:
    """For one thread; others have their own."""

    def __init__(self, data_dir: Path) -> None:
        path = data_dir / FILE
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30.0, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(TABLES)

    def close(self) -> None:
        """May be called twice."""
        self._connection.close()

    def position(self) -> tuple[str | None, int] | None:
        """The log and the offset up to which its alerts were taken in; None at the very first start."""
        found: tuple[str | None, int] | None = self._connection.execute(
            "SELECT log_id, offset FROM position"
        ).fetchone()
        return found

    def move(self, log_id: str | None, offset: int) -> None:
        """Goes on from another place: alerts before it are not told."""
        self._connection.execute("INSERT OR REPLACE INTO position VALUES (1, ?, ?)", (log_id, offset))

    def keep_targets(self, names: Sequence[str]) -> None:
        """Forgets what waits for targets that there are no more."""
        for table, column in (("waiting", "target"), ("target", "name")):
            self._connection.execute(
                f"DELETE FROM {table} WHERE {column} NOT IN (SELECT value FROM json_each(?))", (json.dumps(names),)
            )
        self._connection.executemany("INSERT OR IGNORE INTO target (name) VALUES (?)", [(name,) for name in names])

    def take(self, alerts: Sequence[tuple[Alert, Sequence[str]]], log_id: str | None, offset: int, now: float) -> None:
        """Takes in the alerts up to an offset, each with the names of its targets, as far as they may be told already."""
        with self._transaction():
            for alert, targets in alerts:
                if targets and self._may_be_told(alert):
                    for target in targets:
                        self._add(target, alert, now)
            self._connection.execute("DELETE FROM told WHERE until < ?", (now - TOLD_KEPT_S,))
            self.move(log_id, offset)

    def _may_be_told(self, alert: Alert) -> bool:
        place = tuple(alert[name] for name in ("entity", "project", "run_id", "title"))
        found = self._connection.execute(
            "SELECT time FROM told WHERE (entity, project, run_id, title) = (?, ?, ?, ?)", place
        ).fetchone()
        # By the run's own clock, so that alerts which arrive together after a network failure are told as they would have been.
        if found is not None and abs(alert["time"] - found[0]) < alert["wait_s"]:
            return False
        row = (*place, alert["time"], alert["time"] + alert["wait_s"])
        self._connection.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?)", row)
        return True

    def _add(self, target: str, alert: Alert, now: float) -> None:
        (count,) = self._connection.execute("SELECT count(*) FROM waiting WHERE target = ?", (target,)).fetchone()
        if count >= WAITING_MAX:
            self._count("given_up", target, f"{WAITING_MAX} alerts were waiting already")
            return
        row = (target, now, json.dumps(alert))
        self._connection.execute("INSERT INTO waiting (target, since, attempts, alert) VALUES (?, ?, 0, ?)", row)

    def next(self, target: str) -> Waiting | None:
        """What to send now: what was tried least, so that none that is refused holds up the others."""
        found = self._connection.execute(
            "SELECT number, since, alert FROM waiting WHERE target = ? ORDER BY attempts, number LIMIT 1", (target,)
        ).fetchone()
        return None if found is None else Waiting(found[0], found[1], json.loads(found[2]))

    def delivered(self, target: str, waiting: Waiting) -> None:
        """The receiver has it."""
        with self._transaction():
            self._remove(waiting)
            self._count("delivered", target, "")

    def failed(self, target: str, waiting: Waiting, error: str) -> None:
        """It is tried again later."""
        self._connection.execute("UPDATE waiting SET attempts = attempts + 1 WHERE number = ?", (waiting.number,))
        self._connection.execute("UPDATE target SET error = ? WHERE name = ?", (error, target))

    def give_up(self, target: str, waiting: Waiting, error: str) -> None:
        """It is not tried again."""
        with self._transaction():
            self._remove(waiting)
            self._count("given_up", target, error)

    def _remove(self, waiting: Waiting) -> None:
        self._connection.execute("DELETE FROM waiting WHERE number = ?", (waiting.number,))

    def _count(self, column: str, target: str, error: str) -> None:
        statement = f"UPDATE target SET {column} = {column} + 1, error = ? WHERE name = ?"
        self._connection.execute(statement, (error, target))

    def status(self) -> list[dict[str, Any]]:
        """``{"name", "waiting", "delivered", "given_up", "error"}`` of each target; the error is that of the last try."""
        found = self._connection.execute(
            "SELECT name, (SELECT count(*) FROM waiting WHERE target = name), delivered, given_up, error "
            "FROM target ORDER BY name"
        )
        names = ("name", "waiting", "delivered", "given_up", "error")
        return [dict(zip(names, row, strict=True)) for row in found]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
