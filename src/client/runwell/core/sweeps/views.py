"""Sweeps and trials as people see them: plain JSON values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Sweep, Trial


def sweep_view(name: SweepName, sweep: Sweep) -> dict[str, Any]:
    """The sweep without its trials."""
    config = sweep.config
    counts = Counter(trial.state for trial in sweep.trials.values())
    best = sweep.best if config.metric else None
    return {
        **name._asdict(),
        "name": config.name or name.sweep_id,
        "state": sweep.state,
        "method": config.method,
        "metric": None if config.metric is None else {"name": config.metric.name, "goal": config.metric.goal},
        "config": dict(config.document),
        "created_at": sweep.created_at,
        "expected": _expected(sweep),
        "trials": {"total": len(sweep.trials), **counts},
        "best": None if best is None else trial_view(best),
    }


def _expected(sweep: Sweep) -> int | None:
    """How many trials it will have at most; None when it goes on for ever."""
    bounds = [sweep.config.run_cap] if sweep.config.run_cap is not None else []
    if sweep.config.method == "grid":
        bounds.append(sweep.config.space.grid_size)
    return min(bounds, default=None)


def trial_view(trial: Trial, runs: Sequence[str] = ()) -> dict[str, Any]:
    """One trial, with the ids of its runs."""
    return {
        "trial": trial.number,
        "attempt": trial.attempt,
        "parameters": trial.parameters,
        "state": trial.state,
        "value": trial.value,
        "agent": trial.agent,
        "reason": trial.reason,
        "started_at": trial.started_at,
        "ended_at": trial.ended_at,
        "runs": list(runs),
    }


def trial_views(sweep: Sweep, runs: Mapping[int, Sequence[str]]) -> list[dict[str, Any]]:
    """All trials, by number."""
    return [trial_view(trial, runs.get(trial.number, ())) for trial in sweep.trials.values()]
