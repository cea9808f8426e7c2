"""Sweeps of a real server while its parts and the agents are killed: each trial once, none lost."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

import runwell
from runwell._api_http import HttpSource
from runwell.sweeps.calls import Given, NoMore, ServerCalls, find_sweep
from tests.server import Server, until

TRAIN = """
import os, sys, time, runwell
with runwell.init(settings={"git": False}) as run:
    run.log({"loss": run.config.x ** 2})
    marker = os.environ.get("HANG_ONCE")
    if marker and not os.path.exists(marker):
        open(marker, "w").close()
        time.sleep(600)
"""


def calls_of(sweep_id: str) -> ServerCalls:
    return ServerCalls(HttpSource(), find_sweep(HttpSource(), sweep_id))


def test_a_killed_controller_gives_each_trial_once(server: Server):
    """Agents ask while the controller is killed twice: each request gets one trial, and the log has each trial once."""
    sweep_id = runwell.sweep({"method": "grid", "parameters": {"x": {"values": list(range(40))}}}, project="p")
    calls = calls_of(sweep_id)
    given: list[Given] = []
    turn = threading.Lock()

    def has(so_many: int) -> bool:
        return len(given) >= so_many

    def work(agent: str) -> None:
        from runwell._settings import resolve
        from runwell.sweeps.agent_loop import Agent

        with Agent(calls, resolve(None, {}), 1, lambda given: None) as one:
            while not isinstance(answer := one.next_trial(), NoMore):
                with turn:
                    given.append(answer)
                one.report(answer, "finished")

    with ThreadPoolExecutor(4) as agents:
        working = [agents.submit(work, f"a{number}") for number in range(4)]
        for so_many in (5, 15):
            until(partial(has, so_many), "trials are given")
            server.kill("sweeps")
        for one in working:
            one.result()
    assert sorted(trial.trial for trial in given) == list(range(1, 41))
    assert {trial.attempt for trial in given} == {1}
    trials = calls.trials()
    assert sorted(trial["parameters"]["x"] for trial in trials) == list(range(40))
    assert calls.view()["state"] == "finished"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(TRAIN)
    return path


def agent(sweep_id: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "runwell", "agent", sweep_id], env={**os.environ, **environment}, stderr=subprocess.PIPE
    )


def test_a_killed_agent_is_replaced(server: Server, program: Path, tmp_path: Path):
    """An agent dies with SIGKILL in the middle of a trial: its process ends with it, its successor runs that trial again as
    another attempt of the same run, and the sweep has each trial finished once."""
    config = {
        "method": "grid",
        "program": str(program),
        "metric": {"name": "loss"},
        "parameters": {"x": {"values": [3, 1, 2]}},
    }
    sweep_id = runwell.sweep(config, project="p")
    marker = tmp_path / "hangs"
    first = agent(sweep_id, HANG_ONCE=str(marker))
    until(marker.exists, "the first trial hangs")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = agent(sweep_id)
    _, said = second.communicate(timeout=50)
    assert second.returncode == 0, said.decode()
    trials = calls_of(sweep_id).trials()
    assert [(trial["state"], trial["value"], trial["attempt"]) for trial in trials] == [
        ("finished", 9.0, 2),
        ("finished", 1.0, 1),
        ("finished", 4.0, 1),
    ]
    assert calls_of(sweep_id).view()["best"]["trial"] == 2
    assert runwell.Api().run(f"p/{sweep_id}-1").view["attempts"] == 2


def test_a_trial_is_stopped_from_outside(server: Server, program: Path, tmp_path: Path):
    """Cancelling a sweep ends the process of its running trial, and the agent ends well."""
    config = {"method": "random", "program": str(program), "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    sweep_id = runwell.sweep(config, project="p")
    marker = tmp_path / "hangs"
    working = agent(sweep_id, HANG_ONCE=str(marker))
    until(marker.exists, "the first trial hangs")
    command = [sys.executable, "-m", "runwell", "sweep", "cancel", sweep_id]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith("is cancelled\n")
    _, said = working.communicate(timeout=50)
    assert working.returncode == 0, said.decode()
    (trial,) = calls_of(sweep_id).trials()
    assert trial["state"] == "stopped"
    shown = subprocess.run(
        [sys.executable, "-m", "runwell", "sweep", "show", sweep_id, "--json"], capture_output=True, check=True
    )
    assert json.loads(shown.stdout)["state"] == "cancelled"
