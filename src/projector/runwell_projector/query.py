"""Questions to the views, answered from the SQLite file that is being served; read-only.

A ``Views`` belongs to one thread at a time. Each question is answered from one snapshot; new views that a rebuild has
swapped in are noticed at the next question. Before there are any views, every answer is empty.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runwell.core import filters
from runwell.core.artifacts.catalogue import Catalogue
from runwell.core.artifacts.naming import Place
from runwell.core.fold import RunFold
from runwell.core.history import EVERYTHING, Selection
from runwell.core.lanes import LaneHead
from runwell.core.sweeps.outcomes import TrialRun
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Sweep
from runwell.v1 import event_pb2
from runwell_projector.alerts import Alert, AlertPlace, read_alerts, read_new_alerts
from runwell_projector.ancestry import find_ancestry, page_of, series_of, tables_of
from runwell_projector.artifacts import Catalogues, Use, read_artifact_projects, read_logged, read_used_by, read_users
from runwell_projector.carrying import ask_rows
from runwell_projector.charts import read_curves
from runwell_projector.choice import ALL_RUNS, Choice, Chosen
from runwell_projector.console import LineQuery, NewLines, find_lanes, read_lines, read_new_lines
from runwell_projector.curves import AXES, Curve, Lens
from runwell_projector.files import ViewFiles
from runwell_projector.gauges import LiveRun, LiveRuns, Since, read_live_runs
from runwell_projector.grouping import read_groups, read_values
from runwell_projector.history_table import RowTable, Table, row_table, thinned
from runwell_projector.importance import RUNS_MAX as IMPORTANCE_RUNS_MAX
from runwell_projector.importance import read_importance
from runwell_projector.log_end import log_end
from runwell_projector.media import Sampled, histogram_columns, read_media_keys, sampled_values, selection_of
from runwell_projector.mirror import Mirror
from runwell_projector.pasts import read_past
from runwell_projector.saved import read_content, read_saved
from runwell_projector.schema import TABLES
from runwell_projector.series import Series
from runwell_projector.states import find_fold
from runwell_projector.strips import find_blocks
from runwell_projector.sweeps import SweepFolds, read_sweeps, read_trial_runs
from runwell_projector.table import read_field_types, read_fields, read_keys, read_projects, read_rows
from runwell_projector.tail import read_tail

__all__ = [
    "ALL_RUNS",
    "AXES",
    "Alert",
    "Choice",
    "Curve",
    "Lens",
    "LineQuery",
    "LiveRun",
    "LiveRuns",
    "RowTable",
    "RunName",
    "Sampled",
    "Since",
    "Use",
    "Views",
    "histogram_columns",
    "log_end",
    "wait_for_log_end",
]

RunName = tuple[str, str, str]
RunView = dict[str, Any]
Row = dict[str, Any]

POLL_INTERVAL_S = 0.003
"""How often a consistent read looks at the checkpoint: a few microseconds' work, against the projector's looks."""

ASK_INTERVAL_S = 0.05
"""How often it tells the projector that it waits: as often as the projector looks."""

POISONED_RUNS_SHOWN = 100

ROWS_LIMIT = 10_000
"""Rows of a page unless something else is asked for."""

VIEW = "SELECT view FROM run WHERE number = ?"

RECORD_COUNTS = ("stored", "expected", "masked", "refused", "dropped", "lost")
RECORDS = "SELECT " + ", ".join(f"ifnull(sum(records ->> '{name}'), 0)" for name in RECORD_COUNTS) + " FROM run"


class Views:
    """Read-only queries over one data directory's views."""

    def __init__(self, data_dir: Path) -> None:
        self._files = ViewFiles(data_dir)
        self._connection: sqlite3.Connection | None = None
        self._swap_mark: tuple[int, int] | None = None
        self._mirror: Mirror
        self._sweeps = SweepFolds()
        self._catalogues = Catalogues()

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """The views of a server's data directory; the directory may be empty yet."""
        return cls(data_dir)

    def close(self) -> None:
        """May be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def position(self) -> int:
        """Offset of the last batch of the log that the views include.

        Who asks for it follows the log, so the projector is told to go on at once.
        """
        self._files.await_news()
        return self.checkpoint()[1]

    def checkpoint(self) -> tuple[str | None, int]:
        """The log's id and the offset of its last batch that the views include."""
        with self._snapshot() as connection:
            row = connection.execute("SELECT log_id, offset FROM checkpoint").fetchone()
        return (None, 0) if row is None else (row[0], row[1])

    def status(self) -> dict[str, Any]:
        """``{"log_id", "offset", "fold_version", "rows", "runs", "records", "file", "bytes", "poisoned"}``.

        "records" are sums over all runs, "poisoned" is ``{"batches", "runs"}``, for each run the first offset that could
        not be folded and why.
        """
        with self._snapshot() as connection:
            row = connection.execute("SELECT log_id, offset, fold_version, rows FROM checkpoint").fetchone()
            (runs,) = connection.execute("SELECT count(*) FROM run").fetchone()
            records = connection.execute(RECORDS).fetchone()
            (batches,) = connection.execute("SELECT count(*) FROM poison").fetchone()
            poisoned = connection.execute(
                "SELECT entity, project, run_id, min(offset) AS offset, error, count(*) FROM poison "
                "GROUP BY 1, 2, 3 ORDER BY offset LIMIT ?",
                (POISONED_RUNS_SHOWN,),
            ).fetchall()
        path = self._files.serving()
        names = ("entity", "project", "run_id", "offset", "error", "batches")
        return {
            **dict(zip(("log_id", "offset", "fold_version", "rows"), row or (None, 0, None, 0), strict=True)),
            "runs": runs,
            "records": dict(zip(RECORD_COUNTS, records, strict=True)),
            "file": path.name if path else None,
            "bytes": path.stat().st_size if path and path.exists() else 0,
            "poisoned": {"batches": batches, "runs": [dict(zip(names, run, strict=True)) for run in poisoned]},
        }

    def projects(self) -> list[dict[str, Any]]:
        """The projects, the last updated first; deleted runs are left out. See ``table.read_projects``."""
        with self._snapshot() as connection:
            return read_projects(connection, self._mirror.source(()).text)

    def runs(self, choice: Choice = ALL_RUNS, offset: int = 0, limit: int = 50) -> tuple[int, list[RunView]]:
        """How many runs match, and ``limit`` of them from ``offset`` on."""
        total, texts = self.run_texts(choice, offset, limit)
        return total, [json.loads(text) for text in texts]

    def run_texts(self, choice: Choice, offset: int, limit: int) -> tuple[int, list[str]]:
        """Like ``runs``, each as the JSON text that is stored."""
        with self._snapshot() as connection:
            chosen = Chosen(connection, self._mirror, choice)
            numbers = chosen.numbers(offset, limit)
            return chosen.count(), [connection.execute(VIEW, number).fetchone()[0] for number in numbers]

    def table(
        self, fields: Sequence[filters.Field], choice: Choice = ALL_RUNS, offset: int = 0, limit: int = 50
    ) -> tuple[int, list[Row]]:
        """Like ``runs``, with some fields of each run in the place of its view: see ``table.read_rows``."""
        with self._snapshot() as connection:
            chosen = Chosen(connection, self._mirror, choice)
            return chosen.count(), read_rows(connection, chosen.numbers(offset, limit), fields)

    def numbers(self, choice: Choice = ALL_RUNS) -> list[tuple[int]]:
        """All runs that match, in order, as ``run_rows`` takes them; a run keeps its number also in new views."""
        with self._snapshot() as connection:
            return Chosen(connection, self._mirror, choice).numbers(0, -1)

    def run_rows(self, numbers: Sequence[tuple[int]], fields: Sequence[filters.Field]) -> list[Row]:
        """The rows of ``table``."""
        with self._snapshot() as connection:
            return read_rows(connection, numbers, fields)

    def field_types(self, numbers: Sequence[tuple[int]]) -> dict[filters.Field, set[str]]:
        """The config and summary keys of some runs, and the types of their values: "number", "boolean", "string", …"""
        with self._snapshot() as connection:
            return read_field_types(connection, numbers)

    def groups(
        self, by: Sequence[filters.Field], fields: Sequence[filters.Field], choice: Choice = ALL_RUNS
    ) -> list[Row]:
        """The runs that match, grouped by the values of some fields: see ``grouping.read_groups``."""
        with self._snapshot() as connection:
            return read_groups(Chosen(connection, self._mirror, choice, [*by, *fields]), by, fields)

    def values(self, field: filters.Field, choice: Choice = ALL_RUNS, limit: int = 100) -> list[Row]:
        """The values that a field has in the runs that match: see ``grouping.read_values``."""
        with self._snapshot() as connection:
            return read_values(Chosen(connection, self._mirror, choice, [field]), field, limit)

    def importance(
        self, target: filters.Field, parameters: Sequence[filters.Field], choice: Choice = ALL_RUNS
    ) -> dict[str, Any]:
        """What config keys have to do with a number of the runs that match: see ``importance``."""
        with self._snapshot() as connection:
            numbers = Chosen(connection, self._mirror, choice).numbers(0, IMPORTANCE_RUNS_MAX)
            return read_importance(connection, numbers, target, parameters)

    def fields(self, entity: str | None = None, project: str | None = None) -> list[Row]:
        """The config and summary keys that runs have: see ``table.read_fields``."""
        with self._snapshot() as connection:
            return read_fields(connection, Choice(entity, project).among())

    def keys(
        self, entity: str, project: str, run_ids: Sequence[str], stream: str = "default", match: str | None = None
    ) -> list[str]:
        """The keys that were logged in any row of some runs of a project, as shown, in order.

        All, or those in which a regular expression that ``filters.pattern_fault`` lets pass is found.
        """
        with self._snapshot() as connection:
            return read_keys(connection, entity, project, run_ids, stream, match)

    def run(self, entity: str, project: str, run_id: str) -> RunView | None:
        """A run's view, also of a deleted one; None when there is no such run."""
        with self._snapshot() as connection:
            found = connection.execute(
                "SELECT view FROM run WHERE entity = ? AND project = ? AND run_id = ?", (entity, project, run_id)
            ).fetchone()
        return json.loads(found[0]) if found else None

    def statistics(self, entity: str, project: str, run_id: str) -> dict[str, Any] | None:
        """``{"statistics", "positions"}``: ``RunFold.statistics()`` by path, and up to which record of each writer they go."""
        fold = self.fold(entity, project, run_id)
        if fold is None:
            return None
        positions = {writer: lane.position for writer, lane in fold.lanes.items()}
        return {"statistics": fold.statistics(), "positions": positions}

    def fold(self, entity: str, project: str, run_id: str) -> RunFold | None:
        """All that is kept of a run; None when there is no such run."""
        with self._snapshot() as connection:
            return find_fold(connection, (entity, project, run_id))

    def past(self, entity: str, project: str, run_id: str, step: int) -> dict[str, Any]:
        """``{"statistics", "last_row"}`` of the rows up to a step: what a fork of the run goes on from."""
        with self._snapshot() as connection:
            return read_past(connection, (entity, project, run_id), step)

    def history(
        self,
        entity: str,
        project: str,
        run_id: str,
        selection: Selection = EVERYTHING,
        after: str | None = None,
        limit: int = ROWS_LIMIT,
    ) -> tuple[list[Row], str | None]:
        """Up to ``limit`` merged rows after the cursor, and the cursor for the next ones (None: there are no more).

        A cursor stays valid while the run grows. Raises ValueError for a text that is no cursor.
        """
        tables, following, heads = self._rows((entity, project, run_id), selection, after, limit)
        return [row for table in tables for row in table.shown(heads)], following

    def row_tables(
        self,
        entity: str,
        project: str,
        run_id: str,
        selection: Selection = EVERYTHING,
        after: str | None = None,
        limit: int = ROWS_LIMIT,
    ) -> tuple[list[RowTable], str | None]:
        """The page of ``history``, column by column."""
        tables, following, heads = self._rows((entity, project, run_id), selection, after, limit)
        return [row_table(table, heads) for table in tables], following

    def row_samples(
        self, entity: str, project: str, run_id: str, selection: Selection = EVERYTHING, samples: int = 1_000
    ) -> list[RowTable]:
        """Of all rows that have every key, ``samples`` evenly spaced ones, the first and the last among them."""
        with self._snapshot() as connection:
            asked = ask_rows(connection, (entity, project, run_id), selection)
            if asked is None:
                return []
            read = tables_of(connection, asked.ancestry, asked.selection)
            tables = [asked.completed(table).with_all(selection.keys or ()) for table in read]
        return [row_table(table, asked.ancestry.heads) for table in thinned(tables, samples)]

    def _rows(
        self, run: RunName, selection: Selection, after: str | None, limit: int
    ) -> tuple[list[Table], str | None, Sequence[LaneHead]]:
        with self._snapshot() as connection:
            asked = ask_rows(connection, run, selection)
            if asked is None:
                return [], None, ()
            tables, following = page_of(connection, asked.ancestry, asked.selection, after, limit)
            return [asked.completed(table) for table in tables], following, asked.ancestry.heads

    def series(
        self, entity: str, project: str, run_id: str, keys: Sequence[str], masked: bool = False
    ) -> dict[str, dict[str, list[Any]]]:
        """``{key: {"steps": [...], "times": [...], "values": [...]}}`` in history order; absent keys have empty lists."""
        found = self.whole_series(entity, project, run_id, keys, masked=masked)
        none: dict[str, list[Any]] = {"steps": [], "times": [], "values": []}
        return {key: found[key].objects() if key in found else dict(none) for key in keys}

    def whole_series(
        self, entity: str, project: str, run_id: str, keys: Sequence[str], masked: bool = False
    ) -> dict[str, Series]:
        """The series as arrays; none for a run that there is not."""
        with self._snapshot() as connection:
            ancestry = find_ancestry(connection, (entity, project, run_id), frozenset(keys))
            return {} if ancestry is None else series_of(connection, ancestry, keys, masked=masked)

    def media_keys(self, entity: str, project: str, run_id: str) -> list[dict[str, Any]]:
        """The media of a run: see ``media.read_media_keys``."""
        with self._snapshot() as connection:
            return read_media_keys(connection, (entity, project, run_id))

    def media(
        self, run: RunName, key: str, min_step: int | None = None, max_step: int | None = None, samples: int = 1_000
    ) -> Sampled:
        """The values of a key at ``samples`` evenly spaced rows of those that have it; ``max_step`` is exclusive."""
        return sampled_values(self.row_samples(*run, selection_of(key, min_step, max_step), samples), key)

    def sweeps(self, entity: str | None = None, project: str | None = None) -> list[SweepName]:
        """The sweeps of an entity and a project, of all where these are None; the newest first."""
        with self._snapshot() as connection:
            return read_sweeps(connection, entity, project)

    def sweep(self, name: SweepName) -> Sweep | None:
        """The sweep as it is now; None when there is none. It goes on with the next question and is not to be changed."""
        with self._snapshot() as connection:
            return self._sweeps.read(connection, name)

    def fresh_sweep(self, name: SweepName) -> Sweep | None:
        """Like ``sweep``, for whoever goes on with it by himself."""
        self._sweeps.forget(name)
        try:
            return self.sweep(name)
        finally:
            self._sweeps.forget(name)

    def trial_runs(self, name: SweepName, trials: Sequence[int] | None = None) -> list[TrialRun]:
        """The runs of a sweep's trials, of all without ``trials``."""
        with self._snapshot() as connection:
            return read_trial_runs(connection, name, trials)

    def saved(self, entity: str, project: str, kind: str) -> list[dict[str, Any]]:
        """The saved views ("view") or reports ("report") of a project: see ``saved.read_saved``."""
        with self._snapshot() as connection:
            return read_saved(connection, entity, project, kind)

    def saved_content(self, entity: str, project: str, kind: str, name: str) -> dict[str, Any] | None:
        """One of them: see ``saved.read_content``."""
        with self._snapshot() as connection:
            return read_content(connection, entity, project, kind, name)

    def artifact_projects(self, entity: str | None = None) -> list[tuple[str, str]]:
        """Entity and project of those that have artifacts."""
        with self._snapshot() as connection:
            return read_artifact_projects(connection, entity)

    def catalogue(self, entity: str, project: str) -> Catalogue:
        """The artifacts of a project. It goes on with the next question and is not to be changed."""
        with self._snapshot() as connection:
            return self._catalogues.read(connection, entity, project)

    def artifact_users(self, place: Place) -> list[Use]:
        """The runs that used versions of a collection."""
        with self._snapshot() as connection:
            return read_users(connection, place)

    def artifacts_logged(self, run: tuple[str, str, str]) -> list[event_pb2.Event]:
        """What a run said that it logged, decided or not."""
        with self._snapshot() as connection:
            return read_logged(connection, run)

    def artifacts_used(self, run: tuple[str, str, str]) -> list[Use]:
        """The versions that a run used."""
        with self._snapshot() as connection:
            return read_used_by(connection, run)

    def alerts(self, place: AlertPlace, limit: int) -> list[Alert]:
        """The latest alerts; see ``alerts``."""
        with self._snapshot() as connection:
            return read_alerts(connection, place, limit)

    def new_alerts(self, after: int, limit: int) -> tuple[list[Alert], int]:
        """The alerts after an offset of the log, and the offset to go on from; see ``alerts``."""
        with self._snapshot() as connection:
            return read_new_alerts(connection, after, limit)

    def console(self, entity: str, project: str, run_id: str, query: LineQuery) -> dict[str, Any]:
        """``{"total", "start", "lines"}`` of what the run's processes wrote to their terminals; see ``console``."""
        with self._snapshot() as connection:
            found = find_lanes(connection, (entity, project, run_id))
            return {"total": 0, "start": 0, "lines": []} if found is None else read_lines(connection, *found, query)

    def new_lines(self, entity: str, project: str, run_id: str, after: int, limit: int = ROWS_LIMIT) -> NewLines:
        """The lines that came after an offset of the log, and the offset to go on from."""
        with self._snapshot() as connection:
            found = find_lanes(connection, (entity, project, run_id))
            return ([], after) if found is None else read_new_lines(connection, *found, after, limit)

    def live_runs(self, since: Since, series_max: int) -> LiveRuns:
        """What Prometheus may be shown: see ``gauges``."""
        with self._snapshot() as connection:
            return read_live_runs(connection, since, series_max)

    def curves(self, runs: Sequence[RunName], keys: Sequence[str], lens: Lens) -> list[tuple[RunName, str, Curve]]:
        """The curves of many runs' series, from one snapshot; none for what a run does not have."""
        with self._snapshot() as connection:
            return [
                (run, key, curve) for run in runs for key, curve in read_curves(connection, run, keys, lens).items()
            ]

    def tail(
        self,
        entity: str,
        project: str,
        run_id: str,
        after: int,
        selection: Selection = EVERYTHING,
        limit: int = 1_000,
    ) -> tuple[list[dict[str, Any]], int]:
        """The rows that came after an offset of the log, by writer, and the offset to go on from; see ``tail``.

        All attempts are shown.
        """
        selection = replace(selection, all_attempts=True)
        with self._snapshot() as connection:
            blocks = find_blocks(connection, (entity, project, run_id), selection.keys, selection.stream)
            return ([], after) if blocks is None else read_tail(connection, blocks, after, selection, limit)

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file that serves now, within one read transaction."""
        mark = self._files.swap_mark()
        if self._connection is None or mark != self._swap_mark:
            self.close()
            self._connection = self._files.open_serving() or _empty_views()
            self._mirror = Mirror(self._connection)
            self._swap_mark = mark
            self._sweeps = SweepFolds()
            self._catalogues = Catalogues()
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            self._connection.execute("COMMIT")


def _empty_views() -> sqlite3.Connection:
    """What is asked while there are no views yet."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(TABLES)
    return connection


def wait_for_log_end(data_dir: Path, timeout_s: float) -> bool:
    """Waits until the views include what the log held at the time of the call; False after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    wanted = log_end(data_dir)
    if wanted[1] == 0:
        return True
    files, ask_at = ViewFiles(data_dir), 0.0
    with Views.open(data_dir) as views:
        while True:
            log_id, offset = views.checkpoint()
            if log_id == wanted[0] and offset >= wanted[1]:
                return True
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= ask_at:
                files.await_news()
                ask_at = now + ASK_INTERVAL_S
            time.sleep(POLL_INTERVAL_S)
