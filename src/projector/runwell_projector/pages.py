"""Pages of a run's history, read from as few blocks as the page needs.

History is ordered by attempt, then step. A page walks through the attempts; within one it gathers blocks by their least
step until they hold rows enough: all rows below the least step of the next block are then complete. Blocks of later
attempts are read only where they overlap, since their values hide earlier ones.
"""

import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runwell.core.history import ROW_FIELDS, LaneRows, MergedRow, RowOrder, Selection, merge_rows
from runwell.core.keys import shown
from runwell.core.lanes import LaneHead
from runwell.v1 import event_pb2

STEP_MIN, STEP_MAX = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class RunBlocks:
    """Where a run's rows are: its number, its lanes, and the key sets that are asked for (None: all)."""

    number: int
    heads: Sequence[LaneHead]
    key_sets: Sequence[int] | None

    def lanes(self, attempt_min: int, attempt_max: int) -> list[int]:
        """The lanes of some attempts."""
        return [lane for lane, head in enumerate(self.heads) if attempt_min <= head.attempt <= attempt_max]


def encode_cursor(order: RowOrder) -> str:
    """A place in the history as text."""
    return base64.urlsafe_b64encode(json.dumps(order).encode()).decode().rstrip("=")


def decode_cursor(text: str) -> RowOrder:
    """The place. Raises ValueError for a text that is no cursor."""
    try:
        attempt, step, time, writer, record = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        order = int(attempt), int(step), float(time), str(writer), int(record)
        if not STEP_MIN <= order[1] <= STEP_MAX:
            raise ValueError
    except (ValueError, TypeError, RecursionError, OverflowError):
        raise ValueError(f"{text[:100]!r} is no cursor of a history") from None
    return order


def find_blocks(
    connection: sqlite3.Connection, run: tuple[str, str, str], keys: frozenset[str] | None, stream: str = "default"
) -> RunBlocks | None:
    """The run's blocks of a stream that hold one of the keys; None when there is no such run."""
    found = connection.execute(
        "SELECT number, lanes FROM run WHERE entity = ? AND project = ? AND run_id = ?", run
    ).fetchone()
    if found is None:
        return None
    heads = [LaneHead(*lane) for lane in json.loads(found[1])]
    if stream == "system":
        # Steps are times there, which no rewind means.
        heads = [replace(head, step_max=None) for head in heads]
    key_sets = connection.execute("SELECT number, stream, keys FROM key_set WHERE run = ?", (found[0],)).fetchall()
    of_stream = [(number, names) for number, its_stream, names in key_sets if its_stream == stream]
    if keys is not None and not keys <= ROW_FIELDS:
        of_stream = [
            (number, names) for number, names in of_stream if any(shown(name) in keys for name in json.loads(names))
        ]
    holding = [number for number, _ in of_stream]
    return RunBlocks(found[0], heads, None if len(holding) == len(key_sets) else holding)


def read_page(
    connection: sqlite3.Connection, blocks: RunBlocks, selection: Selection, after: str | None, limit: int
) -> tuple[list[MergedRow], str | None]:
    """Up to ``limit`` rows after the cursor, and the cursor of the last one when there are more."""
    assert limit > 0
    cursor = decode_cursor(after) if after else None
    page: list[MergedRow] = []
    for attempt in sorted({head.attempt for head in blocks.heads}):
        if cursor and attempt < cursor[0]:
            continue
        start = STEP_MIN if selection.min_step is None else selection.min_step
        low: int | None = max(start, cursor[1]) if cursor and attempt == cursor[0] else start
        while low is not None:
            rows, low = _window(connection, blocks, selection, attempt, low, limit + 1 - len(page))
            page.extend(row for row in rows if cursor is None or _follows(row, cursor))
            if len(page) > limit:
                return page[:limit], encode_cursor(page[limit - 1].order())
    return page, None


def _follows(row: MergedRow, cursor: RowOrder) -> bool:
    """Whether a row comes after the cursor; the cursor's own row may have grown since, and moved by that."""
    same = (row.head.attempt, row.step, row.head.writer) == (cursor[0], cursor[1], cursor[3])
    return not same and row.order() > cursor


def _window(
    connection: sqlite3.Connection, blocks: RunBlocks, selection: Selection, attempt: int, low: int, rows_wanted: int
) -> tuple[list[MergedRow], int | None]:
    """An attempt's complete rows from step ``low`` on, about as many as wanted, and the step to go on from."""
    stop = STEP_MAX if selection.max_step is None else selection.max_step - 1
    numbers, high = _gathered(connection, blocks, attempt, low, stop, rows_wanted)
    lanes = list(_lane_rows(connection, blocks, numbers))
    high = _enough(lanes, low, stop if high is None else high - 1, rows_wanted) or high
    last = stop if high is None else high - 1
    if not selection.all_attempts and lanes:
        later = _overlapping(connection, blocks, blocks.lanes(attempt + 1, STEP_MAX), low, last)
        lanes += _lane_rows(connection, blocks, [number for number, _, _ in later])
    bounded = replace(selection, min_step=low, max_step=last + 1)
    return [row for row in merge_rows(lanes, bounded) if row.head.attempt == attempt], high


def _enough(lanes: Sequence[LaneRows], low: int, last: int, rows_wanted: int) -> int | None:
    """The step to stop before, where the blocks hold more rows than are wanted."""
    columns = [np.asarray(event.metric_logged.steps, np.int64) for lane in lanes for _, event in lane.events]
    steps = np.concatenate(columns) if columns else np.empty(0, np.int64)
    steps = steps[(steps >= low) & (steps <= last)]
    if len(steps) <= rows_wanted:
        return None
    high = int(np.partition(steps, rows_wanted)[rows_wanted]) + 1
    return high if high <= last else None


def _gathered(
    connection: sqlite3.Connection, blocks: RunBlocks, attempt: int, low: int, stop: int, rows_wanted: int
) -> tuple[list[int], int | None]:
    """Blocks by least step until they hold rows enough, and the least step of the next one; None after the last."""
    numbers: list[int] = []
    rows_found = 0
    for number, step_min, rows in _overlapping(connection, blocks, blocks.lanes(attempt, attempt), low, stop):
        if rows_found >= rows_wanted and step_min > low:
            return numbers, step_min
        numbers.append(number)
        rows_found += rows
    return numbers, None


def _overlapping(
    connection: sqlite3.Connection, blocks: RunBlocks, lanes: Sequence[int], low: int, last: int
) -> Iterator[tuple[int, int, int]]:
    """Number, least step and rows of the blocks with steps from ``low`` to ``last``, by least step."""
    if not lanes:
        return iter(())
    among = "" if blocks.key_sets is None else "AND key_set IN (SELECT value FROM json_each(?))"
    parameters = [blocks.number, json.dumps(list(lanes)), low, last]
    return connection.execute(
        "SELECT number, step_min, rows FROM block WHERE run = ? AND lane IN (SELECT value FROM json_each(?)) "
        f"AND step_max >= ? AND step_min <= ? {among} ORDER BY step_min",
        parameters if blocks.key_sets is None else [*parameters, json.dumps(list(blocks.key_sets))],
    )


def _lane_rows(connection: sqlite3.Connection, blocks: RunBlocks, numbers: Sequence[int]) -> Iterator[LaneRows]:
    """The blocks' events, lane by lane."""
    events: dict[int, list[tuple[int, event_pb2.Event]]] = {}
    for number in numbers:
        lane, first, payload = connection.execute(
            "SELECT lane, first, payload FROM block WHERE number = ?", (number,)
        ).fetchone()
        events.setdefault(lane, []).append((first, event_pb2.Event.FromString(payload)))
    for lane, of_lane in events.items():
        yield LaneRows(blocks.heads[lane], of_lane)
