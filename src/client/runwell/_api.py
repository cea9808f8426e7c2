"""``runwell.Api``: reading runs back, from a server or from spools."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runwell._api_artifacts import ArtifactReads
from runwell._api_errors import NotFoundError, RequestRefusedError
from runwell._api_http import TIMEOUT_S, HttpSource
from runwell._api_runs import PER_PAGE_MAX, Run, Runs
from runwell._api_source import RunName, Source
from runwell.core.filters import Comparison, Expression, Field, FilterError, from_mongo, parse, parse_order

if TYPE_CHECKING:
    from runwell._api_sweeps import Sweep


class Api(ArtifactReads):
    """Reads projects, runs and histories.

    ``base_url`` is a server's address; without it ``RUNWELL_BASE_URL`` counts, else the server that ``runwell up``
    started under the root directory. ``spool`` reads the spools in a directory instead, without any server.
    ``timeout`` is in seconds, for each answer. What goes wrong is raised as ``runwell.Error``.
    """

    def __init__(
        self, base_url: str | None = None, spool: str | os.PathLike[str] | None = None, timeout: float = TIMEOUT_S
    ) -> None:
        if spool is None:
            self._source: Source = HttpSource(base_url, timeout)
        else:
            from runwell._api_spool import SpoolSource

            self._source = SpoolSource(Path(spool))

    def projects(self) -> list[dict[str, Any]]:
        """All projects, each with its entity and the number of its runs."""
        return self._source.projects()

    def runs(
        self,
        path: str | None = None,
        filters: str | Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
    ) -> Runs:
        """The runs of ``"entity/project"``, of a ``"project"``, or all.

        ``filters`` is text in our language (docs/filters.md) or a dict in the subset of MongoDB's that wandb takes.
        ``order`` is fields by comma, newest first unless said otherwise. Raises RequestRefusedError for either when it
        cannot be understood.
        """
        entity, project = split_project(path)
        try:
            where = expression(filters)
            orders = parse_order(order)
        except FilterError as error:
            raise RequestRefusedError(str(error)) from None
        return Runs(self._source, entity, project, where, orders, max(1, min(per_page, PER_PAGE_MAX)))

    def sweep(self, path: str) -> "Sweep":
        """The sweep ``"entity/project/id"``, or ``"project/id"`` or ``"id"`` when that is clear."""
        from runwell._api_sweeps import read_sweep

        return read_sweep(self._source, path)

    def sweeps(self, path: str | None = None) -> list["Sweep"]:
        """The sweeps of ``"entity/project"``, of a ``"project"``, or all; the newest first."""
        from runwell._api_sweeps import read_sweeps

        return read_sweeps(self._source, *split_project(path))

    def run(self, path: str) -> Run:
        """The run ``"entity/project/id"``, or ``"project/id"`` or ``"id"`` when only one run has that name."""
        entity, project, run_id = split_run(path)
        if entity is not None and project is not None:
            view = self._source.run(RunName(entity, project, run_id))
            if view is None:
                raise NotFoundError(f"there is no run {path}")
            return Run(self._source, view)
        where = Comparison(Field("run_id"), "==", run_id)
        found = Runs(self._source, None, project, where, (), per_page=10)[:10]
        if not found:
            raise NotFoundError(f"there is no run {path}; `runwell ls` shows which there are")
        if len(found) > 1:
            names = ", ".join("/".join(run.path) for run in found)
            raise RequestRefusedError(f"{path} could be any of {names}")
        return found[0]


def expression(filters: str | Mapping[str, Any] | None) -> Expression | None:
    """A filter in either language. Raises FilterError."""
    if filters is None:
        return None
    return parse(filters) if isinstance(filters, str) else from_mongo(filters)


def split_project(path: str | None) -> tuple[str | None, str | None]:
    """Entity and project of ``"entity/project"``, ``"project"`` or nothing. Raises RequestRefusedError."""
    labels = (path or "").strip("/").split("/")
    if len(labels) > 2:
        raise RequestRefusedError(f"{path!r} is not ENTITY/PROJECT or PROJECT")
    return (labels[0] or None if len(labels) == 2 else None), labels[-1] or None


def split_run(path: str) -> tuple[str | None, str | None, str]:
    """Entity, project and run id, as far as the path has them; also of wandb's ``entity/project/runs/id``."""
    labels = path.strip("/").split("/")
    if len(labels) == 4 and labels[2] == "runs":
        del labels[2]
    if not all(labels) or len(labels) > 3:
        raise RequestRefusedError(f"{path!r} is not ENTITY/PROJECT/ID, PROJECT/ID or ID")
    entity, project = [None, None, *labels][-3:-1]
    return entity, project, labels[-1]
