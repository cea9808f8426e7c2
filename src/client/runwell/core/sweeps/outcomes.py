"""What the runs of a trial came to, and what a run outside the sweep counts for."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runwell.core.sweeps.config import Metric, SweepConfig
from runwell.core.sweeps.controller import Outcome, RefusedError
from runwell.core.sweeps.space import flat, nested

ENDED_RUNS = ("finished", "failed", "crashed", "preempted")


class TrialRun(NamedTuple):
    """A run of a trial."""

    trial: int
    run_id: str
    state: str
    attempts: int
    last_step: int | None
    summary: Mapping[str, Any]
    """Leaves, by their names with dots."""


def outcome_of(runs: Sequence[TrialRun], metric: Metric | None) -> Outcome:
    """What the runs of one trial came to."""
    values = [value for run in runs if (value := _metric_value(run.summary, metric)) is not None]
    return Outcome(
        value=sum(values) / len(values) if values else None,
        preempted=any(run.state == "preempted" for run in runs),
        complete=bool(runs) and all(run.state in ENDED_RUNS for run in runs),
    )


def _metric_value(summary: Mapping[str, Any], metric: Metric | None) -> float | None:
    """The value under the metric's name; of a metric that define_metric summarises, its best."""
    if metric is None:
        return None
    best = "min" if metric.goal == "minimize" else "max"
    for name in (metric.name, f"{metric.name}.best", f"{metric.name}.{best}", f"{metric.name}.last"):
        value = summary.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def point_of(run_id: str, view: Mapping[str, Any], config: SweepConfig) -> tuple[dict[str, Any], float]:
    """Parameters and value of a run outside the sweep; NaN when it has no value. Raises RefusedError."""
    values = flat(view["config"], config.space)
    missing = [".".join(path) for path in config.space.parameters if path not in values]
    if missing:
        raise RefusedError(f"run {run_id} has no {missing[0]!r} in its config, which is a parameter of the sweep")
    value = view["summary"].get(config.metric.name) if config.metric else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return nested(values), float(value)
    return nested(values), float("nan")
