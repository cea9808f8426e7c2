"""Sweeps as the dashboard tells them, from the log alone."""

from tests.dashboard.conftest import Served
from tests.dashboard.requests import request

JSON = {"content-type": "application/json"}
SWEEP = "/api/v1/sweeps/ada/digits/lr"


def test_a_sweep_is_told_from_its_records(served: Served):
    """State, counts, best trial and configuration follow from the log; without a controller no agents are known."""
    view = request(served.base, SWEEP).json()
    assert (view["name"], view["method"], view["state"], view["expected"]) == ("learning rates", "random", "running", 5)
    assert view["trials"] == {"total": 4, "finished": 2, "stopped": 1, "failed": 1}
    assert (view["best"]["trial"], view["best"]["value"], view["best"]["ended_at"]) == (2, 0.25, 125.0)
    assert view["agents"] is None
    listed = request(served.base, "/api/v1/sweeps", project="digits").json()["sweeps"]
    assert [sweep["sweep_id"] for sweep in listed] == ["lr"]
    assert request(served.base, "/api/v1/sweeps", project="other").json()["sweeps"] == []


def test_trials_and_importance(served: Served):
    """Trials have their parameters, values and times; importance names its method."""
    trials = request(served.base, f"{SWEEP}/trials").json()["trials"]
    assert [(trial["trial"], trial["state"], trial["value"]) for trial in trials][:2] == [
        (1, "finished", 0.5),
        (2, "finished", 0.25),
    ]
    assert trials[0]["parameters"] == {"lr": 0.01, "opt": "sgd"}
    told = request(served.base, f"{SWEEP}/importance").json()
    assert told["trials"] == 3
    assert "Spearman" in told["method"]


def test_what_is_not_there_is_said(served: Served):
    """An unknown sweep is 404; without a controller nothing can be asked for, and that is worth another try."""
    assert request(served.base, "/api/v1/sweeps/ada/digits/none").status == 404
    answer = request(served.base, f"{SWEEP}/ask", "POST", JSON, b'{"agent": "a", "request_id": "r"}')
    assert answer.status == 503
    assert "retry-after" in answer.headers
