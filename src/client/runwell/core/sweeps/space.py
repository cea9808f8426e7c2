"""The space that a sweep searches: parameters with their distributions, nested as they arrive in the config.

Distributions and their options are those of wandb's sweep configuration. Bounds of ``log_uniform`` and
``inv_log_uniform`` are exponents of e; the ``_values`` forms take the values themselves.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

Path = tuple[str, ...]
"""Names of the parameters that lead to one, outermost first."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. Options that its distribution does not have keep their defaults and are not read."""

    distribution: str
    values: tuple[Any, ...] = ()
    probabilities: tuple[float, ...] = ()
    min: float = 0.0
    max: float = 1.0
    mu: float = 0.0
    sigma: float = 1.0
    a: float = 1.0
    b: float = 1.0
    q: float | None = None

    def sample(self, random: Random) -> Any:
        """A value drawn from the distribution."""
        return self.quantized(_SAMPLE[self.distribution.removeprefix("q_")](self, random))

    def quantized(self, value: Any) -> Any:
        """``value`` at the nearest multiple of q, where there is a q. A whole q gives integers."""
        if self.q is None:
            return value
        return _decimal(Decimal(str(self.q)) * round(value / self.q))

    @property
    def choices(self) -> int | None:
        """How many values a grid has here; None when they cannot be counted."""
        if self.values:
            return len(self.values)
        if self.distribution == "int_uniform":
            return int(self.max) - int(self.min) + 1
        if self.distribution == "q_uniform" and self.q is not None:
            return math.floor((self.max - self.min) / self.q + 1e-9) + 1
        return None

    def choice(self, index: int) -> Any:
        """The grid's value number ``index``, counted from 0."""
        if self.values:
            return self.values[index]
        if self.distribution == "int_uniform":
            return int(self.min) + index
        assert self.q is not None
        return (
            self.quantized(self.min + index * self.q) if _is_multiple(self.min, self.q) else self.min + index * self.q
        )


def _is_multiple(value: float, q: float) -> bool:
    return math.isclose(round(value / q) * q, value, rel_tol=1e-12, abs_tol=1e-12)


def _decimal(value: Decimal) -> int | float:
    return (
        int(value) if value == value.to_integral_value() and -1 <= int(value.as_tuple().exponent) <= 0 else float(value)
    )


def _categorical(parameter: Parameter, random: Random) -> Any:
    return random.choices(parameter.values, parameter.probabilities or None)[0]


def _between_logs(parameter: Parameter, random: Random) -> float:
    value = math.exp(random.uniform(math.log(parameter.min), math.log(parameter.max)))
    return min(max(value, parameter.min), parameter.max)


_SAMPLE: dict[str, Callable[[Parameter, Random], Any]] = {
    "constant": lambda parameter, random: parameter.values[0],
    "categorical": _categorical,
    "categorical_w_probabilities": _categorical,
    "int_uniform": lambda parameter, random: random.randint(int(parameter.min), int(parameter.max)),
    "uniform": lambda parameter, random: random.uniform(parameter.min, parameter.max),
    "log_uniform": lambda parameter, random: math.exp(random.uniform(parameter.min, parameter.max)),
    "log_uniform_values": _between_logs,
    "inv_log_uniform": lambda parameter, random: math.exp(-random.uniform(parameter.min, parameter.max)),
    "inv_log_uniform_values": _between_logs,
    "normal": lambda parameter, random: random.gauss(parameter.mu, parameter.sigma),
    "log_normal": lambda parameter, random: random.lognormvariate(parameter.mu, parameter.sigma),
    "beta": lambda parameter, random: random.betavariate(parameter.a, parameter.b),
}

DISTRIBUTIONS = (*_SAMPLE, "q_uniform", "q_log_uniform", "q_log_uniform_values", "q_normal", "q_log_normal", "q_beta")

COUNTABLE = ("constant", "categorical", "int_uniform", "q_uniform")
"""Distributions that a grid can walk."""


@dataclass(frozen=True, slots=True)
class Space:
    """Parameters by path, in the order of the configuration."""

    parameters: Mapping[Path, Parameter] = field(default_factory=dict)

    def sample(self, random: Random) -> dict[str, Any]:
        """Parameters of one trial, nested."""
        return nested({path: parameter.sample(random) for path, parameter in self.parameters.items()})

    @property
    def grid_size(self) -> int:
        """Points of the grid. Every parameter must be countable."""
        size = 1
        for parameter in self.parameters.values():
            choices = parameter.choices
            assert choices is not None
            size *= choices
        return size

    def grid_point(self, index: int) -> dict[str, Any]:
        """Point ``index`` of the grid, counted from 0; the last parameter changes fastest."""
        values: dict[Path, Any] = {}
        for path, parameter in reversed(list(self.parameters.items())):
            index, choice = divmod(index, parameter.choices or 1)
            values[path] = parameter.choice(choice)
        return nested({path: values[path] for path in self.parameters})


def nested(values: Mapping[Path, Any]) -> dict[str, Any]:
    """Values by path as nested dicts."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        branch = tree
        for name in path[:-1]:
            branch = branch.setdefault(name, {})
        branch[path[-1]] = value
    return tree


def flat(parameters: Mapping[str, Any], space: Space) -> dict[Path, Any]:
    """The values of ``space``'s parameters in nested ``parameters``; those that are not there are left out."""
    return dict(_found(parameters, space))


def _found(parameters: Mapping[str, Any], space: Space) -> Iterator[tuple[Path, Any]]:
    for path in space.parameters:
        value: Any = parameters
        for name in path:
            if not isinstance(value, Mapping) or name not in value:
                break
            value = value[name]
        else:
            yield path, value


def identity(parameters: Mapping[str, Any]) -> str:
    """A text that two trials share when and only when their parameters are equal; 1 and 1.0 are."""
    return json.dumps(_plain(parameters), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
