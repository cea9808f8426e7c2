"""Saved views and reports: of each, what the log has last."""

import json
import sqlite3
from typing import Any

from runwell.core.names import SAVED_STREAM
from runwell.v1 import event_pb2
from runwell_collector.log import StoredBatch, decode_events

KINDS = {"view_saved": "view", "report_saved": "report"}

SAVE = """
INSERT INTO saved (entity, project, kind, id, name, by, created_at, updated_at, deleted, content)
VALUES (?, ?, ?, ?, ?, ?, ?7, ?7, ?, ?) ON CONFLICT (entity, project, kind, id) DO UPDATE SET
    name = excluded.name, by = excluded.by, updated_at = excluded.updated_at, deleted = excluded.deleted, content = excluded.content
"""
HEAD = ("id", "name", "by", "created_at", "updated_at", "deleted")


def is_saved(run_id: str) -> bool:
    """Whether a stream of this id is not a run's but that of something saved."""
    return run_id.startswith(SAVED_STREAM)


def store_saved(connection: sqlite3.Connection, batch: StoredBatch) -> None:
    """Takes in a batch of such a stream; events of other kinds mean nothing there. Raises UndecodableError."""
    name = batch.run.run_id.removeprefix(SAVED_STREAM)
    for event in decode_events(batch.codec, batch.events).events:
        kind = KINDS.get(event.WhichOneof("event") or "")
        if kind is not None:
            place = (batch.run.entity, batch.run.project, kind, name)
            connection.execute(SAVE, (*place, *_written(event, kind)))


def _written(event: event_pb2.Event, kind: str) -> tuple[str, str, float, bool, str]:
    if kind == "view":
        view = event.view_saved
        return view.name, view.by, event.time, view.deleted, view.view_json
    report = event.report_saved
    return report.name, report.by, event.time, report.deleted, report.report_json


def read_saved(connection: sqlite3.Connection, entity: str, project: str, kind: str) -> list[dict[str, Any]]:
    """Everything of a kind that is not deleted, by name; without the contents."""
    found = connection.execute(
        f"SELECT {', '.join(HEAD)} FROM saved WHERE entity = ? AND project = ? AND kind = ? AND NOT deleted ORDER BY name, id",
        (entity, project, kind),
    )
    return [_head(row) for row in found]


def read_content(
    connection: sqlite3.Connection, entity: str, project: str, kind: str, name: str
) -> dict[str, Any] | None:
    """One of them, also a deleted one, with its "content"; None when there is none."""
    row = connection.execute(
        f"SELECT {', '.join(HEAD)}, content FROM saved WHERE entity = ? AND project = ? AND kind = ? AND id = ?",
        (entity, project, kind, name),
    ).fetchone()
    return None if row is None else {**_head(row), "content": json.loads(row[-1])}


def _head(row: tuple[Any, ...]) -> dict[str, Any]:
    head = dict(zip(HEAD, row, strict=False))
    return {**head, "deleted": bool(head["deleted"])}
