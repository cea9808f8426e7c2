"""A sweep's configuration: what is taken, what is refused, and what a refusal says."""

import json
import math
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core.sweeps.config import Hyperband, read_config
from runwell.core.sweeps.problems import SweepConfigError
from runwell.core.sweeps.space import DISTRIBUTIONS, identity

OPTIONS: dict[str, dict[str, Any]] = {
    "constant": {"value": 3},
    "categorical": {"values": ["a", None, [1, 2]]},
    "categorical_w_probabilities": {"values": ["a", "b"], "probabilities": [0.25, 0.75]},
    "int_uniform": {"min": -2, "max": 2},
    "uniform": {"min": 0.5, "max": 2},
    "log_uniform": {"min": -3, "max": 0},
    "log_uniform_values": {"min": 1e-5, "max": 0.1},
    "inv_log_uniform": {"min": 0, "max": 3},
    "inv_log_uniform_values": {"min": 1e-5, "max": 0.1},
    "normal": {"mu": 10, "sigma": 0.5},
    "log_normal": {"mu": 0, "sigma": 0.5},
    "beta": {"a": 2, "b": 5},
}


def with_parameter(options: Any, **others: Any) -> dict[str, Any]:
    return {"method": "random", "parameters": {"x": options}, **others}


def refusal(document: Any) -> str:
    with pytest.raises(SweepConfigError) as refused:
        read_config(document)
    return str(refused.value)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_samples_are_within_their_distribution(distribution: str, seed: int):
    """Every distribution of the schema gives values of its own range, quantized to its q, and equal ones for equal seeds."""
    options = {"distribution": distribution, **OPTIONS[distribution.removeprefix("q_")]}
    if distribution.startswith("q_"):
        options["q"] = 0.25
    (parameter,) = read_config(with_parameter(options)).space.parameters.values()
    value = parameter.sample(Random(seed))
    assert value == parameter.sample(Random(seed))
    if distribution.startswith("q_"):
        assert math.isclose(value / 0.25, round(value / 0.25), abs_tol=1e-9)
    elif "values" in options or "value" in options:
        assert value in (options.get("values") or [options["value"]])
    elif distribution in ("log_uniform", "inv_log_uniform"):
        bounds = sorted(
            math.exp(sign * options[key]) for key in ("min", "max") for sign in [-1 if "inv" in distribution else 1]
        )
        assert bounds[0] - 1e-12 <= value <= bounds[1] + 1e-12
    elif "min" in options:
        assert options["min"] <= value <= options["max"]
        assert isinstance(value, int if distribution == "int_uniform" else float)


def test_bounds_say_their_distribution():
    """Two integers mean whole numbers, any float real ones, a value a constant and values a choice."""
    found = read_config(
        {
            "method": "random",
            "parameters": {
                "whole": {"min": 1, "max": 3},
                "real": {"min": 1, "max": 3.5},
                "fixed": {"value": None},
                "choice": {"values": [True, False]},
                "weighted": {"values": [1, 2], "probabilities": [0, 1]},
            },
        }
    ).space.parameters
    assert [parameter.distribution for parameter in found.values()] == [
        "int_uniform",
        "uniform",
        "constant",
        "categorical",
        "categorical_w_probabilities",
    ]


def test_grid_has_every_point_once():
    """A grid over nested, whole, quantized and repeated values walks each combination once, the last parameter fastest."""
    space = read_config(
        {
            "method": "grid",
            "parameters": {
                "optimizer": {"parameters": {"name": {"values": ["adam", "sgd", "adam"]}, "beta": {"value": 0.9}}},
                "layers": {"min": 1, "max": 3},
                "dropout": {"distribution": "q_uniform", "min": 0.1, "max": 0.4, "q": 0.1},
            },
        }
    ).space
    points = [space.grid_point(index) for index in range(space.grid_size)]
    assert len(points) == 2 * 3 * 4 == len(set(map(identity, points)))
    assert points[0] == {"optimizer": {"name": "adam", "beta": 0.9}, "layers": 1, "dropout": 0.1}
    assert [point["dropout"] for point in points[:4]] == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "must be a mapping"),
        ({"parameters": {"x": {"value": 1}}}, "lacks 'method'"),
        ({"method": "gird", "parameters": {"x": {"value": 1}}}, "method: 'gird' is not known: did you mean 'grid'?"),
        ({"method": "random"}, "parameters: must be a mapping"),
        ({"method": "random", "parameters": {}}, "parameters: must be a mapping of at least one"),
        (with_parameter(0.1), "parameters.x: must be a mapping: write {'value': 0.1}"),
        (with_parameter({"values": []}), "parameters.x.values: must be a list of at least one value"),
        (with_parameter({"values": [object()]}), "cannot be written as JSON"),
        (with_parameter({"min": 3, "max": 1}), "min must be at most max"),
        (with_parameter({"min": math.nan, "max": 1.0}), "must be a finite number"),
        (with_parameter({"min": True, "max": 2}), "must be a finite number"),
        (with_parameter({"distribution": "log_uniform_values", "min": 0, "max": 1}), "needs values above 0"),
        (with_parameter({"distribution": "log_uniform", "min": 0, "max": 1000}), "are exponents of e"),
        (with_parameter({"distribution": "int_uniform", "min": 0.5, "max": 1}), "min and max must be integers"),
        (with_parameter({"distribution": "normal", "sigma": 0}), "sigma must be above 0"),
        (with_parameter({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}), "q, the distance"),
        (with_parameter({"distribution": "unifrom", "min": 0, "max": 1}), "did you mean 'uniform'?"),
        (with_parameter({"min": 0, "max": 1, "q": 1}), "parameters.x.q: is no option of int_uniform"),
        (with_parameter({"values": [1, 2], "probabilities": [0.5, 0.6]}), "that add up to 1"),
        (with_parameter({"value": 1}, metod="grid"), "metod: is no key of a sweep: did you mean 'method'?"),
        (with_parameter({"value": 1}, run_cap=0), "run_cap: must be an integer above 0"),
        (with_parameter({"value": 1}, metric={"name": "loss", "goal": "min"}), "metric.goal: 'min' is not known"),
        (with_parameter({"value": 1}, metrics=[]), "choose one as 'metric'"),
        (with_parameter({"value": 1}, early_terminate={"type": "hyperband", "min_iter": 3}), "lacks 'metric'"),
        (with_parameter({"value": 1}, command="python train.py"), "command: must be a list"),
        (
            {"method": "bayes", "parameters": {"x": {"min": 0.0, "max": 1.0}}},
            "lacks 'metric', which method bayes needs",
        ),
        (
            {"method": "grid", "parameters": {"a": {"parameters": {"x": {"min": 0.0, "max": 1.0}}}}},
            "a.parameters.x: is uniform",
        ),
        ({"method": "random", "parameters": {"1x": {"value": 1}}}, "parameters.1x: is no parameter's name"),
    ],
)
def test_wrong_configurations_say_what_to_write(document: Any, said: str):
    """Each mistake is named with its key and what to write instead."""
    assert said in refusal(document)


def test_all_mistakes_are_said_at_once():
    """A configuration with several mistakes names each, with its line where it came from a file."""
    document = {"method": "random", "parameters": {"x": {"values": []}, "y": {"min": 2, "max": 1}}, "run_cap": -1}
    with pytest.raises(SweepConfigError) as refused:
        read_config(document, lambda place: 10 + len(place))
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["line 13", "line 13", "line 11"]
    assert Counter(problem.place[0] for problem in refused.value.problems) == {"parameters": 2, "run_cap": 1}


def test_deep_and_hostile_documents_are_refused():
    """Nesting without end and huge values are refused, and nothing is raised but the refusal."""
    deep: dict[str, Any] = {"value": 1}
    for _ in range(5_000):
        deep = {"parameters": {"x": deep}}
    assert "nested deeper" in refusal({"method": "random", **deep})
    assert "must be a finite number" in refusal(with_parameter({"min": 0, "max": "1" * 1_000_000}))
    assert len(refusal(with_parameter({"values": "x" * 1_000_000}))) < 1_000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["method", "parameters", "values", "min", "max", "x", "distribution", "metric", "name"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_any_document_is_read_or_refused(document: Any):
    """Whatever the document, the answer is a configuration that can be sampled or a SweepConfigError."""
    with suppress(SweepConfigError):
        json.dumps(read_config(document).space.sample(Random(0)))


def test_early_termination_is_read_with_its_defaults():
    """Hyperband's eta is 3 and it is strict unless the configuration says otherwise."""
    document = with_parameter(
        {"value": 1}, metric={"name": "loss"}, early_terminate={"type": "hyperband", "min_iter": 3}
    )
    assert read_config(document).early_terminate == Hyperband(min_iter=3, eta=3.0, strict=True)
