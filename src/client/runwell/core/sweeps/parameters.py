"""Reading one parameter of a sweep's configuration, and every way in which it can be wrong."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from runwell.core.limits import JSON_DEPTH_MAX
from runwell.core.names import sweep_parameter_problem
from runwell.core.sweeps.problems import Report
from runwell.core.sweeps.space import DISTRIBUTIONS, Parameter, Path, identity

_BOUNDS = ("min", "max")
_OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    # distribution without q_: options that must be there, options with their defaults
    "constant": (("value",), {}),
    "categorical": (("values",), {}),
    "categorical_w_probabilities": (("values", "probabilities"), {}),
    "int_uniform": (_BOUNDS, {}),
    "uniform": (_BOUNDS, {}),
    "log_uniform": (_BOUNDS, {}),
    "log_uniform_values": (_BOUNDS, {}),
    "inv_log_uniform": (_BOUNDS, {}),
    "inv_log_uniform_values": (_BOUNDS, {}),
    "normal": ((), {"mu": 0.0, "sigma": 1.0}),
    "log_normal": ((), {"mu": 0.0, "sigma": 1.0}),
    "beta": ((), {"a": 1.0, "b": 1.0}),
}
_LARGEST_EXPONENT = 709.0
"""e to a greater power is no float."""


def read_parameters(
    document: Any, report: Report, path: Path = (), named: Path = ()
) -> Iterator[tuple[Path, Parameter]]:
    """The parameters under ``document``, at ``path`` in the configuration; ``named`` is the path of their names."""
    if not isinstance(document, Mapping) or not document:
        report.add(path, "must be a mapping of at least one parameter's name to its values or distribution")
        return
    if len(named) >= JSON_DEPTH_MAX:
        report.add(path, f"is nested deeper than {JSON_DEPTH_MAX} levels")
        return
    for name, options in document.items():
        here = (*path, str(name))
        if reason := sweep_parameter_problem(name):
            report.add(here, reason)
        elif not isinstance(options, Mapping):
            report.add(here, f"must be a mapping: write {{'value': {_shown(options)}}} for a constant")
        elif "parameters" in options:
            if others := [key for key in options if key != "parameters"]:
                report.add(here, f"has nested parameters, and {others[0]!r} beside them: remove one of the two")
            yield from read_parameters(options["parameters"], report, (*here, "parameters"), (*named, name))
        elif parameter := _parameter(options, report, here):
            yield (*named, name), parameter


def _shown(value: object) -> str:
    return f"{value!r:.60}"


def _parameter(options: Mapping[str, Any], report: Report, path: Path) -> Parameter | None:
    found = len(report.problems)
    distribution = _distribution(options, report, path)
    if distribution is None:
        return None
    required, defaults = _OPTIONS[distribution.removeprefix("q_")]
    allowed = {"distribution", *required, *defaults} | ({"q"} if distribution.startswith("q_") else set())
    for key in options:
        if key not in allowed:
            report.add((*path, str(key)), f"is no option of {distribution}, which has {', '.join(sorted(allowed))}")
    for key in required:
        if key not in options:
            report.add(path, f"is {distribution} and lacks {key!r}")
    if len(report.problems) > found:
        return None
    if "value" in required:
        return Parameter(distribution, values=(options["value"],))
    parameter = (
        _choices(distribution, options, report, path)
        if "values" in required
        else _numbers(distribution, {**defaults, **options}, report, path)
    )
    return parameter if len(report.problems) == found else None


def _distribution(options: Mapping[str, Any], report: Report, path: Path) -> str | None:
    given = options.get("distribution")
    if given is not None:
        if given in DISTRIBUTIONS:
            return str(given)
        near = get_close_matches(str(given), DISTRIBUTIONS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(DISTRIBUTIONS)}"
        report.add((*path, "distribution"), f"{_shown(given)} is no distribution: {hint}")
        return None
    if "value" in options:
        return "constant"
    if "values" in options:
        return "categorical_w_probabilities" if "probabilities" in options else "categorical"
    if "min" in options and "max" in options:
        return "int_uniform" if _is_int(options["min"]) and _is_int(options["max"]) else "uniform"
    report.add(path, "says no values: give 'value', 'values', 'min' and 'max', or a 'distribution' with its options")
    return None


def _choices(distribution: str, options: Mapping[str, Any], report: Report, path: Path) -> Parameter:
    values = options["values"]
    if not isinstance(values, (list, tuple)) or not values:
        report.add((*path, "values"), f"must be a list of at least one value, and is {_shown(values)}")
        return Parameter(distribution)
    for value in values:
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            report.add(
                (*path, "values"), f"{_shown(value)} cannot be written as JSON: use numbers, strings, lists, mappings"
            )
            return Parameter(distribution)
    if distribution == "categorical":
        return Parameter(distribution, tuple({identity({"": value}): value for value in values}.values()))
    weights = options["probabilities"]
    if (
        not isinstance(weights, (list, tuple))
        or len(weights) != len(values)
        or not all(_is_number(weight) and weight >= 0 for weight in weights)
        or not math.isclose(sum(weights), 1.0, abs_tol=1e-6)
    ):
        report.add(
            (*path, "probabilities"), f"must be {len(values)} numbers of at least 0, one a value, that add up to 1"
        )
        return Parameter(distribution)
    return Parameter(distribution, tuple(values), tuple(map(float, weights)))


def _numbers(distribution: str, options: Mapping[str, Any], report: Report, path: Path) -> Parameter:
    numbers = {key: value for key, value in options.items() if key != "distribution"}
    if distribution.startswith("q_"):
        numbers.setdefault("q", 1)
    for key, value in numbers.items():
        if not _is_number(value):
            report.add((*path, key), f"must be a finite number, and is {_shown(value)}")
            return Parameter(distribution)
    if distribution == "int_uniform" and not all(_is_int(numbers[key]) for key in _BOUNDS):
        report.add(path, "is int_uniform: min and max must be integers; use 'uniform' or 'q_uniform' for others")
        return Parameter(distribution)
    for key, is_wrong, fix in _RULES:
        if key in numbers and is_wrong(distribution, numbers):
            report.add((*path, key), f"is {_shown(numbers[key])}: {fix}")
            return Parameter(distribution)
    return Parameter(distribution, **numbers)


_RULES: tuple[tuple[str, Callable[[str, Mapping[str, Any]], bool], str], ...] = (
    ("min", lambda distribution, numbers: numbers["min"] > numbers["max"], "min must be at most max; exchange the two"),
    (
        "min",
        lambda distribution, numbers: distribution.endswith("log_uniform_values") and numbers["min"] <= 0,
        "a logarithm needs values above 0; take a small positive one, such as 1e-6",
    ),
    (
        "max",
        lambda distribution, numbers: (
            distribution.endswith("log_uniform") and max(abs(numbers["min"]), abs(numbers["max"])) > _LARGEST_EXPONENT
        ),
        "bounds of this distribution are exponents of e; use its form with '_values' to give the values themselves",
    ),
    ("sigma", lambda distribution, numbers: numbers["sigma"] <= 0, "sigma must be above 0"),
    ("a", lambda distribution, numbers: numbers["a"] <= 0, "a must be above 0"),
    ("b", lambda distribution, numbers: numbers["b"] <= 0, "b must be above 0"),
    ("q", lambda distribution, numbers: numbers["q"] <= 0, "q, the distance between values, must be above 0"),
)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))
