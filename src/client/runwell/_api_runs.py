"""Runs as ``runwell.Api`` gives them: snapshots with attributes, and a sequence that is loaded as it is read."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from runwell._api_columns import ColumnPage, joined
from runwell._api_edits import EditedRun
from runwell._api_errors import NotFoundError
from runwell._api_source import RunName, Source, thinned
from runwell.core.filters import Expression, Order
from runwell.core.history import Selection, select
from runwell.core.metrics import Metric, rules_of_view

if TYPE_CHECKING:
    from runwell.artifacts.artifact import Artifact

PAGE_ROWS = 50_000
"""Rows asked for at once when the whole history is wanted."""

PAGE_ROWS_OF_COLUMNS = 100_000
"""Of rows with many keys a server sends fewer at once."""

PER_PAGE_MAX = 1_000
"""Runs of a page."""

SAMPLES_MAX = 10_000
"""As many rows a server picks out; of more all are read and thinned here."""


class Run(EditedRun):
    """A run as it was when it was read; ``load()`` reads it again.

    ``name``, ``notes``, ``tags``, ``group``, ``config`` and ``summary`` can be changed, and ``update()`` sends what was.
    """

    @property
    def entity(self) -> str:
        """Who the run belongs to."""
        return str(self._view["entity"])

    @property
    def project(self) -> str:
        """The project."""
        return str(self._view["project"])

    @property
    def id(self) -> str:
        """The run id, unique in its project."""
        return str(self._view["run_id"])

    @property
    def path(self) -> list[str]:
        """Entity, project and run id."""
        return list(self._run_name)

    @property
    def state(self) -> str:
        """ "running", "finished", "failed" or "crashed"."""
        return str(self._view["state"])

    @property
    def job_type(self) -> str | None:
        """The job type."""
        return self._view["job_type"] or None

    @property
    def created_at(self) -> float:
        """When the run began, in unix seconds."""
        return float(self._view["created_at"])

    @property
    def duration_s(self) -> float:
        """How long the run took, up to now when it is running."""
        return float(self._view["duration_s"])

    @property
    def last_step(self) -> int | None:
        """The greatest step of a row."""
        step: int | None = self._view["last_step"]
        return step

    @property
    def view(self) -> dict[str, Any]:
        """Everything that is known of the run, as the HTTP API answers it."""
        return self._view

    def logged_artifacts(self, per_page: int = 100) -> "list[Artifact]":
        """The versions that the run has logged, by when it did."""
        from runwell._api_artifacts import artifacts_of_run

        return artifacts_of_run(self._source, self._run_name, "logged")

    def used_artifacts(self, per_page: int = 100) -> "list[Artifact]":
        """The versions that the run has used."""
        from runwell._api_artifacts import artifacts_of_run

        return artifacts_of_run(self._source, self._run_name, "used")

    def load(self) -> "Run":
        """Reads the run again; raises NotFoundError when it is gone."""
        view = self._source.run(self._run_name)
        if view is None:
            raise NotFoundError(f"there is no run {self._run_name} any more")
        self._read(view)
        return self

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1_000,
        min_step: int | None = None,
        max_step: int | None = None,
        *,
        masked: bool = False,
        all: bool = False,  # noqa: A002
        stream: Literal["default", "system"] = "default",
    ) -> Iterator[dict[str, Any]]:
        """Every row, page by page.

        With ``keys`` only rows that have all of them. ``max_step`` is exclusive. ``masked`` adds rows that the rule
        for steps refused, ``all`` those of earlier attempts that a later one logged again. ``stream`` "system" gives
        samples of machines and processes, whose steps are their times in milliseconds.
        """
        if page_size < 1:
            raise ValueError(f"page_size is {page_size}, and must be at least 1")
        return self._scan(select(keys, min_step, max_step, masked, all, stream), min(page_size, PAGE_ROWS))

    def _scan(self, selection: Selection, page_size: int, *, every: bool = True) -> Iterator[dict[str, Any]]:
        """Rows with every key that is asked for, or with some."""
        after, more = None, True
        wanted = (selection.keys if every else None) or frozenset()
        while more:
            rows, after = self._source.rows(self._run_name, selection, after, page_size)
            # A row has one of the keys at least.
            yield from rows if len(wanted) < 2 else filter(wanted.issubset, rows)
            more = after is not None

    def history(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = False,
        stream: Literal["default", "system"] = "default",
        *,
        masked: bool = False,
        all: bool = False,  # noqa: A002
    ) -> Any:
        """The rows as a list of dicts, or as a pandas DataFrame when asked for.

        Exact unless ``samples`` says how many rows to keep, evenly spaced with the first and the last among them.
        ``x_axis`` is added to ``keys``. ``stream`` is as in ``scan_history``.
        """
        if samples is not None and samples < 1:
            raise ValueError(f"samples is {samples}, and must be at least 1")
        if keys is not None and x_axis not in keys and not x_axis.startswith("_"):
            keys = [*keys, x_axis]
        if samples is not None and samples <= SAMPLES_MAX:
            rows = self._source.samples(
                self._run_name, select(keys, masked=masked, all_attempts=all, stream=stream), samples
            )
        else:
            rows = thinned(list(self.scan_history(keys, PAGE_ROWS, masked=masked, all=all, stream=stream)), samples)
        if not pandas:
            return rows
        import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]

        return pd.DataFrame.from_records(rows)

    def columns(
        self,
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        *,
        masked: bool = False,
        all: bool = False,  # noqa: A002
        stream: Literal["default", "system"] = "default",
    ) -> dict[str, list[Any]]:
        """All rows of ``scan_history``, column by column: of each key a value a row, None where a row has none.

        Half the time and memory of the rows; ``pandas.DataFrame(run.columns())`` makes a table of it.
        """
        selection = select(keys, min_step, max_step, masked, all, stream)
        return joined(page.having(selection.keys or ()) for page in self._column_pages(selection))

    def _column_pages(self, selection: Selection) -> Iterator[ColumnPage]:
        after, more = None, True
        while more:
            pages, after = self._source.columns(self._run_name, selection, after, PAGE_ROWS_OF_COLUMNS)
            yield from pages
            more = after is not None

    def best(self, key: str, goal: str | None = None) -> dict[str, Any] | None:
        """The row where a metric was best: the least value, or with ``goal="maximize"`` the greatest; None without one.

        Of equal ones the first; NaN is never best. ``goal`` is that of the metric's definition unless it is given.
        """
        metric = self.metric(key)
        maximise = (goal or (metric.goal if metric else None)) == "maximize"
        best: dict[str, Any] | None = None
        for row in self.scan_history([key]):
            value = row[key]
            if not isinstance(value, int | float) or value != value:
                continue
            if best is None or (value > best[key] if maximise else value < best[key]):
                best = row
        if best is None:
            return None
        whole = (row for row in self.scan_history(min_step=best["_step"], max_step=best["_step"] + 1))
        return next((row for row in whole if row.get("_timestamp") == best["_timestamp"] and key in row), best)

    def metric(self, key: str) -> Metric | None:
        """The definition that counts for a metric; None when there is none."""
        return rules_of_view(self._view["metrics"]).of(key)

    def series(self, key: str, x_axis: str | None = None, *, masked: bool = False) -> dict[str, list[Any]]:
        """One metric over another: ``{"x": […], "values": […]}``, in the order of the history.

        ``x_axis`` is the metric's step metric unless it is given: another metric, "_step", "_timestamp" or "_runtime".
        Where a row does not have it, its latest value before counts; rows before it was first logged are left out.
        """
        metric = self.metric(key)
        axis = x_axis or (metric.step_metric if metric else None) or "_step"
        if axis in ("_step", "_timestamp"):
            x, values = self._source.series(self._run_name, key, axis, masked=masked)
            return {"x": x, "values": values}
        keys = [key] if axis in ("_step", "_timestamp", "_runtime") else [key, axis]
        found: dict[str, list[Any]] = {"x": [], "values": []}
        latest: Any = None
        for row in self._scan(select(keys, masked=masked), PAGE_ROWS, every=False):
            latest = row.get(axis, latest)
            if key in row and latest is not None:
                found["x"].append(latest)
                found["values"].append(row[key])
        return found

    def __repr__(self) -> str:
        return f"<Run {self._run_name} ({self.state})>"


class Runs(Sequence[Run]):
    """The runs that match, read page by page as they are needed, each page twice as long as the one before.

    Their number is that of the first page. A run that a page repeats, since newer ones moved it on, is left out.
    """

    def __init__(
        self,
        source: Source,
        entity: str | None,
        project: str | None,
        where: Expression | None,
        order: Sequence[Order],
        per_page: int,
    ) -> None:
        self._question = (source, entity, project, where, order)
        self._per_page = per_page
        self._runs: list[Run] = []
        self._names: set[RunName] = set()
        self._offset = 0
        self._total: int | None = None

    def _load_page(self) -> bool:
        """Reads one more page; False when there is none."""
        source, entity, project, where, order = self._question
        total, views = source.runs(entity, project, where, order, self._offset, self._per_page)
        self._per_page = min(2 * self._per_page, PER_PAGE_MAX)
        if self._total is None:
            self._total = total
        self._offset += len(views)
        for view in views:
            name = RunName(view["entity"], view["project"], view["run_id"])
            if name not in self._names:
                self._names.add(name)
                self._runs.append(Run(source, view))
        return bool(views)

    def _loaded(self, count: int | None) -> list[Run]:
        """The runs, at least ``count`` of them where there are so many."""
        while count is None or len(self._runs) < count:
            if (self._total is not None and len(self._runs) >= self._total) or not self._load_page():
                break
        return self._runs

    def __len__(self) -> int:
        if self._total is None:
            self._load_page()
        assert self._total is not None
        return self._total

    def __iter__(self) -> Iterator[Run]:
        for place in itertools.count():
            if place >= len(self._loaded(place + 1)):
                return
            yield self._runs[place]

    @overload
    def __getitem__(self, place: int) -> Run: ...
    @overload
    def __getitem__(self, place: slice) -> list[Run]: ...
    def __getitem__(self, place: int | slice) -> Run | list[Run]:
        if isinstance(place, int):
            return self._loaded(place + 1 if place >= 0 else None)[place]
        stops = (place.start, place.stop)
        bounded = place.stop is not None and all(stop is None or stop >= 0 for stop in stops) and (place.step or 1) > 0
        return self._loaded(place.stop if bounded else None)[place]

    def __repr__(self) -> str:
        return f"<Runs {len(self)}>"
