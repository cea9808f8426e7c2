"""A run's rows with those of the runs that it was forked from, which stay where they are and come first.

Each part is read as a run of its own. To whoever reads them together their lanes are one list: an origin's lanes have
attempts below those of the fork, and end at the step of the fork.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from runwell.core.history import Selection
from runwell.core.lanes import LaneHead
from runwell.core.pasts import FORKS_MAX, Origin, inherited_heads
from runwell_projector.codecs import joined
from runwell_projector.history_table import Table
from runwell_projector.pages import decode_cursor, encode_cursor, read_page, read_tables
from runwell_projector.series import Series, read_lanes, read_series
from runwell_projector.strips import RunBlocks, find_blocks

RunName = tuple[str, str, str]

LINEAGE = "SELECT origin, rewinds FROM lineage WHERE run = ?"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The blocks of a run, those of its oldest ancestor first."""

    parts: Sequence[RunBlocks]

    @property
    def own(self) -> RunBlocks:
        """The run's own."""
        return self.parts[-1]

    @property
    def heads(self) -> Sequence[LaneHead]:
        """The lanes of all parts, one after the other."""
        return [head for part in self.parts for head in part.heads]

    def lanes_before(self) -> Iterator[tuple[RunBlocks, int]]:
        """Each part, and how many lanes there are in those before it."""
        return zip(self.parts, accumulate((len(part.heads) for part in self.parts), initial=0), strict=False)


def find_ancestry(
    connection: sqlite3.Connection, run: RunName, keys: frozenset[str] | None, stream: str = "default"
) -> Ancestry | None:
    """The blocks that hold one of the keys; None when there is no such run. Samples of machines are a run's own."""
    own = find_blocks(connection, run, keys, stream)
    if own is None:
        return None
    parts, seen, shift, step_last = [own], {run}, 0, None
    while stream == "default" and len(parts) < FORKS_MAX:
        origin = read_origin(connection, parts[0].number)
        if origin is None or origin[:3] in seen:
            break
        seen.add(origin[:3])
        shift += origin.attempts
        step_last = origin.step if step_last is None else min(step_last, origin.step)
        blocks = find_blocks(connection, origin[:3], keys, stream)
        if blocks is None:
            break
        origin = origin._replace(step=step_last)
        heads = inherited_heads(blocks.heads, read_rewinds(connection, blocks.number), origin, shift)
        parts.insert(0, replace(blocks, heads=heads, step_last=step_last))
    return Ancestry(parts)


def read_origin(connection: sqlite3.Connection, run: int) -> Origin | None:
    """What a run was forked from."""
    found = connection.execute(LINEAGE, (run,)).fetchone()
    return Origin(*json.loads(found[0])) if found and found[0] else None


def read_rewinds(connection: sqlite3.Connection, run: int) -> list[list[int]]:
    """Attempts that went back, and to which step."""
    found = connection.execute(LINEAGE, (run,)).fetchone()
    return json.loads(found[1]) if found else []


def page_of(
    connection: sqlite3.Connection, ancestry: Ancestry, selection: Selection, after: str | None, limit: int
) -> tuple[list[Table], str | None]:
    """As ``read_page``, over all parts."""
    page: list[Table] = []
    reached = decode_cursor(after)[0] if after else None
    last: str | None = None
    for blocks, lanes in ancestry.lanes_before():
        if reached is not None and blocks is not ancestry.own and reached > max(blocks.attempts(), default=reached):
            continue
        left = limit - sum(map(len, page))
        tables, following = read_page(connection, blocks, _within(blocks, selection), after, max(left, 1))
        if not left and any(map(len, tables)):
            return page, last
        page += [replace(table, lanes=table.lanes + lanes) for table in tables]
        if following is not None:
            return page, following
        if page:
            last = encode_cursor(page[-1].order(len(page[-1]) - 1, ancestry.heads))
    return page, None


def tables_of(connection: sqlite3.Connection, ancestry: Ancestry, selection: Selection) -> Iterator[Table]:
    """All rows of all parts, page by page."""
    for blocks, lanes in ancestry.lanes_before():
        for table in read_tables(connection, blocks, _within(blocks, selection)):
            yield replace(table, lanes=table.lanes + lanes)


def series_of(
    connection: sqlite3.Connection, ancestry: Ancestry, keys: Sequence[str], *, masked: bool
) -> dict[str, Series]:
    """As ``read_series``, over all parts."""
    if len(ancestry.parts) == 1:
        return read_series(connection, ancestry.own, keys, masked=masked)
    found = [
        {
            key: replace(series, lanes=series.lanes + lanes)
            for key, series in read_series(connection, blocks, keys, masked=masked).items()
        }
        for blocks, lanes in ancestry.lanes_before()
    ]
    return {key: _chained([part[key] for part in found]) for key in keys}


def lanes_of(connection: sqlite3.Connection, ancestry: Ancestry, key: str, *, masked: bool) -> dict[int, Series]:
    """As ``read_lanes``, over all parts."""
    return {
        lane + lanes: series
        for blocks, lanes in ancestry.lanes_before()
        for lane, series in read_lanes(connection, blocks, key, masked=masked).items()
    }


def _within(blocks: RunBlocks, selection: Selection) -> Selection:
    if blocks.step_last is None:
        return selection
    stop = blocks.step_last + 1
    return replace(selection, max_step=stop if selection.max_step is None else min(selection.max_step, stop))


def _chained(parts: Sequence[Series]) -> Series:
    parts = [part for part in parts if len(part)] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    return Series(
        np.concatenate([part.lanes for part in parts]),
        np.concatenate([part.records for part in parts]),
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        joined([part.values for part in parts]),
    )
