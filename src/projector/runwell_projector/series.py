"""Whole series of a run, column by column.

A series is what the history says of one key: of one lane's rows of one step the last value, of a later attempt's and an
earlier one's value of one step the later, in the order of the history.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runwell.core.keys import shown
from runwell.core.lanes import LaneHead
from runwell.v1 import event_pb2
from runwell_projector.blocks import Strip, decode_heads, event_strip
from runwell_projector.codecs import KINDS, Array, Values, decode, joined
from runwell_projector.strips import RunBlocks

TAIL = "SELECT key_set, lane, offset, first, head FROM block WHERE run = ? AND NOT sealed AND key_set IN ({}) ORDER BY number"
SEALED = """
SELECT part.key_set, part.place, block.lane, head, times, kind, substr(data, start + 1, length)
FROM part JOIN block ON block.number = part.block JOIN pack ON pack.number = part.pack
WHERE part.run = ? AND part.key_set = ? AND part.place = ?
"""


@dataclass(frozen=True, slots=True)
class Series:
    """Points in history order; ``lanes`` says whose each is, by the lane's number."""

    lanes: Array
    records: Array
    steps: Array
    times: Array
    values: Values

    def __len__(self) -> int:
        return len(self.steps)

    def chosen(self, choice: Array) -> "Series":
        """The points at some places, or where a mask is true."""
        return Series(
            self.lanes[choice],
            self.records[choice],
            self.steps[choice],
            self.times[choice],
            self.values.chosen(choice),
        )

    def objects(self) -> dict[str, list[Any]]:
        """``{"steps", "times", "values"}`` as Python has them."""
        return {"steps": self.steps.tolist(), "times": self.times.tolist(), "values": self.values.objects()}


def read_series(
    connection: sqlite3.Connection, blocks: RunBlocks, keys: Sequence[str], *, masked: bool
) -> dict[str, Series]:
    """Each key's series; an empty one where there are no points."""
    tail = _tail(connection, blocks)
    return {key: _merged(blocks, _pieces(connection, blocks, tail, key), masked) for key in keys}


def read_lanes(connection: sqlite3.Connection, blocks: RunBlocks, key: str, *, masked: bool) -> dict[int, Series]:
    """The key's points lane by lane, none hidden by another lane."""
    pieces = _pieces(connection, blocks, _tail(connection, blocks), key)
    return {lane: _one_lane(lane, blocks.heads[lane], strips, masked) for lane, strips in pieces.items()}


def _tail(connection: sqlite3.Connection, blocks: RunBlocks) -> dict[int, list[tuple[int, int, int, event_pb2.Event]]]:
    """The tail's events by key set, parsed once for all keys."""
    found: dict[int, list[tuple[int, int, int, event_pb2.Event]]] = {}
    statement = TAIL.format("SELECT value FROM json_each(?)")
    for key_set, *where, head in connection.execute(statement, (blocks.number, json.dumps(list(blocks.key_sets)))):
        lane, offset, first = where
        found.setdefault(key_set, []).append((lane, offset, first, event_pb2.Event.FromString(head)))
    return found


def _pieces(
    connection: sqlite3.Connection,
    blocks: RunBlocks,
    tail: dict[int, list[tuple[int, int, int, event_pb2.Event]]],
    key: str,
) -> dict[int, list[Strip]]:
    """The strips that hold the key, by lane."""
    found: dict[int, list[Strip]] = {}
    for key_set, names in blocks.key_sets.items():
        # Of two paths that are shown alike the later column wins, as in the history.
        place = max((place for place, name in enumerate(names) if shown(name) == key), default=None)
        if place is None:
            continue
        for *_, lane, head, times, kind, data in connection.execute(SEALED, (blocks.number, key_set, place)):
            strip = decode_heads(head, times, [key], [decode(KINDS[kind], data)])
            found.setdefault(lane, []).append(strip)
        for lane, offset, first, event in tail.get(key_set, ()):
            found.setdefault(lane, []).append(event_strip(offset, first, event, [place]))
    return found


def _merged(blocks: RunBlocks, pieces: dict[int, list[Strip]], masked: bool) -> Series:
    lanes = [_one_lane(lane, blocks.heads[lane], strips, masked) for lane, strips in pieces.items()]
    lanes = [lane for lane in lanes if len(lane)]
    if not lanes:
        none = np.empty(0, np.int64)
        return Series(none, none, none, np.empty(0), Values("f64", np.empty(0)))
    return lanes[0] if len(lanes) == 1 else _united(blocks, lanes)


def _one_lane(lane: int, head: LaneHead, strips: Sequence[Strip], masked: bool) -> Series:
    """In order of step, the last record of each; hidden rows left out."""
    records, steps, times = (
        np.concatenate([getattr(strip, name) for strip in strips]) for name in ("records", "steps", "times")
    )
    values = joined([strip.columns[0] for strip in strips])
    series = Series(np.full(len(steps), lane), records, steps, times, values)
    hidden = np.concatenate(
        [np.zeros(len(strip), np.bool_) if strip.masks is None else strip.masks for strip in strips]
    )
    if masked:
        hidden[:] = False
    if head.step_max is not None:
        hidden |= steps > head.step_max
    if hidden.any():
        series = series.chosen(~hidden)
    if np.any(series.records[1:] < series.records[:-1]):
        series = series.chosen(np.argsort(series.records, kind="stable"))
    if np.any(series.steps[1:] <= series.steps[:-1]):
        series = series.chosen(np.argsort(series.steps, kind="stable"))
        series = series.chosen(np.append(series.steps[1:] != series.steps[:-1], True))
    return series


def _united(blocks: RunBlocks, lanes: Sequence[Series]) -> Series:
    """Several lanes' points: what a later attempt has of the same step hides an earlier one's, the rest is put in order."""
    series = Series(
        np.concatenate([lane.lanes for lane in lanes]),
        np.concatenate([lane.records for lane in lanes]),
        np.concatenate([lane.steps for lane in lanes]),
        np.concatenate([lane.times for lane in lanes]),
        joined([lane.values for lane in lanes]),
    )
    attempts = np.asarray([head.attempt for head in blocks.heads])[series.lanes]
    hidden = np.zeros(len(series), np.bool_)
    # Samples of machines never hide each other.
    for attempt in np.unique(attempts)[:-1] if blocks.stream == "default" else ():
        hidden |= (attempts == attempt) & np.isin(series.steps, series.steps[attempts > attempt])
    ranks = np.argsort(np.argsort([head.writer for head in blocks.heads]))[series.lanes]
    times = np.where(np.isnan(series.times), 0.0, series.times)
    order = np.lexsort((series.records, ranks, times, series.steps, attempts))
    return series.chosen(order[~hidden[order]])
