"""What came to a run after an offset of the log: read from the newest blocks, so that it costs what is new."""

import json
import sqlite3
from typing import Any

from runwell.core.history import LaneRows, Selection, lane_rows
from runwell.v1 import event_pb2
from runwell_projector.pages import RunBlocks

FIRST_NEW = "SELECT number FROM block WHERE offset <= ? ORDER BY number DESC LIMIT 1"
"""Blocks are numbered in the order of their offsets; this walks back over the new ones."""

NEW_BLOCKS = "SELECT lane, first, offset, rows, payload FROM block WHERE number > ? AND +run = ?"
"""The plus keeps SQLite from the index of the run's blocks by step, which would read all of them."""


def read_tail(
    connection: sqlite3.Connection, blocks: RunBlocks, after: int, selection: Selection, rows_max: int
) -> tuple[list[dict[str, Any]], int]:
    """``[{"writer", "attempt", "rows"}]`` of the batches after an offset, and the offset to go on from.

    Whole batches, about ``rows_max`` rows of them. Rows of one writer with the same step belong together, whichever
    answer they are in; nothing that a later attempt hides is left out.
    """
    statement, parameters = NEW_BLOCKS, [_last_known(connection, after), blocks.number]
    if blocks.key_sets is not None:
        statement += " AND key_set IN (SELECT value FROM json_each(?))"
        parameters.append(json.dumps(list(blocks.key_sets)))
    events: dict[int, list[tuple[int, event_pb2.Event]]] = {}
    rows_found, last = 0, after
    for lane, first, offset, rows, payload in connection.execute(f"{statement} ORDER BY number", parameters):
        if rows_found >= rows_max and offset > last:
            return _shown(blocks, events, selection), last
        events.setdefault(lane, []).append((first, event_pb2.Event.FromString(payload)))
        rows_found, last = rows_found + rows, offset
    (end,) = connection.execute("SELECT offset FROM checkpoint").fetchone()
    return _shown(blocks, events, selection), max(last, end)


def _last_known(connection: sqlite3.Connection, after: int) -> Any:
    found = connection.execute(FIRST_NEW, (after,)).fetchone() if after > 0 else None
    return found[0] if found else 0


def _shown(
    blocks: RunBlocks, events: dict[int, list[tuple[int, event_pb2.Event]]], selection: Selection
) -> list[dict[str, Any]]:
    lanes = [LaneRows(blocks.heads[lane], found) for lane, found in events.items()]
    parts = ((lane.head, [row.shown() for row in lane_rows(lane, selection)]) for lane in lanes)
    return [{"writer": head.writer, "attempt": head.attempt, "rows": rows} for head, rows in parts if rows]
