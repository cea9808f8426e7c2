"""Pages of a history column by column: the rows of ``runwell.core.history``, put together by arrays instead of one by one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runwell.core.history import RowOrder, Selection
from runwell.core.keys import ROW_FIELDS, shown
from runwell.core.lanes import LaneHead
from runwell_projector.blocks import Strip
from runwell_projector.codecs import Array, Values, joined
from runwell_projector.strips import RunBlocks


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in history order. A column has the numbers of the rows that have a value, ascending, and these values."""

    lanes: Array
    steps: Array
    times: Array
    records: Array
    columns: Mapping[str, tuple[Array, Values]]

    def __len__(self) -> int:
        return len(self.steps)

    def order(self, place: int, heads: Sequence[LaneHead]) -> RowOrder:
        """A row's place in the history."""
        head, time = heads[int(self.lanes[place])], float(self.times[place])
        return (
            head.attempt,
            int(self.steps[place]),
            time if time == time else 0.0,
            head.writer,
            int(self.records[place]),
        )

    def runtimes(self, heads: Sequence[LaneHead]) -> Array:
        """Seconds of the run at each row."""
        zeros: Array = np.asarray([head.zero_time for head in heads], np.float64)[self.lanes]
        return self.times - zeros

    def shown(self, heads: Sequence[LaneHead]) -> list[dict[str, Any]]:
        """The rows as people see them."""
        own = zip(self.steps.tolist(), self.times.tolist(), self.runtimes(heads).tolist(), strict=True)
        found = [{"_step": step, "_timestamp": time, "_runtime": runtime} for step, time, runtime in own]
        for key, (rows, values) in self.columns.items():
            for row, value in zip(rows.tolist(), values.objects(), strict=True):
                found[row][key] = value
        return found

    def with_all(self, keys: Iterable[str]) -> "Table":
        """The rows that have every key, but for the names that every row has."""
        kept = np.ones(len(self), np.bool_)
        for key in set(keys) - ROW_FIELDS:
            has = np.zeros(len(self), np.bool_)
            if key in self.columns:
                has[self.columns[key][0]] = True
            kept &= has
        return self if kept.all() else self.chosen(np.flatnonzero(kept))

    def chosen(self, places: Array) -> "Table":
        """The rows at these places, in their order."""
        number = np.full(len(self), -1)
        number[places] = np.arange(len(places))
        columns = {}
        for key, (rows, values) in self.columns.items():
            order = np.argsort(number[rows], kind="stable")
            order = order[number[rows[order]] >= 0]
            if len(order):
                columns[key] = number[rows[order]], values.chosen(order)
        return Table(self.lanes[places], self.steps[places], self.times[places], self.records[places], columns)


@dataclass(frozen=True, slots=True)
class RowTable:
    """A table as it is shown: ``_step``, ``_timestamp`` and ``_runtime`` of each row, and the columns of ``Table``."""

    steps: Array
    times: Array
    runtimes: Array
    columns: Mapping[str, tuple[Array, Values]]


def row_table(table: Table, heads: Sequence[LaneHead]) -> RowTable:
    """The table as it is shown."""
    return RowTable(table.steps, table.times, table.runtimes(heads), table.columns)


def thinned(tables: Sequence[Table], samples: int) -> list[Table]:
    """Evenly spaced rows of all tables, the first and the last among them."""
    ends = np.cumsum([len(table) for table in tables], dtype=np.int64)
    total = int(ends[-1]) if tables else 0
    if total <= samples:
        return list(tables)
    wanted = [round(place * (total - 1) / (samples - 1)) for place in range(samples)] if samples > 1 else [total - 1]
    places = np.asarray(wanted, np.int64)
    found = []
    for table, end in zip(tables, ends.tolist(), strict=True):
        inside = places[(places >= end - len(table)) & (places < end)] - (end - len(table))
        if len(inside):
            found.append(table.chosen(inside))
    return found


def merge_table(
    blocks: RunBlocks, strips: Sequence[tuple[int, Strip]], selection: Selection, steps: tuple[int, int]
) -> Table:
    """The rows of ``merge_rows`` with steps from the first to the second."""
    by_lane: dict[int, list[Strip]] = {}
    for lane, strip in strips:
        by_lane.setdefault(lane, []).append(strip)
    table = _stacked(
        [_lane_table(lane, blocks.heads[lane], found, selection, steps) for lane, found in by_lane.items()]
    )
    attempts = np.asarray([head.attempt for head in blocks.heads], np.int64)[table.lanes]
    kept = np.ones(len(table), np.bool_)
    if not selection.all_attempts and len(np.unique(attempts)) > 1:
        table, kept = _without_overridden(table, attempts)
    ranks = np.argsort(np.argsort([head.writer for head in blocks.heads]))[table.lanes]
    times = np.where(np.isnan(table.times), 0.0, table.times)
    order = np.lexsort((table.records, ranks, times, table.steps, attempts))
    return table.chosen(order[kept[order]])


def _lane_table(
    lane: int, head: LaneHead, strips: Sequence[Strip], selection: Selection, bounds: tuple[int, int]
) -> Table:
    """One lane's rows, one for each step, by step."""
    records, steps, times = (
        np.concatenate([getattr(strip, name) for strip in strips]) for name in ("records", "steps", "times")
    )
    kept = _selected(head, strips, steps, selection) & (steps >= bounds[0]) & (steps <= bounds[1])
    order = np.flatnonzero(kept)
    order = order[np.lexsort((records[order], steps[order]))]
    last = np.append(steps[order][1:] != steps[order][:-1], True)[: len(order)]
    row_of = np.full(len(steps), -1)
    row_of[order] = np.append(0, np.cumsum(last)[:-1])[: len(order)]
    columns = {
        key: _last_of_each(row_of[places], records[places], values) for key, (places, values) in _pieces(strips).items()
    }
    rows = order[last]
    alive = {key: column for key, column in columns.items() if len(column[0])}
    return Table(np.full(len(rows), lane), steps[rows], times[rows], records[rows], alive)


def _selected(head: LaneHead, strips: Sequence[Strip], steps: Array, selection: Selection) -> Array:
    kept = np.ones(len(steps), np.bool_)
    if not selection.masked:
        hidden = [np.zeros(len(strip), np.bool_) if strip.masks is None else strip.masks for strip in strips]
        kept &= ~np.concatenate(hidden)
    if head.step_max is not None and not selection.all_attempts:
        kept &= steps <= head.step_max
    return kept


def _pieces(strips: Sequence[Strip]) -> dict[str, tuple[Array, Values]]:
    """Of each shown key the places of its values among all strips' rows, and the values."""
    found: dict[str, tuple[list[Array], list[Values]]] = {}
    start = 0
    for strip in strips:
        places = np.arange(start, start + len(strip))
        start += len(strip)
        for key, values in zip(strip.keys, strip.columns, strict=True):
            of_key = found.setdefault(shown(key), ([], []))
            of_key[0].append(places)
            of_key[1].append(values)
    return {key: (np.concatenate(places), joined(values)) for key, (places, values) in found.items()}


def _last_of_each(rows: Array, records: Array, values: Values) -> tuple[Array, Values]:
    """Of several values of one row the one logged last."""
    order = np.flatnonzero(rows >= 0)
    order = order[np.lexsort((records[order], rows[order]))]
    order = order[np.append(rows[order][1:] != rows[order][:-1], True)[: len(order)]]
    return rows[order], values.chosen(order)


def _stacked(tables: Sequence[Table]) -> Table:
    """Lanes one after the other."""
    starts = np.cumsum([0, *(len(table) for table in tables)])
    columns: dict[str, tuple[list[Array], list[Values]]] = {}
    for table, start in zip(tables, starts[:-1], strict=True):
        for key, (rows, values) in table.columns.items():
            found = columns.setdefault(key, ([], []))
            found[0].append(rows + start)
            found[1].append(values)
    none = np.empty(0, np.int64)
    return Table(
        np.concatenate([none, *(table.lanes for table in tables)]),
        np.concatenate([none, *(table.steps for table in tables)]),
        np.concatenate([np.empty(0), *(table.times for table in tables)]),
        np.concatenate([none, *(table.records for table in tables)]),
        {key: (np.concatenate(rows), joined(values)) for key, (rows, values) in columns.items()},
    )


def _without_overridden(table: Table, attempts: Array) -> tuple[Table, Array]:
    """Takes out values that a later attempt has for the same key and step; says which rows something is left of."""
    left = np.zeros(len(table), np.int64)
    columns = {}
    for key, (rows, values) in table.columns.items():
        shown_rows = ~_overridden(table.steps[rows], attempts[rows])
        columns[key] = rows[shown_rows], values if shown_rows.all() else values.chosen(shown_rows)
        left[rows[shown_rows]] += 1
    kept = (left > 0) | ~_overridden(table.steps, attempts)
    return Table(table.lanes, table.steps, table.times, table.records, columns), kept


def _overridden(steps: Array, attempts: Array) -> Array:
    """Where a later attempt has the same step."""
    found = np.zeros(len(steps), np.bool_)
    for attempt in np.unique(attempts)[:-1]:
        found |= (attempts == attempt) & np.isin(steps, steps[attempts > attempt])
    return found
