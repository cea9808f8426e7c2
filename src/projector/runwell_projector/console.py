"""Lines that the processes of a run wrote to their terminals: kept by writer and number, read by time."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from runwell.v1 import event_pb2

WRITE = "INSERT OR REPLACE INTO console VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
COLUMNS = "lane, line, stderr, time, text, omitted"


Lanes = list[dict[str, Any]]
NewLines = tuple[list[dict[str, Any]], int]


@dataclass(frozen=True, slots=True)
class LineQuery:
    """Which lines: those from the place ``start`` of all that match, or the ``last`` ones."""

    start: int = 0
    limit: int = 1_000
    last: int | None = None
    contains: str | None = None
    """Letters in either case."""
    stderr: bool | None = None


def add_lines(connection: sqlite3.Connection, run: int, lane: int, offset: int, event: event_pb2.Event) -> None:
    """Takes in a ConsoleLogged; a line that was told before is replaced."""
    message = event.console_logged
    times = list(message.times) if len(message.times) == len(message.lines) else [event.time] * len(message.lines)
    connection.executemany(
        WRITE,
        (
            (
                run,
                lane,
                message.first_line + place,
                offset,
                message.stderr,
                times[place],
                text,
                0 if place else message.omitted,
            )
            for place, text in enumerate(message.lines)
        ),
    )


def find_lanes(connection: sqlite3.Connection, run: tuple[str, str, str]) -> tuple[int, Lanes] | None:
    """The run's number, and what each line tells of its writer; None when there is no such run."""
    found = connection.execute(
        "SELECT number, lanes FROM run WHERE entity = ? AND project = ? AND run_id = ?", run
    ).fetchone()
    if found is None:
        return None
    return found[0], [{"writer": writer, "attempt": attempt} for writer, attempt, *_ in json.loads(found[1])]


def read_lines(connection: sqlite3.Connection, run: int, lanes: Lanes, query: LineQuery) -> dict[str, Any]:
    """``{"total", "start", "lines"}``, in the order of time. ``lanes`` say what is known of each writer."""
    condition = "run = ?"
    parameters: list[Any] = [run]
    if query.contains:
        condition += " AND instr(lower(text), lower(?))"
        parameters.append(query.contains)
    if query.stderr is not None:
        condition += " AND stderr = ?"
        parameters.append(query.stderr)
    (total,) = connection.execute(f"SELECT count(*) FROM console WHERE {condition}", parameters).fetchone()
    start = query.start if query.last is None else max(0, total - query.last)
    limit = query.limit if query.last is None else query.last
    found = connection.execute(
        f"SELECT {COLUMNS} FROM console WHERE {condition} ORDER BY time, lane, line LIMIT ? OFFSET ?",
        [*parameters, limit, start],
    )
    return {"total": total, "start": start, "lines": [_shown(lanes, *row) for row in found]}


def read_new_lines(connection: sqlite3.Connection, run: int, lanes: Lanes, after: int, limit: int) -> NewLines:
    """The lines that were told after an offset of the log, whole batches of them, and the offset to go on from."""
    (end,) = connection.execute("SELECT offset FROM checkpoint").fetchone()
    found = connection.execute(
        f"SELECT offset, {COLUMNS} FROM console WHERE run = ? AND offset > ? ORDER BY offset, time, lane, line LIMIT ?",
        (run, after, limit + 1),
    ).fetchall()
    if len(found) > limit:
        last = found[-1][0]
        whole = [row for row in found if row[0] < last]
        if not whole:
            whole = connection.execute(
                f"SELECT offset, {COLUMNS} FROM console WHERE run = ? AND offset = ? ORDER BY time, lane, line",
                (run, last),
            ).fetchall()
        found, end = whole, whole[-1][0]
    return [_shown(lanes, *row) for _, *row in found], max(after, end)


def _shown(lanes: Lanes, lane: int, line: int, stderr: int, time: float, text: str, omitted: int) -> dict[str, Any]:
    shown = {**lanes[lane], "line": line, "stderr": bool(stderr), "time": time, "text": text}
    return shown | {"omitted": omitted} if omitted else shown
