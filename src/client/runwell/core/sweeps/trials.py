"""A sweep's trials, folded from its events, and what is decided next. Who decides logs it before anybody is told.

A trial is one point of the space. It is given to an agent, which is an attempt; an attempt that was lost or preempted is
followed by another one of the same trial, so that killing agents never costs a point nor runs one twice to its end.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Literal

from runwell.core.limits import TRIAL_ATTEMPTS_MAX
from runwell.core.sweeps.config import SweepConfig, read_config
from runwell.core.sweeps.space import identity

SweepState = Literal["running", "paused", "finished", "stopped", "cancelled", "deleted"]
"""Paused gives no trials; stopped lets running ones end; cancelled stops them. Only paused goes back to running. Deleted is
cancelled and hidden."""

TrialState = Literal["running", "finished", "failed", "stopped", "lost", "preempted"]
"""Stopped: early, by rule or by a person. Lost and preempted trials are given again."""

AGAIN = ("lost", "preempted")
OVER = ("finished", "stopped", "cancelled", "deleted")
ABANDONED = ("cancelled", "deleted")
"""Trials of such a sweep are stopped."""


@dataclass(slots=True)
class Trial:
    """One point of the space and what became of it. Numbers begin at 1."""

    number: int
    parameters: dict[str, Any]
    attempt: int = 1
    agent: str = ""
    state: TrialState = "running"
    value: float | None = None
    reason: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
    """Of its latest attempt, in unix seconds."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a run outside the sweep did. The value is NaN when it is not known."""

    parameters: dict[str, Any]
    value: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """To be logged as TrialSuggested, and then told to the agent that asked."""

    trial: int
    attempt: int
    parameters: dict[str, Any]
    agent: str
    request: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do now, and there may be later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing more will be suggested."""

    reason: str


Search = Callable[["Sweep", Random], dict[str, Any]]
"""Chooses the parameters of the next trial; called for methods other than grid and random."""


@dataclass(slots=True)
class Sweep:
    """One sweep. Equal events in equal order make equal sweeps."""

    sweep_id: str
    config: SweepConfig
    state: SweepState = "running"
    created_at: float = 0.0
    trials: dict[int, Trial] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    """The trial that each answered request got, by the request's id: asked twice, it is answered the same."""
    grid_next: int = 0
    """The first point of the grid that was not looked at."""
    outside: dict[str, Point] = field(default_factory=dict)
    """Points that runs outside the sweep have done, by identity."""

    # ---- What happened

    def apply(self, event: Any) -> None:
        """Folds one runwell.v1.Event of this sweep; what is not about it changes nothing."""
        match event.WhichOneof("event"):
            case "trial_suggested":
                self._suggested(event.trial_suggested, event.time)
            case "trial_reported":
                self._reported(event.trial_reported, event.time)
            case "sweep_changed" if self.state not in OVER or event.sweep_changed.state == "deleted":
                self.state = event.sweep_changed.state
            case "sweep_points_added":
                added = event.sweep_points_added
                for text, value in zip(added.parameters_json, added.values, strict=True):
                    parameters = json.loads(text)
                    self.outside[identity(parameters)] = Point(parameters, value)

    @classmethod
    def created(cls, event: Any) -> "Sweep":
        """The sweep that a SweepCreated event begins. Raises SweepConfigError when its configuration cannot be used."""
        created = event.sweep_created
        return cls(created.sweep_id, read_config(json.loads(created.config_json)), created_at=event.time)

    def _suggested(self, suggested: Any, time: float) -> None:
        parameters = json.loads(suggested.parameters_json)
        trial = self.trials.get(suggested.trial)
        if trial is None:
            trial = self.trials[suggested.trial] = Trial(suggested.trial, parameters)
            if self.config.method == "grid":
                self.grid_next = self._grid_index(identity(parameters)) + 1
        trial.attempt, trial.agent, trial.state, trial.reason = suggested.attempt, suggested.agent, "running", ""
        trial.started_at, trial.ended_at = time, None
        self.requests[suggested.request_id] = suggested.trial

    def _grid_index(self, wanted: str) -> int:
        index = self.grid_next
        while identity(self.config.space.grid_point(index)) != wanted:
            index += 1
        return index

    def _reported(self, reported: Any, time: float) -> None:
        trial = self.trials[reported.trial]
        if trial.state != reported.state:
            trial.ended_at = time
        trial.state, trial.reason = reported.state, reported.reason
        if reported.HasField("value"):
            trial.value = reported.value
        metric = self.config.metric
        if metric and trial.value is not None and metric.reached(trial.value) and self.state not in OVER:
            self.state = "finished"

    # ---- What is decided

    def suggest(self, request: str, agent: str, search: Search) -> Suggestion | Wait | Over:
        """What the agent that asks does next. A request that was answered before gets the same answer."""
        known = self.trials.get(self.requests.get(request, 0))
        if known is not None and known.state == "running" and known.agent == agent:
            return Suggestion(known.number, known.attempt, known.parameters, agent, request)
        if self.state in OVER:
            return Over(f"the sweep is {self.state}")
        if self.state == "paused":
            return Wait("the sweep is paused")
        again = next((trial for trial in self.trials.values() if trial.state in AGAIN), None)
        if again is not None:
            return Suggestion(again.number, again.attempt + 1, again.parameters, agent, request)
        number = len(self.trials) + 1
        if self.config.run_cap is not None and number > self.config.run_cap:
            return self._none_left(f"run_cap of {self.config.run_cap} trials is reached")
        random = Random(f"{self.sweep_id}/{number}")
        parameters = self._parameters(random, search)
        if parameters is None:
            return self._none_left(f"all {self.config.space.grid_size} points of the grid were given")
        return Suggestion(number, 1, parameters, agent, request)

    def _none_left(self, reason: str) -> Wait | Over:
        running = sum(trial.state == "running" for trial in self.trials.values())
        return Wait(f"{reason}, and {running} are running") if running else Over(reason)

    def _parameters(self, random: Random, search: Search) -> dict[str, Any] | None:
        space = self.config.space
        if self.config.method == "random":
            return space.sample(random)
        if self.config.method != "grid":
            return search(self, random)
        for index in range(self.grid_next, space.grid_size):
            point = space.grid_point(index)
            if not self.outside or identity(point) not in self.outside:
                return point
        return None

    def ended(self, number: int, attempt: int, state: TrialState) -> TrialState | None:
        """The state to report for an attempt that ended; None when it is no news.

        The first attempt to end well decides, also when the trial was given to another agent meanwhile.
        """
        trial = self.trials.get(number)
        if trial is None or attempt > trial.attempt:
            return None
        if trial.state not in ("running", *AGAIN) or (attempt < trial.attempt and state != "finished"):
            return None
        if state in AGAIN and trial.attempt >= TRIAL_ATTEMPTS_MAX:
            return "failed"
        return None if state == trial.state else state

    def wanted(self, number: int, attempt: int) -> bool:
        """Should an agent go on with this attempt?"""
        trial = self.trials.get(number)
        return (
            self.state not in ABANDONED and trial is not None and trial.state == "running" and trial.attempt == attempt
        )

    @property
    def is_exhausted(self) -> bool:
        """Is every trial that will ever be given over?"""
        if any(trial.state == "running" or trial.state in AGAIN for trial in self.trials.values()):
            return False
        if self.config.run_cap is not None and len(self.trials) >= self.config.run_cap:
            return True
        return self.config.method == "grid" and self._parameters(Random(0), _no_search) is None

    # ---- What it looks like

    @property
    def best(self) -> Trial | None:
        """The finished or stopped trial with the best value, the first among equals."""
        best: Trial | None = None
        for trial, value in self.valued():
            if (
                best is None
                or best.value is None
                or (self.config.metric and self.config.metric.better(value, best.value))
            ):
                best = trial
        return best

    def valued(self) -> Iterator[tuple[Trial, float]]:
        """Trials with a value that is a number."""
        for trial in self.trials.values():
            if trial.value is not None and trial.value == trial.value:
                yield trial, trial.value

    def to_state(self) -> dict[str, Any]:
        """As JSON, for who keeps it."""
        return {
            "sweep_id": self.sweep_id,
            "config": dict(self.config.document),
            "state": self.state,
            "created_at": self.created_at,
            "trials": [asdict(trial) for trial in self.trials.values()],
            "requests": self.requests,
            "grid_next": self.grid_next,
            "outside": [asdict(point) for point in self.outside.values()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Sweep":
        """The sweep that ``to_state`` wrote."""
        trials = [Trial(**trial) for trial in state["trials"]]
        return cls(
            state["sweep_id"],
            read_config(state["config"]),
            state["state"],
            state["created_at"],
            {trial.number: trial for trial in trials},
            dict(state["requests"]),
            state["grid_next"],
            {identity(point["parameters"]): Point(**point) for point in state["outside"]},
        )


def _no_search(sweep: Sweep, random: Random) -> dict[str, Any]:
    raise AssertionError("BUG: a grid needs no search")


class Agents:
    """When each agent was last heard of, in seconds of a clock that never jumps. Not logged: it is about now."""

    def __init__(self, silent_after_s: float, now: float) -> None:
        self._silent_after_s = silent_after_s
        self._since = now
        self._heard: dict[str, float] = {}

    def heard(self, agent: str, now: float) -> None:
        self._heard[agent] = now

    def silent(self, agent: str, now: float) -> bool:
        """Was it not heard of for the time-out? Those from before the start get a whole time-out from there."""
        return self.silent_s(agent, now) > self._silent_after_s

    def silent_s(self, agent: str, now: float) -> float:
        """Seconds since it was heard of, or since the start."""
        return now - self._heard.get(agent, self._since)
