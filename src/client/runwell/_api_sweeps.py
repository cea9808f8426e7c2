"""Sweeps read back through ``runwell.Api``."""

from typing import TYPE_CHECKING, Any

from runwell._api_errors import RequestRefusedError
from runwell._api_http import HttpSource
from runwell._api_runs import Runs
from runwell._api_source import Source
from runwell.core.filters import And, Comparison, Field, parse_order
from runwell.core.sweeps.stream import SweepName

if TYPE_CHECKING:
    from runwell._api_runs import Run


class Sweep:
    """A sweep as it was when it was asked for; ``load`` asks again."""

    def __init__(self, source: HttpSource, name: SweepName) -> None:
        from runwell.sweeps.calls import ServerCalls

        self._source = source
        self._name = name
        self._calls = ServerCalls(source, name)
        self.view = self._calls.view()
        """Everything that is known of the sweep, as the HTTP API answers it."""

    def load(self) -> "Sweep":
        """Asks the server again."""
        self.view = self._calls.view()
        return self

    @property
    def id(self) -> str:
        """The sweep's id."""
        return self._name.sweep_id

    @property
    def entity(self) -> str:
        return self._name.entity

    @property
    def project(self) -> str:
        return self._name.project

    @property
    def name(self) -> str:
        """What the configuration calls it, or its id."""
        return str(self.view["name"])

    @property
    def state(self) -> str:
        """ "running", "paused", "finished", "stopped", "cancelled" or "deleted"."""
        return str(self.view["state"])

    @property
    def config(self) -> dict[str, Any]:
        """The configuration."""
        return dict(self.view["config"])

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self._source.base_url}/{self.entity}/{self.project}/sweeps/{self.id}"

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Its trials, with parameters, state, value, times and runs."""
        return self._calls.trials()

    @property
    def runs(self) -> Runs:
        """The runs of its trials, by trial."""
        return self._runs(None)

    def best_run(self) -> "Run | None":
        """A run of the trial with the best value; None before there is one."""
        best = self.view["best"]
        return None if best is None else next(iter(self._runs(best["trial"])), None)

    def _runs(self, trial: int | None) -> Runs:
        where: Any = Comparison(Field("sweep"), "==", self.id)
        if trial is not None:
            where = And((where, Comparison(Field("trial"), "==", trial)))
        return Runs(self._source, self.entity, self.project, where, parse_order("trial"), per_page=50)

    def __repr__(self) -> str:
        return f"<runwell.Sweep {self._name} {self.state}>"


def read_sweep(source: Source, path: str) -> Sweep:
    """The sweep of a path. Raises NotFoundError, and RequestRefusedError where there is no server."""
    from runwell.sweeps.calls import find_sweep

    return Sweep(_server(source), find_sweep(_server(source), path))


def read_sweeps(source: Source, entity: str | None, project: str | None) -> list[Sweep]:
    """The sweeps of a project, the newest first."""
    from runwell.sweeps.calls import list_sweeps

    server = _server(source)
    found = list_sweeps(server, entity, project)
    return [Sweep(server, SweepName(view["entity"], view["project"], view["sweep_id"])) for view in found]


def _server(source: Source) -> HttpSource:
    if not isinstance(source, HttpSource):
        raise RequestRefusedError("sweeps are read from a server: spools hold the runs alone")
    return source
