"""What came to a run after an offset of the log: read from the newest blocks, so that it costs what is new."""

import json
import sqlite3
from typing import Any

import numpy as np

from runwell.core.history import LaneRows, Selection, lane_rows
from runwell.core.rows import Rows
from runwell_projector.blocks import Strip
from runwell_projector.strips import RunBlocks, read_strips

FIRST_NEW = "SELECT number FROM block WHERE offset <= ? ORDER BY number DESC LIMIT 1"
"""Blocks are numbered in the order of their offsets; this walks back over the new ones."""

NEW_BLOCKS = "SELECT number, offset_min FROM block WHERE number > ? AND +run = ?"
"""The plus keeps SQLite from the index of the run's blocks by step, which would read all of them."""


def read_tail(
    connection: sqlite3.Connection, blocks: RunBlocks, after: int, selection: Selection, rows_max: int
) -> tuple[list[dict[str, Any]], int]:
    """``[{"writer", "attempt", "rows"}]`` of the batches after an offset, and the offset to go on from.

    Whole batches, about ``rows_max`` rows of them. Rows of one writer with the same step belong together, whichever
    answer they are in; nothing that a later attempt hides is left out.
    """
    statement, parameters = NEW_BLOCKS, [_last_known(connection, after), blocks.number]
    if blocks.narrowed:
        statement += " AND key_set IN (SELECT value FROM json_each(?))"
        parameters.append(json.dumps(list(blocks.key_sets)))
    new = connection.execute(f"{statement} ORDER BY offset_min", parameters).fetchall()
    strips: list[tuple[int, Strip]] = []
    offsets = np.empty(0, np.int64)
    for number, offset_min in new:
        # All rows of batches before the next block's oldest are at hand; with enough of them nothing more is read.
        if len(offsets) > rows_max and (last := _cut(offsets, rows_max)) < offset_min:
            return _shown(blocks, strips, selection, after, last), last
        strips += read_strips(connection, blocks, [number], selection.keys)
        offsets = np.concatenate([offsets, strips[-1][1].offsets])
        offsets = offsets[offsets > after]
    if len(offsets) > rows_max and (last := _cut(offsets, rows_max)) < int(offsets.max()):
        return _shown(blocks, strips, selection, after, last), last
    (end,) = connection.execute("SELECT offset FROM checkpoint").fetchone()
    last = max(after, end)
    return _shown(blocks, strips, selection, after, last), last


def _cut(offsets: np.ndarray[Any, np.dtype[np.int64]], rows_max: int) -> int:
    """The offset with whose batch there are about as many rows as may be."""
    return int(np.partition(offsets, rows_max - 1)[rows_max - 1])


def _last_known(connection: sqlite3.Connection, after: int) -> Any:
    found = connection.execute(FIRST_NEW, (after,)).fetchone() if after > 0 else None
    return found[0] if found else 0


def _shown(
    blocks: RunBlocks, strips: list[tuple[int, Strip]], selection: Selection, after: int, last: int
) -> list[dict[str, Any]]:
    rows: dict[int, list[Rows]] = {}
    for lane, strip in strips:
        new = (strip.offsets > after) & (strip.offsets <= last)
        if new.any():
            rows.setdefault(lane, []).append((strip if new.all() else strip.chosen(new)).rows())
    lanes = [LaneRows(blocks.heads[lane], found) for lane, found in rows.items()]
    parts = ((lane.head, [row.shown() for row in lane_rows(lane, selection)]) for lane in lanes)
    return [{"writer": head.writer, "attempt": head.attempt, "rows": rows} for head, rows in parts if rows]
