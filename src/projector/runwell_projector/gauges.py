"""What Prometheus may be shown of a run that is running: the last values of some metrics, and of its machines.

It is made with the run's row, so that a scrape reads short texts and neither folds nor summaries of 100,000 keys.
"""

import heapq
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from runwell.core import limits
from runwell.core.filters import bounded, leaves
from runwell.core.fold import RunFold
from runwell_projector.leaves import compact

RUN_SERIES = 5
"""Series that every run has beside its metrics and figures: its names, its step, its time, its records and lost ones."""

decoded = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant={"NaN": "NaN", "Infinity": "+Inf", "-Infinity": "-Inf"}.__getitem__
).decode

NONE = "[]"

LIVE = "state = 'running' AND deleted = 0 AND updated_at >= ?1 AND made_at >= ?2"
COUNTS = """SELECT count(*), total(updated_at >= ?1), total(CASE WHEN updated_at >= ?1 AND made_at >= ?2 THEN series END)
FROM run WHERE state = 'running' AND deleted = 0"""
CRASHED = "SELECT count(*) FROM run WHERE state = 'crashed' AND deleted = 0 AND updated_at >= ?"
COLUMNS = 'entity, project, run_id, name, "group", job_type, last_step, made_at, gauges, series'


class Since(NamedTuple):
    """What is lately, unix seconds each."""

    received: float
    made: float
    crashed: float


class Gauges(NamedTuple):
    """``series`` is what there is, of which ``text`` has EXPOSED_RUN_SERIES_MAX at most.

    ``text`` has four lines: records stored and missing by comma; names of metrics in JSON; their values by comma, as Prometheus
    writes them; and JSON of ``[[host, pid, time, paths of figures, their values], …]``.
    """

    made_at: float
    series: int
    text: str


Numbers = list[str]
"""Numbers as Prometheus reads them: they are never made floats here, since writing those again is most of a scrape's work."""


class LiveRun(NamedTuple):
    """A run as Prometheus is shown it; times are unix seconds."""

    name: tuple[str, str, str]
    labels: tuple[str, str, str]
    """Display name, group and job type."""
    last_step: int | None
    made_at: float
    stored: str
    missing: str
    """Records that are stored, and that were refused, dropped or lost."""
    metrics: tuple[list[str], Numbers]
    """Names and values."""
    system: list[tuple[str, str, str, list[str], Numbers]]
    """Host, process id, time, paths of figures and their values, of each process."""

    @property
    def series(self) -> int:
        """How many series it is shown with."""
        return RUN_SERIES + len(self.metrics[0]) + sum(len(figures) for _, _, _, figures, _ in self.system)


@dataclass(frozen=True, slots=True)
class LiveRuns:
    """The runs that fit, and what there is in all."""

    runs: Sequence[LiveRun]
    running: int
    """Runs that have not ended."""
    heard: int
    """Those of them of which something was received lately."""
    crashed: int
    """Runs that crashed lately."""
    series: int
    """Series of all runs of which something was received lately that was made lately, shown or not."""


def gauges_of(
    fold: RunFold, view: Mapping[str, Any], exposed_of: Callable[[Sequence[str]], dict[str, float]]
) -> Gauges:
    """The run's gauges; none when it is not running. ``exposed_of`` is ``exposed`` of its summary."""
    made_at = max((lane.clock for lane in fold.lanes.values()), default=0.0)
    if view["state"] != "running":
        return Gauges(made_at, 0, "")
    metrics = exposed_of(fold.field("prometheus_metrics", []))
    system: dict[tuple[str, int], list[Any]] = {}
    lanes = [lane for lane in fold.lanes.values() if lane.state == "running" and lane.system]
    for lane in sorted(lanes, key=lambda lane: (lane.attempt, lane.system, lane.writer)):
        assert lane.system
        # The latest of those that an attempt after it has replaced.
        at, figures = lane.system
        system[lane.host, lane.pid] = [lane.host, lane.pid, at, [*figures], [*figures.values()]]
    figures_count = sum(len(of_process[3]) for of_process in system.values())
    records = view["records"]
    missing = records["refused"] + records["dropped"] + records["lost"]
    shown = _bounded(system, limits.EXPOSED_RUN_SERIES_MAX - RUN_SERIES - len(metrics))
    counts, values = _numbers([records["stored"], missing]), _numbers([*metrics.values()])
    text = "\n".join([counts, compact([*metrics]), values, compact(shown)])
    return Gauges(made_at, RUN_SERIES + len(metrics) + figures_count, text)


def exposed(summary: Mapping[str, Any], globs: Sequence[str]) -> dict[str, float]:
    """The numbers that the globs choose, or the first by name; of two with one name the one with fewer labels."""
    chosen = re.compile("|".join(map(translate, globs)) if globs else "(?!_)").match
    numbers: dict[str, tuple[int, Any]] = {}
    for path, value in leaves(summary):
        name = ".".join(path)
        if isinstance(value, int | float) and chosen(name) and len(path) < numbers.get(name, (len(path) + 1,))[0]:
            numbers[name] = len(path), value
    shown_max = limits.EXPOSED_METRICS_MAX if globs else limits.EXPOSED_METRICS_DEFAULT
    return {name: float(bounded(numbers[name][1])) for name in heapq.nsmallest(shown_max, numbers)}


def _bounded(system: Mapping[tuple[str, int], list[Any]], figures_max: int) -> list[list[Any]]:
    """The first processes by host and number, as many as the figures allow."""
    ordered = [of_process for _, of_process in sorted(system.items())]
    figures = accumulate(len(of_process[3]) for of_process in ordered)
    return ordered[: sum(count <= figures_max for count in figures)]


def _numbers(values: list[float]) -> str:
    return compact(values)[1:-1].replace("Infinity", "+Inf").replace("-+", "-")


@lru_cache(limits.EXPOSED_SERIES_MAX // RUN_SERIES)
def _names(text: str) -> list[str]:
    """Names mostly are those of the last time, and of other runs."""
    found: list[str] = json.loads(text)
    return found


def read_live_runs(connection: sqlite3.Connection, since: Since, series_max: int) -> LiveRuns:
    """Live runs, the oldest first, so that a run that is shown stays shown; whole runs, as many as the series allow."""
    running, heard, series = connection.execute(COUNTS, since[:2]).fetchone()
    (crashed,) = connection.execute(CRASHED, (since.crashed,)).fetchone()
    return LiveRuns(list(_fitting(connection, since, series_max)), running, heard, crashed, int(series))


def _fitting(connection: sqlite3.Connection, since: Since, series_max: int) -> Iterator[LiveRun]:
    rows = connection.execute(f"SELECT {COLUMNS} FROM run WHERE {LIVE} ORDER BY created_at, number", since[:2])
    shown = 0
    for entity, project, run_id, name, group, job_type, last_step, made_at, gauges, series in rows:
        shown += min(series, limits.EXPOSED_RUN_SERIES_MAX)
        if shown > series_max:
            return
        counts, names, values, figures = gauges.split("\n")
        stored, missing = counts.split(",")
        metrics = _names(names), values.split(",") if values else []
        system = [] if figures == NONE else decoded(figures)
        labels = (name, group, job_type)
        yield LiveRun((entity, project, run_id), labels, last_step, made_at, stored, missing, metrics, system)
