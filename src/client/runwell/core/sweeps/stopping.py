"""Which running trials are stopped early, from the values that each trial has logged of the metric, in their order.

Hyperband is the rule of Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization" (2018), as
wandb applies it: at each bracket a run must be among the best 1/eta of those that came so far. The median rule is that of
Golovin et al., "Google Vizier: A Service for Black-Box Optimization" (2017). An iteration is one logged value.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from runwell.core.sweeps.config import Hyperband, MedianRule, Metric

_BRACKETS_MAX = 100


def brackets(rule: Hyperband) -> list[int]:
    """The iterations at which runs are compared, ascending."""
    found: list[int] = []
    if rule.max_iter is not None and rule.s is not None:
        iteration = rule.max_iter / rule.eta
        while len(found) < rule.s and iteration >= 1:
            found.append(int(iteration))
            iteration /= rule.eta
        return found[::-1]
    assert rule.min_iter is not None
    last = rule.max_iter or math.inf
    iteration = float(rule.min_iter)
    while len(found) < _BRACKETS_MAX and iteration <= last:
        found.append(int(iteration))
        iteration *= rule.eta
    return found


def stopped(
    rule: Hyperband | MedianRule, metric: Metric, histories: Mapping[int, Sequence[float]], running: Sequence[int]
) -> list[int]:
    """The trials among ``running`` that ``rule`` stops. ``histories`` are the metric's values of all trials, by number."""
    sign = 1.0 if metric.goal == "minimize" else -1.0
    falling = {trial: [sign * value for value in values if math.isfinite(value)] for trial, values in histories.items()}
    if isinstance(rule, Hyperband):
        return [trial for trial in running if _bracket_loses(rule, falling, trial)]
    return [trial for trial in running if _median_loses(rule, falling, trial)]


def _bracket_loses(rule: Hyperband, histories: Mapping[int, Sequence[float]], trial: int) -> bool:
    history = histories.get(trial, ())
    reached = [iteration for iteration in brackets(rule) if iteration <= len(history)]
    if not reached:
        return False
    last = reached[-1]
    values = sorted(other[last - 1] for other in histories.values() if len(other) >= last)
    threshold = values[int(1.0 / rule.eta * len(values))]
    own = history[last - 1] if rule.strict else min(history)
    return own > threshold


def _median_loses(rule: MedianRule, histories: Mapping[int, Sequence[float]], trial: int) -> bool:
    history = histories.get(trial, ())
    iteration = len(history)
    if iteration < rule.min_iter:
        return False
    means = [
        sum(other[:iteration]) / iteration
        for number, other in histories.items()
        if number != trial and len(other) >= iteration
    ]
    return len(means) >= rule.min_trials and min(history) > median(means)
