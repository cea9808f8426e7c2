"""Offline sweeps: agents of one machine, without a server, over the journal that they share."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import runwell
from runwell._api_errors import ApiError, NotFoundError
from runwell._api_http import HttpSource
from runwell._settings import resolve
from runwell.sweeps.agent_loop import Agent
from runwell.sweeps.calls import Given, NoMore
from runwell.sweeps.functions import calls_of
from runwell.sweeps.local import LocalCalls
from tests.server import Server, until

AGENT = """
import os, sys, time, runwell

def train():
    with runwell.init(settings={"git": False}) as run:
        run.log({"loss": (run.config.x - 3) ** 2})
        try:
            os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        time.sleep(600)

runwell.agent(sys.argv[1], train)
"""

COMMAND = """
import runwell
with runwell.init(settings={"git": False}) as run:
    run.log({"loss": run.config.x})
"""


def local(sweep_id: str) -> LocalCalls:
    calls, _ = calls_of(resolve(None, {}), sweep_id, None, None)
    assert isinstance(calls, LocalCalls)
    return calls


def test_a_killed_agent_costs_no_trial_and_sync_shows_all(runwell_dir: Path, tmp_path: Path):
    """Three agents of one machine work without a server, and one is killed in a trial: each point is finished once, its value
    is known, and a later sync shows the runs with their sweep and trial."""
    config = {"method": "grid", "metric": {"name": "loss"}, "parameters": {"x": {"values": list(range(6))}}}
    sweep_id = runwell.sweep(config, project="p", mode="offline")
    marker = tmp_path / "hangs"

    def agent() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", AGENT, sweep_id, str(marker)], stderr=subprocess.PIPE)

    first = agent()
    until(marker.exists, "the first trial hangs")
    others = [agent(), agent()]
    # They wait for the trial that hangs once all others are done.
    until(
        lambda: len([t for t in local(sweep_id).sweep().trials.values() if t.state == "finished"]) == 5, "five are done"
    )
    first.send_signal(signal.SIGKILL)
    first.communicate()
    for other in others:
        _, said = other.communicate(timeout=50)
        assert other.returncode == 0, said.decode()
    sweep = local(sweep_id).sweep()
    assert sweep.state == "finished"
    assert [(t.parameters["x"], t.state, t.value, t.attempt) for t in sweep.trials.values()] == [
        (x, "finished", float((x - 3) ** 2), 2 if x == 0 else 1) for x in range(6)
    ]
    server = Server.start(runwell_dir / "server")
    try:
        subprocess.run([sys.executable, "-m", "runwell", "sync"], check=True, capture_output=True, timeout=50)
        runs = runwell.Api(HttpSource().base_url).runs("tester/p", f'sweep == "{sweep_id}"', order="trial")
        assert [(run.view["trial"], run.config["x"], run.summary["loss"], run.view["attempts"]) for run in runs] == [
            (x + 1, x, (x - 3) ** 2, 2 if x == 0 else 1) for x in range(6)
        ]
    finally:
        server.close()


def test_many_agents_get_each_trial_once(runwell_dir: Path):
    """Eight agents ask at once, of which none waits for the others: no trial is given twice."""
    sweep_id = runwell.sweep(
        {"method": "grid", "parameters": {"x": {"values": list(range(40))}}}, project="p", mode="offline"
    )
    given: list[Given] = []

    def work() -> None:
        with Agent(local(sweep_id), resolve(None, {}), 1, lambda given: None) as one:
            while not isinstance(answer := one.next_trial(), NoMore):
                given.append(answer)
                one.report(answer, "finished")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((one.trial, one.attempt) for one in given) == [(number, 1) for number in range(1, 41)]
    assert local(sweep_id).sweep().state == "finished"


def test_a_bayes_sweep_goes_on_from_prior_runs_and_where_it_stopped(runwell_dir: Path):
    """Prior runs of this machine count, a second agent goes on where the first stopped, and runs stay offline."""
    with runwell.init(project="p", id="before", mode="offline", config={"x": 0.9}, settings={"git": False}) as run:
        run.log({"loss": 0.36})
    config = {
        "method": "bayes",
        "metric": {"name": "loss"},
        "parameters": {"x": {"min": 0.0, "max": 1.0}},
        "run_cap": 5,
    }
    sweep_id = runwell.sweep(config, project="p", prior_runs=["before"], mode="offline")
    offline = []

    def train() -> None:
        with runwell.init(settings={"git": False}) as run:
            offline.append(run.offline)
            run.log({"loss": (run.config.x - 0.3) ** 2})

    runwell.agent(sweep_id, train, count=2, mode="offline")
    runwell.agent(f"tester/p/{sweep_id}", train)
    sweep = local(sweep_id).sweep()
    assert (sweep.state, [trial.state for trial in sweep.trials.values()]) == ("finished", ["finished"] * 5)
    assert all(trial.value == (trial.parameters["x"] - 0.3) ** 2 for trial in sweep.trials.values())
    assert len(sweep.outside) == 1
    assert offline == [True] * 5


def test_hyperband_stops_what_is_worse(runwell_dir: Path):
    """The rule reads the spool of the run that goes on, and the trial's value is its last."""
    config = {
        "method": "grid",
        "metric": {"name": "loss"},
        "parameters": {"x": {"values": [1, 2, 3, 9]}},
        "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 2},
    }
    sweep_id = runwell.sweep(config, project="p", mode="offline")
    calls = local(sweep_id)

    def train() -> None:
        with runwell.init(settings={"git": False}) as run:
            for _ in range(3):
                run.log({"loss": run.config.x})
            if run.config.x == 9:
                # The agent's own beat, without the wait for it.
                said = {"agent": "a", "host": "h", "pid": 1, "jobs": 1}
                assert calls.beat(said, [Given(4, 1, {})]) == [(4, 1)]

    runwell.agent(sweep_id, train)
    trial = calls.sweep().trials[4]
    assert (trial.state, trial.reason) == ("stopped", "Hyperband: 9 after 3 values")


def test_commands_run_offline_too(runwell_dir: Path, tmp_path: Path):
    """`runwell agent` on an offline sweep runs its program, whose runs are offline."""
    program = tmp_path / "train.py"
    program.write_text(COMMAND)
    config = {
        "method": "grid",
        "program": str(program),
        "metric": {"name": "loss"},
        "parameters": {"x": {"values": [2, 1]}},
    }
    sweep_id = runwell.sweep(config, project="p", mode="offline")
    command = [sys.executable, "-m", "runwell", "agent", sweep_id]
    subprocess.run(command, check=True, capture_output=True, timeout=50)
    assert [trial.value for trial in local(sweep_id).sweep().trials.values()] == [2.0, 1.0]


def test_what_is_not_there_or_cannot_be_read_is_told(runwell_dir: Path):
    """A sweep that is not on this machine, and a journal that is no database."""
    with pytest.raises(NotFoundError, match="no offline sweep nowhere"):
        runwell.agent("nowhere", print, mode="offline")
    (runwell_dir / "sweeps.sqlite").write_text("torn " * 1000)
    with pytest.raises(ApiError, match="journal of offline sweeps"):
        runwell.sweep({"method": "random", "parameters": {"x": {"min": 0, "max": 9}}}, project="p", mode="offline")
