"""A run's history: the union of its lanes.

Rows of one lane with the same step are one row, whose later values win; rows of different lanes never merge. The order is
(attempt, step, time, writer, record). For one key and step a later attempt's value hides an earlier one's, RunRewound
hides the greater steps of earlier attempts, and masked rows are hidden, each unless it is asked for.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from math import inf
from operator import itemgetter, lt
from typing import Any, Self

from runwell.core.keys import ROW_FIELDS, shown
from runwell.core.lanes import LaneHead
from runwell.core.media import as_row
from runwell.core.metrics import MetricRules
from runwell.core.rows import Column, Rows, read_rows
from runwell.core.system import STREAMS

RowOrder = tuple[int, int, float, str, int]


@dataclass(frozen=True, slots=True)
class LaneRows:
    """A lane with rows of it, schema by schema."""

    head: LaneHead
    rows: Sequence[Rows]

    @classmethod
    def of_events(cls, head: LaneHead, events: Iterable[tuple[int, Any]], keys: frozenset[str] | None = None) -> Self:
        """The rows of MetricLogged and MediaLogged events, each with its batch's first record; with ``keys`` only those columns."""
        events = [(first, as_row(event)) for first, event in events]
        if keys is None:
            return cls(head, [read_rows(first, event) for first, event in events])
        found = []
        for first, event in events:
            wanted = frozenset(column.key for column in event.metric_logged.columns if shown(column.key) in keys)
            if wanted or keys <= ROW_FIELDS:
                found.append(read_rows(first, event, wanted))
        return cls(head, found)


@dataclass(slots=True)
class MergedRow:
    """All that a lane says of one step; time and record are those of the last record in it."""

    head: LaneHead
    step: int
    time: float
    record: int
    values: dict[str, Any]

    def order(self) -> RowOrder:
        """The place in the history."""
        time = self.time if self.time == self.time else 0.0
        return self.head.attempt, self.step, time, self.head.writer, self.record

    def shown(self) -> dict[str, Any]:
        """The row as people see it."""
        own = {"_step": self.step, "_timestamp": self.time, "_runtime": self.time - self.head.zero_time}
        return own | self.values


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows and keys of a history; ``select`` makes one."""

    keys: frozenset[str] | None = None
    """As shown, with dots; a row is then what the records that hold one of them say of them. None means all."""
    min_step: int | None = None
    max_step: int | None = None
    """Exclusive."""
    masked: bool = False
    """Also rows that the rule for steps refused."""
    all_attempts: bool = False
    """Also what a later attempt hides."""
    stream: str = STREAMS[0]
    """STREAMS[1] is samples of machines and processes, with times in milliseconds as steps."""

    def keeps(self, row: MergedRow) -> bool:
        """Whether a row that may have more than was asked for is; and takes out what was not."""
        above = self.min_step is None or row.step >= self.min_step
        if not above or (self.max_step is not None and row.step >= self.max_step):
            return False
        if self.keys is None:
            return True
        row.values = {key: value for key, value in row.values.items() if key in self.keys}
        return bool(row.values) or self.keys <= ROW_FIELDS

    def rows_of(self, head: LaneHead, rows: Rows) -> Rows:
        """A lane's rows that are asked for."""
        step_min = -inf if self.min_step is None else self.min_step
        step_stop = inf if self.max_step is None else self.max_step
        if head.step_max is not None and not self.all_attempts:
            step_stop = min(step_stop, head.step_max + 1)
        return (rows if self.masked else rows.unmasked()).within(step_min, step_stop)


def select(
    keys: Iterable[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    masked: bool = False,
    all_attempts: bool = False,
    stream: str = STREAMS[0],
) -> Selection:
    """A selection. Samples of machines never hide each other. Raises ValueError for a stream that there is not."""
    if stream not in STREAMS:
        raise ValueError(f"stream is {stream!r}, and must be one of {', '.join(STREAMS)}")
    chosen = None if keys is None else frozenset(keys)
    return Selection(chosen, min_step, max_step, masked, all_attempts or stream != STREAMS[0], stream)


EVERYTHING = Selection()
"""What a history shows unless something else is asked for."""


def merge_history(
    lanes: Iterable[LaneRows], selection: Selection = EVERYTHING, rules: MetricRules | None = None
) -> list[dict[str, Any]]:
    """The rows as people see them: ``_step``, ``_timestamp``, ``_runtime``, then values by shown key.

    With ``rules`` rows have the step metrics that they were logged without.
    """
    if rules is None or not rules.synchronise:
        lanes = list(lanes)
        plain = _plain_history(lanes, selection)
        return [row.shown() for row in merge_rows(lanes, selection)] if plain is None else plain
    # A step metric that is not asked for is not shown, so it need not be read either.
    read = replace(selection, min_step=None, max_step=None)
    by_attempt = _rows_by_attempt(lanes, read)
    # What a later attempt hides was the latest value of its lane all the same.
    latest = latest_in(row for rows in by_attempt.values() for row in rows)
    rows = _in_order(by_attempt, read)
    fill_step_metrics(rows, rules, latest)
    return [row.shown() for row in rows if selection.keeps(row)]


def _plain_history(lanes: Iterable[LaneRows], selection: Selection) -> list[dict[str, Any]] | None:
    """The rows of one lane whose steps ascend, which nothing merges, hides or moves; None when it is not so simple.

    That is what a training loop logs, and needs a tenth of the time.
    """
    found: list[dict[str, Any]] = []
    only: LaneRows | None = None
    step, record = -inf, 0
    for lane in lanes:
        for rows in lane.rows:
            chosen = selection.rows_of(lane.head, rows)
            columns = _columns(chosen, selection.keys)
            if columns is None or not chosen.steps:
                continue
            steps, records = chosen.steps, chosen.records
            ascending = steps[0] > step and records[0] > record and all(map(lt, steps, steps[1:]))
            if not ascending or (only is not None and only is not lane):
                return None
            only, step, record = lane, steps[-1], records[-1]
            found += _shown_rows(lane.head, chosen, columns)
    return found


def _shown_rows(head: LaneHead, rows: Rows, columns: list[tuple[str, Column]]) -> Iterator[dict[str, Any]]:
    zero = head.zero_time
    if len(columns) == 1:
        ((key, column),) = columns
        # As below, in half the time: a curve is one key of many rows.
        return (
            {"_step": step, "_timestamp": time, "_runtime": time - zero, key: value}
            for step, time, value in zip(rows.steps, rows.times, column.decoded(), strict=True)
        )
    names = ("_step", "_timestamp", "_runtime", *(key for key, _ in columns))
    own = rows.steps, rows.times, [time - zero for time in rows.times]
    return map(dict, map(zip, repeat(names), zip(*own, *(column.decoded() for _, column in columns), strict=True)))


Latest = Callable[[LaneHead, str, int], Any]
"""A lane's latest value of a shown key at a step or before it; None when there is none."""


def latest_in(rows: Iterable[MergedRow]) -> Latest:
    """Looks into all rows of a run."""
    steps: dict[tuple[str, str], list[int]] = {}
    values: dict[tuple[str, str], list[Any]] = {}
    for row in sorted(rows, key=lambda row: row.step):
        for key, value in row.values.items():
            steps.setdefault((row.head.writer, key), []).append(row.step)
            values.setdefault((row.head.writer, key), []).append(value)

    def latest(head: LaneHead, key: str, step: int) -> Any:
        place = bisect_right(steps.get((head.writer, key), ()), step)
        return values[head.writer, key][place - 1] if place else None

    return latest


def fill_step_metrics(rows: Iterable[MergedRow], rules: MetricRules, latest: Latest) -> None:
    """Puts into each row the step metrics of its metrics that it was logged without: their latest value, if there is one.

    Nothing is put in before the step metric was first logged, where wandb has a 0 that nobody logged.
    """
    for row in rows:
        for key in [*row.values]:
            metric = rules.of(key)
            if metric is not None and metric.step_sync and metric.step_metric and metric.step_metric not in row.values:
                value = latest(row.head, metric.step_metric, row.step)
                if isinstance(value, int | float):
                    row.values[metric.step_metric] = value


def merge_rows(lanes: Iterable[LaneRows], selection: Selection) -> list[MergedRow]:
    """The rows in history order."""
    return _in_order(_rows_by_attempt(lanes, selection), selection)


def _rows_by_attempt(lanes: Iterable[LaneRows], selection: Selection) -> dict[int, list[MergedRow]]:
    by_attempt: dict[int, list[MergedRow]] = {}
    for lane in lanes:
        by_attempt.setdefault(lane.head.attempt, []).extend(lane_rows(lane, selection))
    return by_attempt


def _in_order(by_attempt: dict[int, list[MergedRow]], selection: Selection) -> list[MergedRow]:
    if len(by_attempt) > 1 and not selection.all_attempts:
        _hide_overridden(by_attempt)
    return sorted((row for rows in by_attempt.values() for row in rows), key=MergedRow.order)


def lane_rows(lane: LaneRows, selection: Selection) -> Iterator[MergedRow]:
    """One lane's rows, one for each step."""
    records: list[tuple[int, int, float, list[str], tuple[Any, ...]]] = []
    for rows in lane.rows:
        records.extend(_records(selection.rows_of(lane.head, rows), selection.keys))
    if len(lane.rows) > 1:
        records.sort(key=itemgetter(0))
    merged: dict[int, MergedRow] = {}
    for record, step, time, names, values in records:
        row = merged.get(step)
        if row is not None:
            row.time, row.record = time, record
            row.values.update(zip(names, values, strict=True))
        else:
            merged[step] = MergedRow(lane.head, step, time, record, dict(zip(names, values, strict=True)))
    yield from merged.values()


def _records(rows: Rows, keys: frozenset[str] | None) -> Iterator[tuple[int, int, float, list[str], tuple[Any, ...]]]:
    """Record, step, time, keys and values of each row that holds a wanted key."""
    columns = _columns(rows, keys)
    if columns is None:
        return iter(())
    names = [key for key, _ in columns]
    values = zip(*(column.decoded() for _, column in columns), strict=True) if columns else repeat(())
    return zip(rows.records, rows.steps, rows.times, repeat(names), values, strict=False)


def _columns(rows: Rows, keys: frozenset[str] | None) -> list[tuple[str, Column]] | None:
    """The wanted columns by shown key; None when the rows hold none of them."""
    columns = [(shown(column.key), column) for column in rows.columns]
    if keys is None:
        return columns
    if keys <= ROW_FIELDS:
        return []
    return [(key, column) for key, column in columns if key in keys] or None


def _hide_overridden(by_attempt: dict[int, list[MergedRow]]) -> None:
    """Takes out the values that a later attempt has for the same key and step, and rows of which nothing is left."""
    claimed: dict[int, set[str]] = {}
    for attempt in sorted(by_attempt, reverse=True):
        rows, kept = by_attempt[attempt], []
        claims = [(row.step, set(row.values)) for row in rows]
        for row in rows:
            later = claimed.get(row.step)
            if later is not None:
                row.values = {key: value for key, value in row.values.items() if key not in later}
            if later is None or row.values:
                kept.append(row)
        by_attempt[attempt] = kept
        for step, keys in claims:
            claimed.setdefault(step, set()).update(keys)
