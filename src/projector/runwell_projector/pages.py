"""Pages of a run's history, read from as few blocks as the page needs.

History is ordered by attempt, then step. A page walks through the attempts; within one it gathers blocks by their least
step until they hold rows enough: all rows below the least step of the next block are then complete. Blocks of later
attempts are read only where they overlap, since their values hide earlier ones.
"""

import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from runwell.core.history import RowOrder, Selection
from runwell_projector.blocks import Strip
from runwell_projector.history_table import Table, merge_table
from runwell_projector.strips import RunBlocks, read_strips

PAGE_ROWS = 65_536
"""Rows put together at once where all are wanted."""

STEP_MIN, STEP_MAX = -(1 << 63), (1 << 63) - 1


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


def read_page(
    connection: sqlite3.Connection, blocks: RunBlocks, selection: Selection, after: str | None, limit: int
) -> tuple[list[Table], str | None]:
    """Up to ``limit`` rows after the cursor, in one or more pieces, and the cursor of the last one when there are more."""
    assert limit > 0
    cursor = decode_cursor(after) if after else None
    page: list[Table] = []
    for attempt in blocks.attempts():
        if cursor and attempt < cursor[0]:
            continue
        start = STEP_MIN if selection.min_step is None else selection.min_step
        low: int | None = max(start, cursor[1]) if cursor and attempt == cursor[0] else start
        while low is not None:
            wanted = limit + 1 - sum(map(len, page))
            table, low = _window(connection, blocks, selection, attempt, low, wanted)
            if cursor and attempt == cursor[0]:
                table = table.chosen(_following(table, blocks, cursor))
            if len(table) >= wanted:
                page.append(table.chosen(np.arange(wanted - 1)))
                page = [piece for piece in page if len(piece)]
                return page, encode_cursor(page[-1].order(len(page[-1]) - 1, blocks.heads))
            if len(table):
                page.append(table)
    return page, None


def read_tables(connection: sqlite3.Connection, blocks: RunBlocks, selection: Selection) -> Iterator[Table]:
    """All rows, page by page."""
    after: str | None = None
    while True:
        tables, after = read_page(connection, blocks, selection, after, PAGE_ROWS)
        yield from tables
        if after is None:
            return


def _following(table: Table, blocks: RunBlocks, cursor: RowOrder) -> npt.NDArray[np.int64]:
    """The rows after the cursor; the cursor's own row may have grown since, and moved by that."""

    def follows(place: int) -> bool:
        order = table.order(place, blocks.heads)
        return order[3] != cursor[3] and order > cursor

    kept = table.steps > cursor[1]
    for place in np.flatnonzero(table.steps == cursor[1]).tolist():
        kept[place] = follows(place)
    return np.flatnonzero(kept)


def _window(
    connection: sqlite3.Connection, blocks: RunBlocks, selection: Selection, attempt: int, low: int, rows_wanted: int
) -> tuple[Table, int | None]:
    """An attempt's complete rows from step ``low`` on, about as many as wanted, and the step to go on from."""
    stop = STEP_MAX if selection.max_step is None else selection.max_step - 1
    numbers, high = _gathered(connection, blocks, attempt, low, stop, rows_wanted)
    strips = list(read_strips(connection, blocks, numbers, selection.keys))
    high = _enough(strips, low, stop if high is None else high - 1, rows_wanted) or high
    last = stop if high is None else high - 1
    if not selection.all_attempts and strips:
        later = _overlapping(connection, blocks, blocks.lanes(attempt + 1, STEP_MAX), low, last)
        strips += read_strips(connection, blocks, [number for number, _, _ in later], selection.keys)
    table = merge_table(blocks, strips, selection, (low, last))
    of_attempt = np.asarray([head.attempt == attempt for head in blocks.heads], np.bool_)[table.lanes]
    return table if of_attempt.all() else table.chosen(np.flatnonzero(of_attempt)), high


def _enough(strips: Sequence[tuple[int, Strip]], low: int, last: int, rows_wanted: int) -> int | None:
    """The step to stop before, where the blocks hold more rows than are wanted."""
    steps = np.concatenate([strip.steps for _, strip in strips]) if strips else np.empty(0, np.int64)
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
    among = "AND key_set IN (SELECT value FROM json_each(?))" if blocks.narrowed else ""
    parameters = [blocks.number, json.dumps(list(lanes)), low, last]
    return connection.execute(
        "SELECT number, step_min, rows FROM block WHERE run = ? AND lane IN (SELECT value FROM json_each(?)) "
        f"AND step_max >= ? AND step_min <= ? {among} ORDER BY step_min",
        [*parameters, json.dumps(list(blocks.key_sets))] if blocks.narrowed else parameters,
    )
