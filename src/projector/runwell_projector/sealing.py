"""How rows are stored: appended to the tail as they come, and sealed into columns.

When rows are sealed follows from the log alone: a lane's rows of one key set whenever they are ``SealRule.rows_of`` many,
and what is left of them when the lane ends, unless it is so little that columns would only be larger. So whatever the
sizes of transactions, and however often the projector was killed, the same log gives the same blocks. A lane's first rows
are sealed earlier, each lane's at another time, so that a thousand processes that began together do not make readers wait
for all of them to be sealed at once.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from runwell.core.media import as_row
from runwell.core.rows import fresh_events
from runwell.core.system import as_rows
from runwell.v1 import event_pb2
from runwell_projector.blocks import STREAMS, Strip, encode_heads, event_strip, readable_keys, united
from runwell_projector.codecs import KINDS, encode
from runwell_projector.runs import OpenRun
from runwell_projector.statistics import stripes_of

SEALED_ROWS = 4_096
"""Twice as many would take 2 % less space, and half as many 2 % more."""

SEALED_ROWS_MIN = 64
"""Fewer rows are not worth a column each: 100 bytes of index, against 8 a value."""

FIRST_SIZES = 16
"""A lane's first block has one of so many sizes."""

SEALED_VALUES_MAX = 4 << 20
"""Rows of thousands of keys are sealed earlier: 32 MB are gathered in memory for it."""

PACK_BYTES = 128 << 10
"""Columns are put together into blobs, since the database rounds each up to a page: 2 % here, 8 % for a column alone."""

WRITE_BLOCK = f"INSERT INTO block VALUES (NULL{', ?' * 13})"
WRITE_PART = f"INSERT INTO part VALUES (?{', ?' * 8})"
TAIL_BLOCKS = """
SELECT number, offset, first, head FROM block
WHERE run = ? AND lane = ? AND key_set = ? AND NOT sealed ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class SealRule:
    """How many rows a sealed block has."""

    rows: int = SEALED_ROWS
    rows_min: int = SEALED_ROWS_MIN
    values_max: int = SEALED_VALUES_MAX

    def rows_of(self, keys: int) -> int:
        """Of rows with so many keys."""
        return max(self.rows_min, min(self.rows, self.values_max // max(1, keys)))

    def first_rows_of(self, keys: int, writer: str) -> int:
        """Of a writer's first rows with so many keys."""
        most = self.rows_of(keys)
        size = max(self.rows_min, most // FIRST_SIZES)
        return size * (1 + int(writer[:8], 16) % (most // size))


class RowStore:
    """Writes rows into the views, within the transaction of whoever calls."""

    def __init__(self, connection: sqlite3.Connection, rule: SealRule) -> None:
        self._connection = connection
        self._rule = rule

    def add(self, run: OpenRun, writer: str, offset: int, first: int, event: event_pb2.Event) -> int:
        """Takes in an event of ``STREAMS`` of the batch at ``offset``, which begins at record ``first``; returns its rows."""
        stream = STREAMS[event.WhichOneof("event") or ""]
        event = as_rows(event) if stream == "system" else as_row(event)
        new = event.metric_logged.rows
        if new:
            keys = readable_keys(event.metric_logged)
            place = run.lane(writer), self._key_set(run, stream, keys)
            begun = place in run.sealed
            limit = self._rule.rows_of(len(keys)) if begun else self._rule.first_rows_of(len(keys), writer)
            self._add(run, place, limit, offset, first, event)
        return new

    def _add(
        self, run: OpenRun, place: tuple[int, int], limit: int, offset: int, first: int, event: event_pb2.Event
    ) -> None:
        """``limit`` is how many rows the next block of this place has."""
        rows, stop = run.tails.get(place, 0) + event.metric_logged.rows, 0
        if rows >= limit:
            strip = united([*self._take_tail(run, place), event_strip(offset, first, event)])
            while rows - stop >= limit:
                self._seal(run, place, offset, strip.cut(stop, stop + limit))
                stop, limit = stop + limit, self._rule.rows_of(len(strip.keys))
            rows -= stop
            if rows:
                (event,) = fresh_events([event], int(strip.records[stop]) - first)
        if rows:
            run.tails[place] = rows
            self._append(run, place, offset, first, event)
        else:
            run.tails.pop(place, None)

    def end_lane(self, run: OpenRun, writer: str, offset: int) -> None:
        """Seals what a lane has left, since the batch at ``offset`` says that it ended."""
        lane = run.lane(writer)
        for place in [place for place, rows in run.tails.items() if place[0] == lane and rows >= self._rule.rows_min]:
            self._seal(run, place, offset, united(self._take_tail(run, place)))
            del run.tails[place]

    def _append(self, run: OpenRun, place: tuple[int, int], offset: int, first: int, event: event_pb2.Event) -> None:
        message = event.metric_logged
        steps = message.steps or [0]
        row = (offset, offset, False, False, first, message.rows, min(steps), max(steps))
        self._connection.execute(
            WRITE_BLOCK, (run.number, *place, *row, event.SerializeToString(deterministic=True), None)
        )

    def _take_tail(self, run: OpenRun, place: tuple[int, int]) -> list[Strip]:
        if place not in run.tails:
            return []
        found = self._connection.execute(TAIL_BLOCKS, (run.number, *place)).fetchall()
        self._connection.executemany("DELETE FROM block WHERE number = ?", [row[:1] for row in found])
        return [event_strip(offset, first, event_pb2.Event.FromString(head)) for _, offset, first, head in found]

    def _seal(self, run: OpenRun, place: tuple[int, int], offset: int, strip: Strip) -> None:
        run.sealed.add(place)
        head, times = encode_heads(strip)
        bounds = int(strip.steps.min()), int(strip.steps.max())
        row = (offset, int(strip.offsets[0]), True, strip.plain, int(strip.records[0]), len(strip), *bounds)
        number = self._connection.execute(WRITE_BLOCK, (run.number, *place, *row, head, times)).lastrowid
        packs = _PackWriter(self._connection)
        for column, values in enumerate(strip.columns):
            named = (run.number, place[1], column, number, KINDS.index(values.kind))
            packs.add(named, encode(values), stripes_of(values))
        packs.write()

    def _key_set(self, run: OpenRun, stream: str, keys: tuple[str, ...]) -> int:
        number = run.key_sets.get((stream, keys))
        if number is None:
            number = run.key_sets[stream, keys] = len(run.key_sets)
            row = (run.number, number, stream, json.dumps(keys))
            self._connection.execute("INSERT INTO key_set VALUES (?, ?, ?, ?)", row)
        return number


class _PackWriter:
    """Puts columns together into packs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns: list[tuple[tuple[Any, ...], bytes, bytes | None]] = []
        self._bytes = 0

    def add(self, named: tuple[Any, ...], data: bytes, stripes: bytes | None) -> None:
        if self._bytes + len(data) > PACK_BYTES:
            self.write()
        self._columns.append((named, data, stripes))
        self._bytes += len(data)

    def write(self) -> None:
        """Writes what has gathered."""
        if not self._columns:
            return
        pack = self._connection.execute(
            "INSERT INTO pack VALUES (NULL, ?)", (b"".join(data for _, data, _ in self._columns),)
        ).lastrowid
        rows, start = [], 0
        for named, data, stripes in self._columns:
            rows.append((*named, pack, start, len(data), stripes))
            start += len(data)
        self._connection.executemany(WRITE_PART, rows)
        self._columns, self._bytes = [], 0
