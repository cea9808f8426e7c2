"""What agents and people ask of a sweep's controller, over the server's HTTP API."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from runwell._api_errors import NotFoundError, RequestRefusedError
from runwell._api_http import HttpSource
from runwell.core.sweeps.stream import SweepName


class Given(NamedTuple):
    """One attempt of a trial, for the agent that asked."""

    trial: int
    attempt: int
    parameters: dict[str, Any]


class Later(NamedTuple):
    """Nothing to do now."""

    reason: str


class NoMore(NamedTuple):
    """Nothing more to do."""

    reason: str


class SweepCalls(Protocol):
    """A controller as agents see it. Every call may be repeated: it has the same effect and the same answer."""

    name: SweepName

    def ask(self, agent: str, request_id: str) -> Given | Later | NoMore:
        """What the agent does next."""
        ...

    def report(self, agent: str, given: Given, state: str, reason: str) -> str:
        """An attempt ended; returns the trial's state."""
        ...

    def beat(self, agent: Mapping[str, Any], running: Sequence[Given]) -> list[tuple[int, int]]:
        """The agent lives; returns the attempts that it should stop."""
        ...

    def document(self) -> dict[str, Any]:
        """The sweep's configuration."""
        ...


class ServerCalls:
    """A server's controller."""

    def __init__(self, source: HttpSource, name: SweepName) -> None:
        self.name = name
        self.source = source
        self._path = "sweeps/" + "/".join(quote(part, safe="") for part in name)

    def create(self, config_json: str, by: str, prior_runs: Sequence[str]) -> None:
        """Creates the sweep."""
        self.source.send("PUT", self._path, {"config_json": config_json, "by": by, "prior_runs": list(prior_runs)})

    def change(self, state: str, by: str) -> str:
        """Brings the sweep into a state."""
        return str(self.source.send("PATCH", self._path, {"state": state, "by": by})["state"])

    def ask(self, agent: str, request_id: str) -> Given | Later | NoMore:
        """What the agent does next."""
        said = self.source.send("POST", f"{self._path}/ask", {"agent": agent, "request_id": request_id})
        if "trial" in said:
            trial = said["trial"]
            return Given(trial["trial"], trial["attempt"], json.loads(trial["parameters_json"]))
        return Later(said["wait"]) if "wait" in said else NoMore(said["over"])

    def report(self, agent: str, given: Given, state: str, reason: str) -> str:
        """An attempt ended; returns the trial's state."""
        said = {"agent": agent, "trial": given.trial, "attempt": given.attempt, "state": state, "reason": reason}
        return str(self.source.send("POST", f"{self._path}/report", said)["state"])

    def beat(self, agent: Mapping[str, Any], running: Sequence[Given]) -> list[tuple[int, int]]:
        """The agent lives; returns the attempts that it should stop."""
        pairs = [{"trial": given.trial, "attempt": given.attempt} for given in running]
        said = self.source.send("POST", f"{self._path}/beat", {"agent": {**agent, "running": pairs}})
        return [(attempt["trial"], attempt["attempt"]) for attempt in said["stop"]]

    def view(self) -> dict[str, Any]:
        """The sweep as people see it."""
        view: dict[str, Any] = self.source.get(self._path)
        return view

    def trials(self) -> list[dict[str, Any]]:
        """The sweep's trials."""
        return list(self.source.get(f"{self._path}/trials")["trials"])

    def importance(self) -> dict[str, Any]:
        """How much each parameter tells of the metric."""
        found: dict[str, Any] = self.source.get(f"{self._path}/importance")
        return found

    def document(self) -> dict[str, Any]:
        """The sweep's configuration."""
        return dict(self.view()["config"])


def find_sweep(source: HttpSource, path: str, entity: str | None = None, project: str | None = None) -> SweepName:
    """The sweep of a server that ``"entity/project/id"``, ``"project/id"`` or ``"id"`` names.

    Raises NotFoundError, or RequestRefusedError when it is another project's or could be several.
    """

    def named(sweep_id: str) -> list[SweepName]:
        views = list_sweeps(source, sweep_id=sweep_id)
        return [SweepName(view["entity"], view["project"], view["sweep_id"]) for view in views]

    found = match_sweep(named, path, entity, project)
    if found is None:
        raise NotFoundError(f"there is no sweep {path}; `runwell sweep ls` shows which there are")
    return found


def match_sweep(
    named: Callable[[str], list[SweepName]], path: str, entity: str | None, project: str | None
) -> SweepName | None:
    """The one that a path means among all sweeps ``named`` by an id; None when there is none. Raises RequestRefusedError."""
    labels = [label for label in path.strip("/").split("/") if label != "sweeps"]
    if not all(labels) or not 1 <= len(labels) <= 3:
        raise RequestRefusedError(f"{path!r} is not ENTITY/PROJECT/SWEEP, PROJECT/SWEEP or SWEEP")
    said_entity, said_project = [None, None, *labels][-3:-1]
    entity, project = said_entity or entity, said_project or project
    sweep_id = labels[-1]
    found = named(sweep_id)
    if not found:
        return None
    matching = [name for name in found if entity in (None, name.entity) and project in (None, name.project)]
    if not matching:
        wanted = "/".join(filter(None, (entity, project)))
        raise RequestRefusedError(f"sweep {sweep_id} belongs to {found[0].entity}/{found[0].project}, not to {wanted}")
    if len(matching) > 1:
        raise RequestRefusedError(f"{path} could be any of {', '.join(map(str, matching))}")
    return matching[0]


def list_sweeps(
    source: HttpSource, entity: str | None = None, project: str | None = None, sweep_id: str | None = None
) -> list[dict[str, Any]]:
    """The sweeps of a server, the newest first."""
    asked = {"entity": entity, "project": project, "sweep_id": sweep_id}
    return list(source.get("sweeps", asked)["sweeps"])
