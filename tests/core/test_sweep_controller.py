"""What a controller makes of what agents say, without processes."""

import itertools
import json
from typing import Any

import pytest

from runwell.core.limits import AGENT_SILENT_AFTER_S
from runwell.core.sweeps.config import read_config
from runwell.core.sweeps.controller import NOTHING, AgentInfo, Controller, Outcome, RefusedError
from runwell.core.sweeps.importance import importance
from runwell.core.sweeps.trials import Over, Suggestion, Sweep
from runwell.v1.event_pb2 import Event


def no_search(sweep: Any, random: Any) -> dict[str, Any]:
    raise AssertionError("grid and random need no search")


def controller(**document: Any) -> Controller:
    return Controller(Sweep("s1", read_config(document)), Event, no_search, now=0.0)


NUMBERS = itertools.count()


def ask(one: Controller, agent: str = "a", now: float = 0.0) -> Any:
    return one.ask(f"r{next(NUMBERS)}", agent, now, time=now)[0]


GRID = {"method": "grid", "parameters": {"x": {"values": [1, 2]}}, "metric": {"name": "loss"}}


def test_trials_of_a_silent_agent_are_lost():
    """At the time-out an agent's trials are given again, and not before; whoever beats keeps his."""
    one = controller(**GRID)
    first, second = ask(one, "a"), ask(one, "b")
    one.beat(AgentInfo("b", "host", 1, 1, [(second.trial, second.attempt)]), AGENT_SILENT_AFTER_S)
    assert one.time_outs(AGENT_SILENT_AFTER_S, 0.0) == []
    (lost,) = one.time_outs(AGENT_SILENT_AFTER_S + 1, 1.0)
    assert (lost.trial_reported.trial, lost.trial_reported.state) == (first.trial, "lost")
    again = ask(one, "c", AGENT_SILENT_AFTER_S + 2)
    assert (again.trial, again.attempt) == (first.trial, 2)
    stop = one.beat(AgentInfo("a", "host", 1, 1, [(first.trial, first.attempt)]), AGENT_SILENT_AFTER_S + 3)
    assert stop == [(first.trial, 1)]


def test_an_answer_repeated_is_not_decided_again():
    """A request that is asked twice makes one event, and the same answer."""
    one = controller(**GRID)
    first, events = one.ask("r", "a", 0.0, 0.0)
    again, none = one.ask("r", "a", 0.0, 0.0)
    assert first == again
    assert (len(events), none) == (1, [])


def test_a_preempted_trial_is_given_again():
    """A trial that failed on a machine that was taken away is preempted, not failed."""
    one = controller(**GRID)
    given = ask(one)
    one.report(given.trial, given.attempt, "failed", "SIGTERM", Outcome(preempted=True), 0.0)
    assert one.sweep.trials[given.trial].state == "preempted"
    assert ask(one).trial == given.trial


def test_a_sweep_ends_with_its_last_trial():
    """A grid of which every point is over is finished, and says so once."""
    one = controller(**GRID)
    trials = [ask(one), ask(one)]
    for given in trials:
        assert one.finish_if_over(0.0) == []
        one.report(given.trial, given.attempt, "finished", "", Outcome(float(given.trial)), 0.0)
    assert len(one.finish_if_over(0.0)) == 1
    assert one.finish_if_over(0.0) == []
    assert ask(one) == Over("the sweep is finished")
    assert one.sweep.best is one.sweep.trials[1]


def test_values_that_come_late_are_taken_once():
    """A value that reaches the views after its trial was reported is added to it; a second one is not."""
    one = controller(**GRID)
    given = ask(one)
    one.report(given.trial, given.attempt, "finished", "", NOTHING, 0.0)
    assert len(one.came_late({given.trial: Outcome(0.5)}, 1.0)) == 1
    assert one.came_late({given.trial: Outcome(0.7)}, 2.0) == []
    trial = one.sweep.trials[given.trial]
    assert (trial.state, trial.value, trial.ended_at) == ("finished", 0.5, 0.0)


@pytest.mark.parametrize("state", ["stopped", "cancelled", "deleted"])
def test_what_is_over_stays_over(state: str):
    """A stopped sweep lets its trials end, a cancelled or deleted one stops them; none goes on."""
    one = controller(**GRID)
    given = ask(one)
    one.change(state, "me", 0.0)
    assert one.sweep.wanted(given.trial, given.attempt) is (state == "stopped")
    assert isinstance(ask(one), Over)
    with pytest.raises(RefusedError, match="stays so"):
        one.change("running", "me", 0.0)
    one.change("deleted", "me", 0.0)
    assert one.sweep.state == "deleted"


def test_nonsense_is_refused_with_what_to_do():
    """Unknown trials, ends and states are named, with those that there are."""
    one = controller(**GRID)
    with pytest.raises(RefusedError, match="has no trial 7: it has 0"):
        one.report(7, 1, "finished", "", NOTHING, 0.0)
    given = ask(one)
    with pytest.raises(RefusedError, match="choose one of finished, failed"):
        one.report(given.trial, 1, "running", "", NOTHING, 0.0)
    with pytest.raises(RefusedError, match="choose running, paused"):
        one.change("done", "me", 0.0)


def test_hyperband_stops_through_the_log():
    """A trial that loses at a bracket is reported as stopped, and its agent told at its next beat."""
    one = controller(**GRID, early_terminate={"type": "hyperband", "min_iter": 2, "eta": 2})
    good, bad = ask(one), ask(one)
    histories = {good.trial: [0.5, 0.5], bad.trial: [1.0, 0.9], 7: [0.1, 0.1], 8: [0.2, 0.2]}
    (event,) = one.stop_early(histories, 0.0)
    assert (event.trial_reported.trial, event.trial_reported.state) == (bad.trial, "stopped")
    assert one.beat(AgentInfo("a", "h", 1, 2, [(1, 1), (2, 1)]), 0.0) == [(bad.trial, 1)]


def test_importance_finds_what_matters():
    """A parameter that decides the value has importance 1, whatever its scale and kind; one that decides nothing has 0."""
    parameters = {"x": {"min": 1.0, "max": 9.0}, "kind": {"values": ["a", "b"]}, "idle": {"values": [7, 7.5]}}
    one = controller(method="random", parameters=parameters, metric={"name": "loss"})
    sweep = one.sweep
    for number, (x, idle) in enumerate([(1.0, 7), (2.0, 7.5), (3.0, 7.5), (4.0, 7)], 1):
        said = {"x": x, "kind": "a" if x < 3 else "b", "idle": idle}
        suggestion = {"trial": number, "attempt": 1, "parameters_json": json.dumps(said), "request_id": str(number)}
        sweep.apply(Event(trial_suggested=suggestion))
        sweep.apply(Event(trial_reported={"trial": number, "attempt": 1, "state": "finished", "value": x**3}))
    found = {entry["parameter"]: entry for entry in importance(sweep)["parameters"]}
    assert found["x"] == {"parameter": "x", "importance": 1.0, "correlation": 1.0}
    assert found["idle"]["importance"] == 0.0
    assert found["kind"]["importance"] == pytest.approx(0.894, abs=1e-3)
    assert isinstance(ask(one), Suggestion)
