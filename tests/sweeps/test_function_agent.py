"""Sweeps of a real server, worked on by functions."""

import runwell
import runwell as wandb
from runwell._api_http import HttpSource
from runwell.sweeps.calls import ServerCalls, find_sweep
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
