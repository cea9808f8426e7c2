"""Reads a series along its steps without what it does not need: from afar statistics alone, within a range its blocks alone.

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
from runwell_projector.blocks import event_strip, head_steps
from runwell_projector.codecs import DTYPES, KINDS, Array, Values, decode, joined
from runwell_projector.curves import Curve, Lens, Overview, curve_of
from runwell_projector.statistics import read_stripes, starts_of, stripes_of
from runwell_projector.strips import PACK, RunBlocks

SEALED = """
SELECT lane, rows, step_min, step_max, plain, head, kind, stripes, pack, start, length
FROM part JOIN block ON block.number = part.block WHERE part.run = ? AND part.key_set = ? AND part.place = ?
"""
TAIL = """
SELECT lane, offset, first, head FROM block
WHERE run = ? AND NOT sealed AND lane = ? AND key_set IN (SELECT value FROM json_each(?)) ORDER BY number
"""
LANES = "SELECT DISTINCT lane FROM block WHERE run = ? AND NOT sealed AND key_set IN (SELECT value FROM json_each(?))"


@dataclass(slots=True)
class Piece:
    """One block's points of the key; sealed ones are decoded when it is asked for."""

    rows: int
    step_min: int
    step_max: int
    kind: str
    head: bytes
    stripes: Array
    pack: tuple[int, int, int]
    steps: Array | None = None
    values: Values | None = None

    def x(self) -> Array:
        """The steps."""
        return self.at(np.arange(self.rows))

    def at(self, places: Array) -> Array:
        """The steps at some places."""
        if self.steps is None:
            if self.step_max - self.step_min == self.rows - 1:
                return places + self.step_min
            self.steps = head_steps(self.head)
        return self.steps[places]

    def y(self, connection: sqlite3.Connection) -> Values:
        """The values."""
        if self.values is None:
            pack, start, length = self.pack
            (data,) = connection.execute(PACK, (pack,)).fetchone()
            self.values = decode(self.kind, data[start : start + length])
        return self.values

    def cut(self, connection: sqlite3.Connection, lens: Lens) -> "Piece":
        """The points within the lens's range."""
        x = self.x()
        inside = lens.within(x)
        return piece_of(x[inside], self.y(connection).chosen(inside))


def piece_of(x: Array, values: Values) -> Piece:
    """A piece of points at hand."""
    stripes = read_stripes(values.kind, stripes_of(values) or b"")
    bounds = (int(x[0]), int(x[-1])) if len(x) else (0, -1)
    return Piece(len(x), *bounds, values.kind, b"", stripes, (0, 0, 0), x, values)


def read_curve(connection: sqlite3.Connection, blocks: RunBlocks, key: str, lens: Lens) -> Curve | None:
    """The key's curve along the steps; None where the whole series has to be read for it."""
    pieces = _pieces(connection, blocks, key)
    if not pieces or any(later.step_min <= piece.step_max for piece, later in pairwise(pieces)):
        return None
    if len({piece.kind for piece in pieces}) > 1:
        return None
    within = [
        piece if _inside(piece, lens) else piece.cut(connection, lens)
        for piece in pieces
        if (lens.least is None or piece.step_max >= lens.least) and (lens.most is None or piece.step_min <= lens.most)
    ]
    within = [piece for piece in within if piece.rows]
    if sum(len(piece.stripes) for piece in within) >= lens.samples and (lens.bands or len(within) > 1):
        return _overview(within).curve("_step", lens)
    if not within:
        return curve_of("_step", np.empty(0, np.int64), Values("f64", np.empty(0)), lens)
    x = np.concatenate([piece.x() for piece in within])
    return curve_of("_step", x, joined([piece.y(connection) for piece in within]), lens)


def _inside(piece: Piece, lens: Lens) -> bool:
    return (lens.least is None or piece.step_min >= lens.least) and (lens.most is None or piece.step_max <= lens.most)


def _pieces(connection: sqlite3.Connection, blocks: RunBlocks, key: str) -> list[Piece] | None:
    """The blocks with the key in order of step; None where more than one lane has it, or something is hidden."""
    places: dict[int, int] = {}
    for key_set, names in blocks.key_sets.items():
        for place, name in enumerate(names):
            if shown(name) == key:
                places[key_set] = place
    pieces, lanes = [], set()
    for key_set, place in places.items():
        for lane, rows, step_min, step_max, plain, head, kind, stripes, *pack in connection.execute(
            SEALED, (blocks.number, key_set, place)
        ):
            if not plain or stripes is None:
                return None
            lanes.add(lane)
            where = pack[0], pack[1], pack[2]
            found = read_stripes(KINDS[kind], stripes)
            pieces.append(Piece(rows, step_min, step_max, KINDS[kind], head, found, where))
    holding = json.dumps(list(places))
    lanes |= {lane for (lane,) in connection.execute(LANES, (blocks.number, holding))}
    if len(lanes) != 1:
        return None
    (lane,) = lanes
    tail = _tail(connection, blocks, lane, places)
    if tail is None:
        return None
    pieces += tail
    pieces.sort(key=lambda piece: piece.step_min)
    hidden_after = blocks.heads[lane].step_max
    return None if hidden_after is not None and pieces[-1].step_max > hidden_after else pieces


def _tail(connection: sqlite3.Connection, blocks: RunBlocks, lane: int, places: dict[int, int]) -> list[Piece] | None:
    """What is not sealed yet, as one piece."""
    strips = []
    for key_set, place in places.items():
        for _, offset, first, head in connection.execute(TAIL, (blocks.number, lane, json.dumps([key_set]))):
            strips.append(event_strip(offset, first, event_pb2.Event.FromString(head), [place]))
    if not strips:
        return []
    strips.sort(key=lambda strip: int(strip.steps[0]))
    steps = np.concatenate([strip.steps for strip in strips])
    values = joined([strip.columns[0] for strip in strips])
    if any(strip.masks is not None for strip in strips) or values.kind not in DTYPES or np.any(steps[1:] <= steps[:-1]):
        return None
    return [piece_of(steps, values)]


def _overview(pieces: Sequence[Piece]) -> Overview:
    """The stripes of all pieces."""
    x_first, x_last, x_least, x_greatest = [], [], [], []
    for piece in pieces:
        starts = starts_of(piece.rows)
        ends = np.append(starts[1:], piece.rows) - 1
        x_first.append(piece.at(starts))
        x_last.append(piece.at(ends))
        x_least.append(piece.at(starts + piece.stripes["least_at"]))
        x_greatest.append(piece.at(starts + piece.stripes["greatest_at"]))
    return Overview(
        np.concatenate([piece.stripes for piece in pieces]),
        np.concatenate(x_first),
        np.concatenate(x_last),
        np.concatenate(x_least),
        np.concatenate(x_greatest),
        sum(piece.rows for piece in pieces),
    )
