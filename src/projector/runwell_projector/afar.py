"""Reads a series along steps or times without what it does not need: from afar statistics alone, within a range its blocks alone.

That is possible where the blocks of one lane lie one after the other, each with ascending steps, all of one type, and
nothing is hidden: as training loops write them. For anything else the answer is None, and the whole series is read.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from runwell.core.keys import shown
from runwell.v1 import event_pb2
from runwell_projector.blocks import Strip, event_strip, head_steps
from runwell_projector.codecs import DTYPES, KINDS, Array, Values, decode, decode_numbers, joined
from runwell_projector.curves import Curve, Lens, Overview, curve_of
from runwell_projector.statistics import read_stripes, starts_of, stripes_of
from runwell_projector.strips import PACK, RunBlocks

SEALED = """
SELECT lane, rows, step_min, step_max, plain, kind, block, stripes, pack, start, length
FROM part JOIN block ON block.number = part.block WHERE part.run = ? AND part.key_set = ? AND part.place = ?
"""
TAIL = """
SELECT lane, offset, first, head FROM block
WHERE run = ? AND NOT sealed AND lane = ? AND key_set IN (SELECT value FROM json_each(?)) ORDER BY number
"""
LANES = "SELECT DISTINCT lane FROM block WHERE run = ? AND NOT sealed AND key_set IN (SELECT value FROM json_each(?))"
HEAD = "SELECT head FROM block WHERE number = ?"
TIMES = "SELECT times FROM block WHERE number = ?"


@dataclass(slots=True)
class Piece:
    """One block's points of the key, from ``least`` to ``most`` on the axis; sealed ones are decoded when it is asked for."""

    rows: int
    least: float
    most: float
    kind: str
    stripes: bytes
    block: int
    pack: tuple[int, int, int]
    times: Array | None = None
    x: Array | None = None
    y: Values | None = None

    def places(self, connection: sqlite3.Connection) -> Array:
        """Where the points are on the axis."""
        return self.at(connection, np.arange(self.rows))

    def at(self, connection: sqlite3.Connection, rows: Array) -> Array:
        """Where some of them are."""
        if self.x is None:
            if self.most - self.least == self.rows - 1:
                return rows + int(self.least)
            self.x = head_steps(connection.execute(HEAD, (self.block,)).fetchone()[0])
        return self.x[rows]

    def values(self, connection: sqlite3.Connection) -> Values:
        """The values."""
        if self.y is None:
            pack, start, length = self.pack
            (data,) = connection.execute(PACK, (pack,)).fetchone()
            self.y = decode(self.kind, data[start : start + length])
        return self.y

    def go_by_time(self, connection: sqlite3.Connection, zero_time: float) -> bool:
        """Makes the axis that of time; False where the points are not in its order."""
        if self.times is None:
            self.times = decode_numbers(connection.execute(TIMES, (self.block,)).fetchone()[0], np.float64)
        self.x = self.times - zero_time if zero_time else self.times
        self.least, self.most = float(self.x[0]), float(self.x[-1])
        # No comparison holds for a NaN.
        return bool(np.all(self.x[1:] >= self.x[:-1])) and self.least <= self.most

    def cut(self, connection: sqlite3.Connection, lens: Lens) -> "Piece":
        """The points within the lens's range."""
        x = self.places(connection)
        inside = lens.within(x)
        return piece_of(x[inside], None, self.values(connection).chosen(inside))


def piece_of(x: Array, times: Array | None, values: Values) -> Piece:
    """A piece of points at hand."""
    least, most = (x[0].item(), x[-1].item()) if len(x) else (0, -1)
    return Piece(len(x), least, most, values.kind, stripes_of(values) or b"", 0, (0, 0, 0), times, x, values)


def read_curve(connection: sqlite3.Connection, blocks: RunBlocks, key: str, axis: str, lens: Lens) -> Curve | None:
    """The key's curve along "_step", "_timestamp" or "_runtime"; None where the whole series has to be read for it."""
    lane, pieces = _pieces(connection, blocks, key)
    if not pieces or any(later.least <= piece.most for piece, later in pairwise(pieces)):
        return None
    if len({piece.kind for piece in pieces}) > 1:
        return None
    if axis != "_step" and not _by_time(
        connection, pieces, blocks.heads[lane].zero_time if axis == "_runtime" else 0.0
    ):
        return None
    within = [
        piece if _inside(piece, lens) else piece.cut(connection, lens)
        for piece in pieces
        if (lens.least is None or piece.most >= lens.least) and (lens.most is None or piece.least <= lens.most)
    ]
    within = [piece for piece in within if piece.rows]
    stripes = read_stripes(pieces[0].kind, b"".join(piece.stripes for piece in within))
    if len(stripes) >= lens.samples and (lens.bands or len(within) > 1):
        return _overview(connection, within, stripes).curve(axis, lens)
    if not within:
        return curve_of(axis, np.empty(0, np.int64), Values("f64", np.empty(0)), lens)
    x = np.concatenate([piece.places(connection) for piece in within])
    return curve_of(axis, x, joined([piece.values(connection) for piece in within]), lens)


def _by_time(connection: sqlite3.Connection, pieces: Sequence[Piece], zero_time: float) -> bool:
    """Makes the axis that of time; False where the points are not in its order."""
    ordered = all(piece.go_by_time(connection, zero_time) for piece in pieces)
    return ordered and all(later.least >= piece.most for piece, later in pairwise(pieces))


def _inside(piece: Piece, lens: Lens) -> bool:
    return (lens.least is None or piece.least >= lens.least) and (lens.most is None or piece.most <= lens.most)


def _pieces(connection: sqlite3.Connection, blocks: RunBlocks, key: str) -> tuple[int, Sequence[Piece]]:
    """Lane and blocks with the key in order of step; no blocks where more than one lane has it, or something is hidden."""
    places: dict[int, int] = {}
    for key_set, names in blocks.key_sets.items():
        for place, name in enumerate(names):
            if shown(name) == key:
                places[key_set] = place
    pieces: list[Piece] = []
    lanes: set[int] = set()
    for named in places.items():
        for lane, rows, step_min, step_max, plain, kind, block, stripes, *pack in connection.execute(
            SEALED, (blocks.number, *named)
        ):
            if not plain or stripes is None:
                return 0, ()
            lanes.add(lane)
            pieces.append(Piece(rows, step_min, step_max, KINDS[kind], stripes, block, (pack[0], pack[1], pack[2])))
    holding = json.dumps(list(places))
    lanes |= {lane for (lane,) in connection.execute(LANES, (blocks.number, holding))}
    if len(lanes) != 1:
        return 0, ()
    (lane,) = lanes
    tail = _tail(connection, blocks, lane, places)
    if tail is None:
        return 0, ()
    pieces += tail
    pieces.sort(key=lambda piece: piece.least)
    hidden_after = blocks.heads[lane].step_max
    return lane, () if hidden_after is not None and pieces[-1].most > hidden_after else pieces


def _tail(connection: sqlite3.Connection, blocks: RunBlocks, lane: int, places: dict[int, int]) -> list[Piece] | None:
    """What is not sealed yet, as one piece."""
    strips: list[Strip] = []
    for key_set, place in places.items():
        for _, offset, first, head in connection.execute(TAIL, (blocks.number, lane, json.dumps([key_set]))):
            strips.append(event_strip(offset, first, event_pb2.Event.FromString(head), [place]))
    if not strips:
        return []
    strips.sort(key=lambda strip: int(strip.steps[0]))
    steps, times = (np.concatenate([getattr(strip, name) for strip in strips]) for name in ("steps", "times"))
    values = joined([strip.columns[0] for strip in strips])
    if any(strip.masks is not None for strip in strips) or values.kind not in DTYPES or np.any(steps[1:] <= steps[:-1]):
        return None
    return [piece_of(steps, times, values)]


def _overview(connection: sqlite3.Connection, pieces: Sequence[Piece], stripes: Array) -> Overview:
    """The stripes of all pieces, whose rows are counted through."""
    starts = np.cumsum([0, *(piece.rows for piece in pieces)])
    firsts = [start + starts_of(piece.rows) for start, piece in zip(starts[:-1], pieces, strict=True)]

    def x_of(rows: Array) -> Array:
        bounds = pairwise(np.searchsorted(rows, starts).tolist())
        places = (rows[first:last] - start for (first, last), start in zip(bounds, starts[:-1], strict=True))
        return np.concatenate([piece.at(connection, own) for piece, own in zip(pieces, places, strict=True)])

    return Overview(stripes, np.concatenate(firsts), int(starts[-1]), x_of)
