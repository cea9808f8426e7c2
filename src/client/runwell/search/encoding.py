"""Parameters as points of the unit cube: numbers through the cumulative distribution of their parameter, so that equal
distances are equal probabilities; each of several choices as a coordinate of its own."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runwell.core.sweeps.space import Parameter, Path, Space, identity

Array = NDArray[np.float64]

NORMAL = NormalDist()
EDGE = 1e-6
"""Quantiles of distributions without bounds stay this far from 0 and 1."""

BETA_POINTS = 2_001


class Encoding:
    """One space's coordinates. Constants have none."""

    def __init__(self, space: Space) -> None:
        self._columns: list[tuple[Path, Parameter, int]] = []
        """Path, parameter, and how many coordinates it has."""
        self.width = 0
        self._constants = {path: known.values[0] for path, known in space.parameters.items() if _choices(known) == 1}
        for path, parameter in space.parameters.items():
            if path not in self._constants:
                self._columns.append((path, parameter, _choices(parameter) or 1))
                self.width += _choices(parameter) or 1

    def encode(self, values: Mapping[Path, Any]) -> Array | None:
        """The point of some parameters; None when one is missing or is none of its choices."""
        point: list[float] = []
        for path, parameter, _ in self._columns:
            if path not in values:
                return None
            coordinates = _encoded(parameter, values[path])
            if coordinates is None:
                return None
            point += coordinates
        return np.array(point)

    def decode(self, point: Sequence[float] | Array) -> dict[Path, Any]:
        """The parameters at a point, or nearest to it."""
        values = dict(self._constants)
        place = 0
        for path, parameter, width in self._columns:
            values[path] = _decoded(parameter, point[place : place + width])
            place += width
        return values

    def choose(self, points: Array) -> Array:
        """The points with one of each parameter's choices taken whole: that with the greatest coordinate."""
        chosen = points.copy()
        place = 0
        for _, parameter, width in self._columns:
            if _choices(parameter):
                part = chosen[:, place : place + width]
                chosen[:, place : place + width] = np.eye(width)[part.argmax(axis=1)]
            place += width
        return chosen


def _choices(parameter: Parameter) -> int:
    return len(parameter.values)


def _encoded(parameter: Parameter, value: Any) -> list[float] | None:
    if parameter.values:
        wanted = identity({"": value})
        found = [float(identity({"": choice}) == wanted) for choice in parameter.values]
        return found if any(found) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return [min(max(_quantile(parameter, float(value)), 0.0), 1.0)]


def _decoded(parameter: Parameter, coordinates: Sequence[float] | Array) -> Any:
    if parameter.values:
        return parameter.values[int(np.argmax(coordinates))]
    return _value(parameter, float(coordinates[0]))


def _quantile(parameter: Parameter, value: float) -> float:
    """The share of the distribution below a value."""
    match parameter.distribution.removeprefix("q_"):
        case "int_uniform":
            return (value - parameter.min + 0.5) / (parameter.max - parameter.min + 1)
        case "normal":
            return NORMAL.cdf((value - parameter.mu) / parameter.sigma)
        case "log_normal":
            return NORMAL.cdf((math.log(value) - parameter.mu) / parameter.sigma) if value > 0 else 0.0
        case "beta":
            return float(np.interp(value, *_beta(parameter)))
    low, high, at = _bounds(parameter, value)
    return (at - low) / (high - low) if high > low else 0.5


def _bounds(parameter: Parameter, value: float) -> tuple[float, float, float]:
    """Least and greatest value and the value itself, on the scale on which the distribution is even."""
    match parameter.distribution.removeprefix("q_"):
        case "log_uniform":
            return parameter.min, parameter.max, math.log(value) if value > 0 else parameter.min
        case "inv_log_uniform":
            return parameter.min, parameter.max, -math.log(value) if value > 0 else parameter.max
        case "log_uniform_values" | "inv_log_uniform_values":
            return math.log(parameter.min), math.log(parameter.max), math.log(value) if value > 0 else -math.inf
    return parameter.min, parameter.max, value


def _value(parameter: Parameter, share: float) -> Any:
    """The value with that share of the distribution below it."""
    inner = min(max(share, EDGE), 1.0 - EDGE)
    match parameter.distribution.removeprefix("q_"):
        case "int_uniform":
            least, count = int(parameter.min), int(parameter.max) - int(parameter.min) + 1
            return least + min(int(share * count), count - 1)
        case "normal":
            return parameter.quantized(parameter.mu + parameter.sigma * NORMAL.inv_cdf(inner))
        case "log_normal":
            return parameter.quantized(math.exp(parameter.mu + parameter.sigma * NORMAL.inv_cdf(inner)))
        case "beta":
            values, shares = _beta(parameter)
            return parameter.quantized(float(np.interp(share, shares, values)))
        case "log_uniform":
            return parameter.quantized(math.exp(parameter.min + share * (parameter.max - parameter.min)))
        case "inv_log_uniform":
            return parameter.quantized(math.exp(-parameter.min - share * (parameter.max - parameter.min)))
        case "log_uniform_values" | "inv_log_uniform_values":
            low, high = math.log(parameter.min), math.log(parameter.max)
            return parameter.quantized(min(max(math.exp(low + share * (high - low)), parameter.min), parameter.max))
    return parameter.quantized(parameter.min + share * (parameter.max - parameter.min))


def _beta(parameter: Parameter) -> tuple[Array, Array]:
    """Values of a beta distribution and the shares below them, by the trapezoid rule between the midpoints of steps."""
    values = np.linspace(0.0, 1.0, BETA_POINTS)
    middle = (values[1:] + values[:-1]) / 2
    density = np.exp((parameter.a - 1) * np.log(middle) + (parameter.b - 1) * np.log1p(-middle))
    shares = np.concatenate([[0.0], np.cumsum(density)])
    return values, shares / shares[-1]
