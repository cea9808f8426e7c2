"""Which trial an agent gets: each point once however often agents ask, die or are answered twice."""

import json
import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core.limits import TRIAL_ATTEMPTS_MAX
from runwell.core.sweeps.config import Hyperband, MedianRule, Metric, read_config
from runwell.core.sweeps.space import identity
from runwell.core.sweeps.stopping import brackets, stopped
from runwell.core.sweeps.trials import Agents, Over, Suggestion, Sweep, Wait
from runwell.v1.event_pb2 import Event, SweepChanged, SweepPointsAdded, TrialReported, TrialSuggested

GRID = {"method": "grid", "parameters": {"lr": {"values": [0.001, 0.01]}, "batch_size": {"values": [16, 32]}}}


def no_search(sweep: Sweep, random: Random) -> dict[str, Any]:
    raise AssertionError("grid and random need no search")


class Controller:
    """Logs what the sweep decides before it is told, as the real one does."""

    def __init__(self, **document: Any) -> None:
        self.sweep = Sweep("s1", read_config(document))
        self.log: list[Event] = []
        self.asked = 0

    def logged(self, **kind: Any) -> None:
        self.log.append(Event(**kind))
        self.sweep.apply(self.log[-1])

    def ask(self, agent: str, request: str = "") -> Suggestion | Wait | Over:
        self.asked += 1
        request = request or f"request-{self.asked}"
        known = request in self.sweep.requests
        answer = self.sweep.suggest(request, agent, no_search)
        if isinstance(answer, Suggestion) and not (known and self.sweep.wanted(answer.trial, answer.attempt)):
            self.logged(
                trial_suggested=TrialSuggested(
                    trial=answer.trial,
                    attempt=answer.attempt,
                    parameters_json=json.dumps(answer.parameters),
                    agent=agent,
                    request_id=request,
                )
            )
        return answer

    def given(self, agent: str, request: str = "") -> Suggestion:
        answer = self.ask(agent, request)
        assert isinstance(answer, Suggestion)
        return answer

    def end(self, suggestion: Suggestion, state: Any, value: float | None = None) -> None:
        told = self.sweep.ended(suggestion.trial, suggestion.attempt, state)
        if told:
            self.logged(
                trial_reported=TrialReported(
                    trial=suggestion.trial, attempt=suggestion.attempt, state=told, value=value
                )
            )


@given(seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_grid_is_done_once_whatever_dies(seed: int):
    """Agents that ask at random, ask twice, die, are preempted and come back late do each point of a grid exactly once."""
    chance, controller = Random(seed), Controller(**GRID)
    running: list[Suggestion] = []
    lost: dict[int, int] = {}
    for _ in range(10_000):
        if running and chance.random() < 0.6:
            suggestion = running.pop(chance.randrange(len(running)))
            fate = chance.choice(["finished", "finished", "lost", "preempted"])
            if fate != "finished" and lost.setdefault(suggestion.trial, 0) >= TRIAL_ATTEMPTS_MAX - 2:
                fate = "finished"
            lost[suggestion.trial] = lost.get(suggestion.trial, 0) + (fate != "finished")
            controller.end(suggestion, fate, 1.0)
            continue
        answer = controller.ask(f"agent-{chance.randrange(3)}")
        if isinstance(answer, Over):
            break
        if isinstance(answer, Suggestion):
            assert answer == controller.ask(answer.agent, answer.request)
            running.append(answer)
    assert isinstance(answer, Over)
    trials = controller.sweep.trials.values()
    assert {trial.state for trial in trials} == {"finished"}
    assert {identity(trial.parameters) for trial in trials} == {
        identity(controller.sweep.config.space.grid_point(index)) for index in range(4)
    }
    again = Sweep("s1", read_config(GRID))
    for number, event in enumerate(controller.log):
        again.apply(event)
        if number % 3 == 0:
            again = Sweep.from_state(json.loads(json.dumps(again.to_state())))
    assert again == controller.sweep


def test_request_asked_twice_gets_one_trial():
    """An agent that heard no answer and asks again under the same id gets the same trial, and no second one is made."""
    controller = Controller(**GRID)
    first = controller.given("a", "r")
    assert controller.given("a", "r") == first
    assert len(controller.sweep.trials) == 1
    assert controller.given("b", "q").trial == 2


def test_first_attempt_to_end_well_decides():
    """A trial whose agent was silent and came back is finished by whichever attempt ends first, once."""
    controller = Controller(**GRID)
    first = controller.given("a")
    controller.end(first, "lost")
    second = controller.given("b")
    assert (second.trial, second.attempt) == (first.trial, 2)
    assert not controller.sweep.wanted(first.trial, first.attempt)
    controller.end(first, "failed")
    assert controller.sweep.trials[first.trial].state == "running"
    controller.end(first, "finished", 0.5)
    controller.end(second, "finished", 0.7)
    assert (controller.sweep.trials[first.trial].state, controller.sweep.trials[first.trial].value) == ("finished", 0.5)


def test_trial_that_kills_its_agents_is_failed():
    """After its last attempt was lost a trial is failed, and the sweep goes on with the others."""
    controller = Controller(**GRID)
    for attempt in range(1, TRIAL_ATTEMPTS_MAX + 1):
        suggestion = controller.given("a")
        assert (suggestion.trial, suggestion.attempt) == (1, attempt)
        controller.end(suggestion, "lost")
    assert controller.sweep.trials[1].state == "failed"
    assert controller.given("a").trial == 2


def test_paused_stopped_and_target():
    """Paused waits and goes on; a reached target finishes; what is over stays over."""
    controller = Controller(
        method="random", parameters={"x": {"min": 0.0, "max": 1.0}}, metric={"name": "loss", "target": 0.1}
    )
    controller.logged(sweep_changed=SweepChanged(state="paused"))
    assert isinstance(controller.ask("a"), Wait)
    controller.logged(sweep_changed=SweepChanged(state="running"))
    first, second = controller.given("a"), controller.given("b")
    controller.end(first, "finished", math.nan)
    assert controller.sweep.state == "running"
    controller.end(second, "finished", 0.1)
    assert controller.sweep.state == "finished"
    assert controller.sweep.best == controller.sweep.trials[second.trial]
    controller.logged(sweep_changed=SweepChanged(state="running"))
    assert isinstance(controller.ask("a"), Over)


def test_run_cap_counts_trials_and_not_attempts():
    """With a cap of two, a lost trial is given again and a third one is not made."""
    controller = Controller(method="random", parameters={"x": {"min": 0, "max": 10**12}}, run_cap=2)
    first, second = controller.given("a"), controller.given("a")
    assert first.parameters != second.parameters
    assert isinstance(controller.ask("a"), Wait)
    controller.end(first, "preempted")
    assert controller.given("b").parameters == first.parameters
    controller.end(second, "finished")
    assert isinstance(controller.ask("a"), Wait)
    controller.end(Suggestion(1, 2, {}, "b", ""), "finished")
    assert controller.ask("a") == Over("run_cap of 2 trials is reached")


def test_points_done_outside_are_left_out():
    """A grid does not give what other runs have done, and 16 and 16.0 are one value."""
    controller = Controller(**GRID)
    controller.logged(
        sweep_points_added=SweepPointsAdded(parameters_json=['{"lr": 0.001, "batch_size": 16.0}'], values=[math.nan])
    )
    assert controller.given("a").parameters == {"lr": 0.001, "batch_size": 32}


def test_agents_of_before_get_a_whole_time_out():
    """An agent is silent a time-out after it was last heard, or after the controller's start."""
    agents = Agents(60.0, now=100.0)
    agents.heard("a", 120.0)
    assert [agents.silent(agent, 170.0) for agent in ("a", "b")] == [False, True]
    assert not agents.silent("b", 160.0)


@pytest.mark.parametrize(
    ("rule", "iterations"),
    [
        (Hyperband(min_iter=3), [3, 9, 27]),
        (Hyperband(max_iter=27, s=2), [3, 9]),
        (Hyperband(max_iter=27, s=9, eta=3), [1, 3, 9]),
        (Hyperband(min_iter=4, eta=2, max_iter=20), [4, 8, 16]),
    ],
)
def test_brackets(rule: Hyperband, iterations: list[int]):
    """Brackets are min_iter times powers of eta, or max_iter divided by them."""
    assert brackets(rule)[: len(iterations)] == iterations


def test_hyperband_keeps_the_best_third():
    """At a bracket the best third goes on; a strict rule looks at the value there, the other at the best so far."""
    metric = Metric("loss")
    histories = {trial: [9.0, 9.0, float(trial)] for trial in range(1, 7)} | {7: [0.0, 0.0, 8.0]}
    strict, lenient = Hyperband(min_iter=3), Hyperband(min_iter=3, strict=False)
    assert stopped(strict, metric, histories, [1, 3, 4, 7]) == [4, 7]
    assert stopped(lenient, metric, histories, [1, 3, 4, 7]) == [4]
    assert stopped(strict, Metric("accuracy", "maximize"), histories, [1, 5, 6, 7]) == [1]
    assert stopped(strict, metric, {1: [1.0, math.nan, 2.0]}, [1]) == []


def test_median_rule_waits_for_enough_trials():
    """A run is stopped when its best is worse than the median of the others' means, once enough trials came as far."""
    metric, rule = Metric("loss"), MedianRule(min_iter=2, min_trials=3)
    histories = {1: [1.0, 1.0], 2: [2.0, 2.0], 3: [3.0, 3.0], 4: [5.0, 4.0], 5: [5.0]}
    assert stopped(rule, metric, histories, [1, 4, 5]) == [4]
    assert stopped(rule, metric, {1: [1.0, 1.0], 4: [5.0, 4.0]}, [4]) == []
