"""The next trial of a Bayesian search: where a Gaussian process of the past ones expects the greatest improvement.

Jones, Schonlau and Welch, "Efficient global optimization of expensive black-box functions" (1998). Trials that still run
count with the value that the process expects of them (the "kriging believer" of Ginsbourger, Le Riche and Carraro 2010), so
that agents that ask at once get different points. The first points fill the space evenly.
"""

import math
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runwell.core.sweeps.space import flat, identity, nested
from runwell.core.sweeps.trials import Sweep
from runwell.search.encoding import Encoding
from runwell.search.gaussian import Process, fit

Array = NDArray[np.float64]

POINTS_MAX = 120
"""Past trials that the process is fitted to, since its cost grows with their cube: the best half, and the latest others."""

RUNNING_MAX = 60
"""Running trials that it takes account of, the latest."""

CANDIDATES = 600
NEAR = 5
"""The best points, near which further candidates lie."""

REFINEMENTS = 6
REFINED = 120
DUPLICATES_MAX = 40


def suggest(sweep: Sweep, random: Random) -> dict[str, Any]:
    """Parameters of the next trial; equal sweeps and chance give equal ones. ``random`` is that of the trial."""
    encoding = Encoding(sweep.config.space)
    chance = np.random.default_rng(random.getrandbits(64))
    known, values, running = _observed(sweep, encoding)
    if encoding.width == 0:
        return nested(encoding.decode([]))
    if len(values) < _first_points(encoding.width):
        return nested(encoding.decode(_even_point(len(sweep.trials), encoding.width, sweep.sweep_id)))
    process, best = _fitted(known, _warped(values), running, chance)
    taken = {identity(trial.parameters) for trial in sweep.trials.values()}
    return _first_new(_ranked(process, best, encoding, known, values, chance), encoding, taken)


def _first_points(width: int) -> int:
    return min(4 + width // 2, 12)


def _even_point(index: int, width: int, seed: str) -> Array:
    """Point number ``index`` of an additive sequence that fills the cube evenly, from a beginning that ``seed`` chooses.

    The sequence is that of Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018).
    """
    ratio = 2.0
    for _ in range(40):
        ratio = (1 + ratio) ** (1 / (width + 1))
    begin = np.array([Random(f"{seed}/{place}").random() for place in range(width)])
    return np.asarray((begin + (index + 1) * ratio ** -np.arange(1.0, width + 1)) % 1.0)


def _observed(sweep: Sweep, encoding: Encoding) -> tuple[Array, Array, Array]:
    """Points and values of trials that are over and of outside points, and the points of those that run.

    Values are such that less is better. What failed, or came to no finite number, counts by the metric's ``impute``.
    """
    metric = sweep.config.metric
    assert metric is not None, "BUG: a Bayesian search without a metric"
    sign = 1.0 if metric.goal == "minimize" else -1.0
    points: list[Array] = []
    found: list[float] = []
    running: list[Array] = []
    for trial in sweep.trials.values():
        point = encoding.encode(flat(trial.parameters, sweep.config.space))
        if point is None:
            continue
        if trial.state in ("running", "lost", "preempted") and metric.impute_while_running != "worst":
            running.append(point)
            continue
        value = trial.value
        counts = trial.state in ("finished", "stopped") or metric.impute in ("best", "latest")
        points.append(point)
        found.append(sign * value if value is not None and counts else math.nan)
    for outside in sweep.outside.values():
        point = encoding.encode(flat(outside.parameters, sweep.config.space))
        if point is not None and math.isfinite(outside.value):
            points.append(point)
            found.append(sign * outside.value)
    values = np.array(found)
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return np.empty((0, encoding.width)), np.empty(0), np.empty((0, encoding.width))
    values[~np.isfinite(values)] = finite.max()
    return np.array(points), values, np.array(running[-RUNNING_MAX:]).reshape(-1, encoding.width)


def _warped(values: Array) -> Array:
    """The values with mean 0 and deviation 1, on a scale on which a few terrible ones do not hide the differences of good ones.

    Beyond the median a value counts by its logarithm.
    """
    best, median = values.min(), np.median(values)
    scale = median - best if median > best else values.std()
    if scale <= 0 or not math.isfinite(scale):
        return np.zeros_like(values)
    warped = np.log1p((values - best) / scale)
    return np.asarray((warped - warped.mean()) / (warped.std() or 1.0))


def _fitted(known: Array, values: Array, running: Array, chance: np.random.Generator) -> tuple[Process, float]:
    """The process, and the value to improve on."""
    if len(values) > POINTS_MAX:
        best = np.argsort(values, kind="stable")[: POINTS_MAX // 2]
        others = np.setdiff1d(np.arange(len(values)), best)[-(POINTS_MAX - POINTS_MAX // 2) :]
        kept = np.concatenate([best, others])
        known, values = known[kept], values[kept]
    process = fit(known, values)
    expected_best = float(process.predict(known)[0].min())
    if len(running):
        believed = process.predict(running)[0]
        parameters = np.concatenate([np.log(process.lengths), np.log([process.amplitude, process.noise])])
        process = Process.of(np.concatenate([known, running]), np.concatenate([values, believed]), parameters)
    return process, min(expected_best, float(values.min()))


def _ranked(
    process: Process, best: float, encoding: Encoding, known: Array, values: Array, chance: np.random.Generator
) -> Array:
    """Candidates, that of the greatest expected improvement first."""
    width = encoding.width
    near = known[np.argsort(values, kind="stable")[:NEAR]]
    around = [
        near[chance.integers(len(near), size=CANDIDATES // 3)]
        + chance.normal(scale=scale, size=(CANDIDATES // 3, width)) * (chance.random((CANDIDATES // 3, width)) < 0.7)
        for scale in (0.2, 0.05, 0.01)
    ]
    candidates = encoding.choose(np.clip(np.concatenate([chance.random((CANDIDATES, width)), *around]), 0.0, 1.0))
    scores = expected_improvement(process, candidates, best)
    scale = 0.1
    for _ in range(REFINEMENTS):
        top = candidates[np.argsort(-scores, kind="stable")[:4]]
        moved = np.repeat(top, REFINED // 4, axis=0) + chance.normal(scale=scale, size=(REFINED // 4 * len(top), width))
        moved = encoding.choose(np.clip(moved, 0.0, 1.0))
        candidates = np.concatenate([candidates, moved])
        scores = np.concatenate([scores, expected_improvement(process, moved, best)])
        scale /= 2
    return np.asarray(candidates[np.argsort(-scores, kind="stable")])


def expected_improvement(process: Process, points: Array, best: float) -> Array:
    """The logarithm of how much less than ``best`` the function is expected to be at some points."""
    mean, deviation = process.predict(points)
    z = (best - mean) / deviation
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    below = 0.5 * np.array([math.erfc(-value / math.sqrt(2)) for value in z])
    plain = np.maximum(z * below + density, 0.0)
    # Far from the best the difference of the two is lost in rounding, and its expansion is not.
    far = z < -6
    tail = np.where(far, -0.5 * z**2 - 0.5 * math.log(2 * math.pi) - 2 * np.log(np.maximum(-z, 1.0)), 0.0)
    logarithm = np.where(far, tail, np.log(np.maximum(plain, 1e-300)))
    return np.asarray(logarithm + np.log(deviation))


def _first_new(ranked: Array, encoding: Encoding, taken: set[str]) -> dict[str, Any]:
    """The first that was not tried: rounded parameters meet tried ones easily."""
    first = nested(encoding.decode(ranked[0]))
    for point in ranked[:DUPLICATES_MAX]:
        parameters = nested(encoding.decode(point))
        if identity(parameters) not in taken:
            return parameters
    return first
