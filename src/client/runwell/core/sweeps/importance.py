"""How much each parameter tells of the metric.

The measure is Spearman's rank correlation for parameters that are numbers, and the correlation ratio of ranks (eta, the
share of the ranks' spread that lies between the values' groups, as a root) for others. Both need no model and no
randomness, take any monotonic scale, and are between 0 and 1 but for the sign of the first.
"""

import math
from collections.abc import Sequence
from typing import Any

from runwell.core.sweeps.space import flat, identity
from runwell.core.sweeps.trials import Sweep

METHOD = "rank correlation (Spearman's rho of numbers, correlation ratio of other values)"
TRIALS_MIN = 3


def importance(sweep: Sweep) -> dict[str, Any]:
    """``{"method", "trials", "parameters": [{"parameter", "importance", "correlation"}]}``, the greatest first.

    "correlation" is signed, and None for parameters that are not numbers.
    """
    valued = [(trial, value) for trial, value in sweep.valued() if math.isfinite(value)]
    ranks = _ranks([value for _, value in valued])
    found: list[dict[str, Any]] = []
    for path, parameter in sweep.config.space.parameters.items():
        if parameter.distribution == "constant":
            continue
        values = [flat(trial.parameters, sweep.config.space).get(path) for trial, _ in valued]
        correlation, strength = _measure(values, ranks)
        found.append({"parameter": ".".join(path), "importance": strength, "correlation": correlation})
    found.sort(key=lambda measured: -measured["importance"])
    return {"method": METHOD, "trials": len(valued), "parameters": found}


def _measure(values: Sequence[Any], ranks: Sequence[float]) -> tuple[float | None, float]:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(values) < TRIALS_MIN:
        return None, 0.0
    if len(numbers) == len(values):
        rho = _correlation(_ranks(numbers), ranks)
        return rho, abs(rho)
    groups: dict[str, list[float]] = {}
    for value, rank in zip(values, ranks, strict=True):
        groups.setdefault(identity({"": value}), []).append(rank)
    mean = math.fsum(ranks) / len(ranks)
    spread = math.fsum((rank - mean) ** 2 for rank in ranks)
    between = math.fsum(len(group) * (math.fsum(group) / len(group) - mean) ** 2 for group in groups.values())
    return None, math.sqrt(between / spread) if spread else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 0; equal values share their mean rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or values[order[end]] != values[order[start]]:
            for place in order[start:end]:
                ranks[place] = (start + end - 1) / 2
            start = end
    return ranks


def _correlation(left: Sequence[float], right: Sequence[float]) -> float:
    mean = (len(left) - 1) / 2
    product = math.fsum((a - mean) * (b - mean) for a, b in zip(left, right, strict=True))
    spreads = [math.fsum((rank - mean) ** 2 for rank in ranks) for ranks in (left, right)]
    return product / math.sqrt(spreads[0] * spreads[1]) if all(spreads) else 0.0
