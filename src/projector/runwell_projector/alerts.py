"""Alerts of runs: each as it was raised, whether or not somebody is told of it."""

import math
import sqlite3
from typing import Any

from runwell.v1 import event_pb2
from runwell_collector.log import StoredBatch

COLUMNS = "entity, project, run_id, writer, record, time, title, text, level, wait_s, rule"
NAMES = COLUMNS.split(", ")
WRITE = f"INSERT OR IGNORE INTO alert (offset, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

Alert = dict[str, Any]
AlertPlace = tuple[str | None, str | None, str | None]


def add_alert(connection: sqlite3.Connection, batch: StoredBatch, event: event_pb2.Event) -> None:
    """Takes in an AlertRaised; of what is no number the time is when it came, and the wait none."""
    said = event.alert_raised
    time = event.time if math.isfinite(event.time) else batch.received_at
    wait_s = max(said.wait_s, 0.0) if not math.isnan(said.wait_s) else 0.0
    place = (*batch.run, batch.writer.hex(), batch.first + event.index)
    row = (batch.offset, *place, time, said.title, said.text, said.level, wait_s, said.rule)
    connection.execute(WRITE, row)


def read_alerts(connection: sqlite3.Connection, place: AlertPlace, limit: int) -> list[Alert]:
    """The latest ones first, of the entity, project and run that are not None."""
    given = [(name, value) for name, value in zip(NAMES, place, strict=False) if value is not None]
    condition = " AND ".join(f"{name} = ?" for name, _ in given) or "1"
    found = connection.execute(
        f"SELECT {COLUMNS} FROM alert WHERE {condition} ORDER BY time DESC, writer, record DESC LIMIT ?",
        (*(value for _, value in given), limit),
    )
    return [dict(zip(NAMES, row, strict=True)) for row in found]


def read_new_alerts(connection: sqlite3.Connection, after: int, limit: int) -> tuple[list[Alert], int]:
    """Those of the log's batches after an offset in their order, whole batches of them, and the offset to go on from."""
    (end,) = connection.execute("SELECT offset FROM checkpoint").fetchone()
    cut = connection.execute(
        "SELECT offset FROM alert WHERE offset > ? ORDER BY offset, writer, record LIMIT 1 OFFSET ?", (after, limit - 1)
    ).fetchone()
    last = max(after, end if cut is None else cut[0])
    found = connection.execute(
        f"SELECT {COLUMNS} FROM alert WHERE offset > ? AND offset <= ? ORDER BY offset, writer, record", (after, last)
    )
    return [dict(zip(NAMES, row, strict=True)) for row in found], last
