"""Folds as the views keep them: in parts, so that a run of 100,000 keys writes only what changed.

A part's place is one integer, of the run's number, the lane's and the part's, so that a run's parts lie together and a
new run's come last.
"""

import json
import sqlite3
from typing import Any

import msgspec

from runwell.core.fold import RunFold
from runwell_projector.leaves import compact

LANE_BITS = 20
PART_BITS = 12
"""Of 64 keys a part these are more than RUN_KEYS_MAX."""

WRITE_PART = "INSERT OR REPLACE INTO fold VALUES (?, ?)"
NUMBER = "SELECT number FROM run WHERE entity = ? AND project = ? AND run_id = ?"
READ = "SELECT place, state FROM fold WHERE place >= ? AND place < ? ORDER BY place"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def changed_parts(number: int, fold: RunFold) -> dict[int, bytes]:
    """By place what changed since the last call, for ``WRITE_PART``. Raises as ``packed``."""
    return {_place(number, *place): packed(state) for place, state in fold.changes()}


def read_fold(connection: sqlite3.Connection, number: int, run: tuple[str, str, str]) -> tuple[RunFold, dict[int, int]]:
    """The fold of the run with this number, and how many bytes each of its parts takes."""
    found = connection.execute(READ, (_place(number, 0, 0), _place(number + 1, 0, 0))).fetchall()
    parts = [
        (place >> PART_BITS & (1 << LANE_BITS) - 1, place & (1 << PART_BITS) - 1, unpacked(state))
        for place, state in found
    ]
    return RunFold.from_state(run, parts), {place: len(state) for place, state in found}


def find_fold(connection: sqlite3.Connection, run: tuple[str, str, str]) -> RunFold | None:
    """The fold of a run; None when there is no such run."""
    found = connection.execute(NUMBER, run).fetchone()
    return None if found is None else read_fold(connection, found[0], run)[0]


def _place(run: int, lane: int, part: int) -> int:
    if lane >> LANE_BITS or part >> PART_BITS:
        raise ValueError(f"a run of {lane} writers is beyond what views can keep")
    return (run << LANE_BITS | lane) << PART_BITS | part


def packed(value: Any) -> bytes:
    """MessagePack, or JSON of what that cannot hold: integers beyond 64 bits, lone surrogates.

    Raises RecursionError, ValueError, TypeError or ArithmeticError for what neither can.
    """
    try:
        return _encode(value)
    except (OverflowError, UnicodeEncodeError):
        return compact(value).encode("ascii")


def unpacked(data: bytes) -> Any:
    """The list of ``packed``; no list begins in MessagePack as it does in JSON."""
    return json.loads(data) if data.startswith(b"[") else _decode(data)
