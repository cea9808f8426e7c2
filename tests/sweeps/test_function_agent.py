"""Sweeps of a real server, worked on by functions."""

import math
import os

import pytest

import runwell
import runwell as wandb
from runwell._api_errors import NotFoundError, RequestRefusedError
from runwell._api_http import HttpSource
from runwell.sweeps.calls import Later, ServerCalls, find_sweep
from tests.server import Server

GRID = {"method": "grid", "parameters": {"lr": {"values": [0.001, 0.01]}, "batch_size": {"values": [16, 32]}}}


def test_the_snippet_that_everybody_knows_runs_as_written(server: Server):
    """wandb's own first example, with another import: four runs, one for each point, that carry their sweep."""
    sweep_config = {
        "method": "grid",
        "parameters": {"lr": {"values": [0.001, 0.01]}, "batch_size": {"values": [16, 32]}},
    }
    sweep_id = wandb.sweep(sweep=sweep_config, project="my_project")
    seen = []

    def train():
        wandb.init()
        lr = wandb.config.lr
        batch_size = wandb.config.batch_size
        seen.append((lr, batch_size, wandb.run.sweep_id, wandb.run.sweep_url))
        wandb.finish()

    wandb.agent(sweep_id, function=train, count=4)
    assert [point[:2] for point in seen] == [(0.001, 16), (0.001, 32), (0.01, 16), (0.01, 32)]
    assert {point[2:] for point in seen} == {(sweep_id, f"{server.http}/tester/my_project/sweeps/{sweep_id}")}
    runs = runwell.Api().runs("my_project", f'sweep == "{sweep_id}"', order="trial")
    assert [(run.config["lr"], run.config["batch_size"]) for run in runs] == [point[:2] for point in seen]
    assert [run.view["trial"] for run in runs] == [1, 2, 3, 4]
    calls = ServerCalls(HttpSource(), find_sweep(HttpSource(), sweep_id))
    view = calls.view()
    assert (view["state"], view["trials"]) == ("finished", {"total": 4, "finished": 4})
    assert [trial["runs"] for trial in calls.trials()] == [[f"{sweep_id}-{number}"] for number in range(1, 5)]


def calls_of(sweep_id: str) -> ServerCalls:
    return ServerCalls(HttpSource(), find_sweep(HttpSource(), sweep_id))


def test_what_a_trial_can_come_to(server: Server, capfd: pytest.CaptureFixture[str]):
    """Functions that raise, log NaN, log nothing, die before init() or are preempted each have a defined outcome; several
    runs of one trial are one group, and their mean counts."""
    config = {
        "method": "grid",
        "metric": {"name": "loss"},
        "parameters": {"kind": {"values": ["good", "raises", "nan", "nothing", "early", "folds", "preempted"]}},
    }
    sweep_id = runwell.sweep(config, project="p")
    preempted = []

    def one_run(kind: str) -> None:
        with runwell.init(id="mine", project="other", settings={"git": False}) as run:
            kind = run.config.kind
            run.config.update({"kind": "changed"}, allow_val_change=True)
            if kind != "nothing":
                run.log({"loss": math.nan if kind == "nan" else 0.5})
            if kind == "preempted" and not preempted:
                preempted.append(run.id)
                run.mark_preempting()
                raise RuntimeError("the machine goes")
            if kind == "raises":
                raise ValueError("no good")

    def train() -> None:
        from runwell import _trial

        kind = _trial.trial_of(runwell.Settings()).parameters["kind"]
        if kind == "early":
            raise RuntimeError("before init")
        if kind == "folds":
            for value in (1.0, 3.0):
                with runwell.init(settings={"git": False}) as run:
                    run.log({"loss": value})
            return
        one_run(kind)

    os.environ["RUNWELL_AGENT_DISABLE_FLAPPING"] = "true"
    try:
        runwell.agent(sweep_id, train)
    finally:
        del os.environ["RUNWELL_AGENT_DISABLE_FLAPPING"]
    trials = {trial["parameters"]["kind"]: trial for trial in calls_of(sweep_id).trials()}
    assert {kind: trial["state"] for kind, trial in trials.items()} == {
        "good": "finished",
        "raises": "failed",
        "nan": "finished",
        "nothing": "finished",
        "early": "failed",
        "folds": "finished",
        "preempted": "finished",
    }
    assert (trials["good"]["value"], trials["folds"]["value"], trials["nothing"]["value"]) == (0.5, 2.0, None)
    assert math.isnan(trials["nan"]["value"])
    assert trials["raises"]["reason"] == "ValueError: no good"
    assert trials["preempted"]["attempt"] == 2
    number = trials["folds"]["trial"]
    assert trials["folds"]["runs"] == [f"{sweep_id}-{number}", f"{sweep_id}-{number}-2"]
    groups = {run.group for run in runwell.Api().runs("p", f"trial == {number}")}
    assert groups == {f"{sweep_id}-{number}"}
    assert runwell.Api().run(f"p/{sweep_id}-1").config["kind"] == "good"
    assert "is ignored in a trial" in capfd.readouterr().err


def test_a_flapping_agent_stops_and_says_how_to_go_on(server: Server, capfd: pytest.CaptureFixture[str]):
    """Three failures in the first minute end the agent, not the sweep."""
    sweep_id = runwell.sweep({"method": "random", "parameters": {"x": {"min": 0, "max": 9}}}, project="p")

    def fails() -> None:
        raise RuntimeError("always")

    runwell.agent(sweep_id, fails)
    view = calls_of(sweep_id).view()
    assert (view["state"], view["trials"]) == ("running", {"total": 3, "failed": 3})
    assert "RUNWELL_AGENT_DISABLE_FLAPPING" in capfd.readouterr().err


def test_bayes_pause_and_prior_runs(server: Server):
    """A bayes sweep learns from runs of before it, gives nothing while it is paused, and ends at its cap."""
    for number, x in enumerate((0.9, 0.1)):
        with runwell.init(project="p", id=f"before-{number}", config={"x": x}, settings={"git": False}) as run:
            run.log({"loss": (x - 0.3) ** 2})
    config = {
        "method": "bayes",
        "metric": {"name": "loss"},
        "parameters": {"x": {"min": 0.0, "max": 1.0}},
        "run_cap": 3,
    }
    sweep_id = runwell.sweep(config, project="p", prior_runs=["before-0", "before-1"])
    calls = calls_of(sweep_id)
    calls.change("paused", "me")
    assert calls.ask("a", "r") == Later("the sweep is paused")
    calls.change("running", "me")

    def train() -> None:
        with runwell.init(settings={"git": False}) as run:
            run.log({"loss": (run.config.x - 0.3) ** 2})

    runwell.agent(sweep_id, train)
    assert calls.view()["trials"] == {"total": 3, "finished": 3}
    (sweep,) = runwell.Api().sweeps("p")
    best = runwell.Api().sweep(sweep_id).best_run()
    assert best is not None
    assert best.summary["loss"] == min(run.summary["loss"] for run in sweep.runs) == sweep.view["best"]["value"]
    with pytest.raises(RequestRefusedError, match="no run tester/p/none"):
        runwell.sweep(config, project="p", prior_runs=["none"])


def test_mistakes_are_told_with_what_to_do(server: Server):
    """A wrong configuration, an unknown sweep, one of another project, and a deleted one."""
    with pytest.raises(runwell.UsageError, match=r"parameters\.x\.values: must be a list of at least one value"):
        runwell.sweep({"method": "grid", "parameters": {"x": {"values": []}}}, project="p")
    with pytest.raises(NotFoundError, match="runwell sweep ls"):
        runwell.agent("nowhere", print)
    sweep_id = runwell.sweep({"method": "random", "parameters": {"x": {"min": 0, "max": 9}}}, project="p")
    with pytest.raises(RequestRefusedError, match="belongs to tester/p, not to other"):
        runwell.agent(sweep_id, print, project="other")
    with pytest.raises(runwell.UsageError, match="neither 'program' nor"):
        runwell.agent(sweep_id)
    calls_of(sweep_id).change("deleted", "me")
    done = []
    runwell.agent(f"tester/p/{sweep_id}", lambda: done.append(1))
    assert done == []
