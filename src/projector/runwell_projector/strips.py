"""Reads blocks of a run, as many of their columns as are asked for."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runwell.core.keys import ROW_FIELDS, shown
from runwell.core.lanes import LaneHead
from runwell.core.pasts import NEVER
from runwell.v1 import event_pb2
from runwell_projector.blocks import Strip, decode_heads, event_strip
from runwell_projector.codecs import KINDS, Values, decode

BLOCK = "SELECT lane, key_set, sealed, offset, first, head, times FROM block WHERE number = ?"
PARTS = """
SELECT place, kind, pack, start, length FROM part
WHERE run = ? AND key_set = ? AND block = ? AND place IN (SELECT value FROM json_each(?)) ORDER BY pack, start
"""
PACK = "SELECT data FROM pack WHERE number = ?"


@dataclass(frozen=True, slots=True)
class RunBlocks:
    """Where a run's rows are: its number, its lanes, and the key sets that are asked for, with their keys."""

    number: int
    heads: Sequence[LaneHead]
    key_sets: Mapping[int, Sequence[str]]
    narrowed: bool
    """These are not all key sets of the run."""
    stream: str = "default"

    step_last: int | None = None
    """A fork has these rows up to that step; None for a run's own."""

    def attempts(self) -> list[int]:
        """The attempts that have rows here, in order."""
        return sorted({head.attempt for head in self.heads} - {NEVER})

    def lanes(self, attempt_min: int, attempt_max: int) -> list[int]:
        """The lanes of some attempts."""
        return [lane for lane, head in enumerate(self.heads) if attempt_min <= head.attempt <= attempt_max]

    def places(self, key_set: int, keys: frozenset[str] | None) -> list[int]:
        """Which columns of a key set are asked for."""
        names = self.key_sets[key_set]
        if keys is not None and keys <= ROW_FIELDS:
            return []
        return [place for place, name in enumerate(names) if keys is None or shown(name) in keys]


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
    stored = connection.execute("SELECT number, stream, keys FROM key_set WHERE run = ?", (found[0],)).fetchall()
    key_sets = {number: json.loads(names) for number, its_stream, names in stored if its_stream == stream}
    if keys is not None and not keys <= ROW_FIELDS:
        key_sets = {number: names for number, names in key_sets.items() if any(shown(name) in keys for name in names)}
    return RunBlocks(found[0], heads, key_sets, len(key_sets) < len(stored), stream)


def read_strips(
    connection: sqlite3.Connection, blocks: RunBlocks, numbers: Sequence[int], keys: frozenset[str] | None
) -> Iterator[tuple[int, Strip]]:
    """Lane and rows of each block, with the columns of the keys (None: all)."""
    for number in numbers:
        lane, key_set, sealed, offset, first, head, times = connection.execute(BLOCK, (number,)).fetchone()
        places = blocks.places(key_set, keys)
        if sealed:
            names = [blocks.key_sets[key_set][place] for place in places]
            columns = _columns(connection, (blocks.number, key_set, number), places)
            yield lane, decode_heads(head, times, names, columns)
        else:
            yield lane, event_strip(offset, first, event_pb2.Event.FromString(head), places)


def _columns(connection: sqlite3.Connection, block: tuple[int, int, int], places: Sequence[int]) -> list[Values]:
    """The columns at some places of a sealed block."""
    found: dict[int, Values] = {}
    read, data = 0, b""
    for place, kind, pack, start, length in connection.execute(PARTS, (*block, json.dumps(list(places)))).fetchall():
        if pack != read:
            read, (data,) = pack, connection.execute(PACK, (pack,)).fetchone()
        found[place] = decode(KINDS[kind], data[start : start + length])
    return [found[place] for place in places]
