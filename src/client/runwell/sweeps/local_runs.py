"""The runs of an offline sweep's trials, read from the spools of this machine."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runwell._api_source import RunName
from runwell._api_spool import SpoolSource
from runwell.core.sweeps.controller import RefusedError
from runwell.core.sweeps.outcomes import TrialRun
from runwell.core.sweeps.stream import SweepName


class LocalRuns:
    """Asked from one thread at a time."""

    def __init__(self, root: Path, name: SweepName) -> None:
        self._root = root
        self._name = name
        spools = root / "spool"
        spools.mkdir(exist_ok=True)
        self._source = SpoolSource(spools)

    def view(self, run_id: str) -> dict[str, Any]:
        """A run of the project. Raises RefusedError when it is not on this machine."""
        view = self._source.run(self._run_name(run_id))
        if view is None:
            raise RefusedError(f"there is no run {self._run_name(run_id)} in {self._root} to take in")
        return view

    def of_trial(self, trial: int) -> list[TrialRun]:
        """The trial's runs, in the order of their ``init()``."""
        return [
            TrialRun(
                trial, view["run_id"], view["state"], view["attempts"], view["last_step"], _leaves(view["summary"])
            )
            for view in self._views(trial)
        ]

    def history(self, trial: int, metric: str) -> list[float]:
        """The values of a metric that the trial's runs have logged, in their order."""
        found: list[float] = []
        for view in self._views(trial):
            _, values = self._source.series(self._run_name(view["run_id"]), metric, "_step", masked=False)
            found += [float(value) for value in values if isinstance(value, int | float)]
        return found

    def _views(self, trial: int) -> Iterator[dict[str, Any]]:
        run_id, number = f"{self._name.sweep_id}-{trial}", 1
        while (view := self._source.run(self._run_name(run_id))) is not None:
            yield view
            number += 1
            run_id = f"{self._name.sweep_id}-{trial}-{number}"

    def _run_name(self, run_id: str) -> RunName:
        return RunName(self._name.entity, self._name.project, run_id)


def _leaves(summary: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by their names with dots."""
    found: dict[str, Any] = {}
    for label, value in summary.items():
        found |= _leaves(value, f"{prefix}{label}.") if isinstance(value, dict) else {prefix + label: value}
    return found
