"""Histograms of a real PyTorch model, logged while it is trained."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import runwell
from tests.client.spool_reading import merged, read_rows

pytestmark = pytest.mark.skipif(not find_spec("torch"), reason="no torch here, which is too large for every machine")


def model() -> Any:
    import torch

    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))


def train(network: Any, steps: int, run: runwell.Run, scale: float = 1.0) -> None:
    import torch

    for step in range(steps):
        loss = (network(torch.full((3, 4), scale)) ** 2).sum()
        loss.backward()
        run.log({"loss": step})


def rows_of(run: runwell.Run) -> dict[int, dict[str, Any]]:
    run.finish()
    assert run.spool is not None
    return merged(read_rows(run.spool))


@pytest.mark.parametrize("log_freq", [1, 3])
def test_gradients_and_parameters_every_so_many_passes(offline: runwell.Run, log_freq: int):
    """They are in the row of their step; each has every element of its tensor, in the bins that numpy gives it."""
    network = model()
    offline.watch(network, log="all", log_freq=log_freq)
    train(network, 7, offline)
    names = {f"{kind}/{name}" for kind in ("gradients", "parameters") for name, _ in network.named_parameters()}
    rows = rows_of(offline)
    logged = [step for step, row in rows.items() if names <= row.keys()]
    assert logged == [step for step in range(7) if (step + 1) % log_freq == 0]
    assert all(row.keys() == {"loss"} for step, row in rows.items() if step not in logged)
    for name, parameter in network.named_parameters():
        found = rows[logged[-1]][f"parameters/{name}"]
        values = parameter.detach().numpy().astype(np.float64)
        packed = found["packedBins"]
        assert sum(found["values"]) == values.size
        assert (packed["min"], packed["count"]) == (values.min(), 64)
        expected, _ = np.histogram(values, bins=64)
        assert np.abs(np.cumsum(found["values"]) - np.cumsum(expected)).max() <= 1


def test_values_that_are_not_finite_are_left_out(offline: runwell.Run):
    """A gradient of NaN alone is not logged, and everything else is."""
    import torch

    network = model()
    offline.watch(network, log="all", log_freq=1)
    with torch.no_grad():
        network[0].weight[0, 0] = float("nan")
        network[0].weight[0, 1] = float("-inf")
        network[2].bias.fill_(2.0)
    train(network, 1, offline, scale=float("nan"))
    row = rows_of(offline)[0]
    assert "gradients/2.weight" not in row
    assert row["loss"] == 0
    assert sum(row["parameters/0.weight"]["values"]) == network[0].weight.numel() - 2
    assert row["parameters/2.bias"] == {"_type": "histogram", "values": [2], "bins": [2.0, 2.0]}


def test_unwatch_and_second_models(offline: runwell.Run):
    """A second model has a prefix; after unwatch nothing more is logged, and the model has no hook left."""
    first, second = model(), model()
    offline.watch([first, second], log="gradients", log_freq=1)
    train(first, 1, offline)
    train(second, 1, offline)
    offline.unwatch(first)
    train(first, 1, offline)
    offline.unwatch()
    train(second, 1, offline)
    rows = rows_of(offline)
    assert "gradients/0.weight" in rows[0]
    assert "gradients/graph_10.weight" in rows[1]
    assert rows[2].keys() == rows[3].keys() == {"loss"}
    assert not any(parameter._backward_hooks for network in (first, second) for parameter in network.parameters())


def test_parameters_that_are_frozen_later_do_not_stop_it(offline: runwell.Run):
    """Whichever parameters get gradients, the passes are counted."""
    network = model()
    offline.watch(network, log="gradients", log_freq=2)
    train(network, 2, offline)
    for parameter in network[0].parameters():
        parameter.requires_grad_(False)
    train(network, 4, offline)
    rows = rows_of(offline)
    assert [step for step, row in rows.items() if "gradients/2.weight" in row] == [1, 3, 5]
    assert "gradients/0.weight" not in rows[5]


@pytest.mark.parametrize(
    ("given", "error"),
    [({"log": "weights"}, ValueError), ({"log_freq": 0}, ValueError), ({"models": 3}, TypeError)],
    ids=str,
)
def test_what_cannot_be_watched_is_refused(offline: runwell.Run, given: dict[str, Any], error: type[Exception]):
    """With a message, at the call."""
    with pytest.raises(error):
        offline.watch(**{"models": model(), **given})


def test_a_model_is_watched_once(offline: runwell.Run):
    """A second watch of it is refused until it is let go."""
    network = model()
    offline.watch(network)
    with pytest.raises(ValueError, match="watched already"):
        offline.watch(network)
    offline.unwatch(network)
    offline.watch(network)
