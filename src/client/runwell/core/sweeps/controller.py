"""What a controller of a sweep does, without clock, disk or network: it turns what agents say into events and answers.

Every call returns the events that it causes, which are already part of the sweep when it returns. Whoever runs a controller
makes them durable before anybody is told the answer; when that fails, the controller is thrown away and folded anew from
what is durable.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from runwell.core.limits import AGENT_SILENT_AFTER_S
from runwell.core.sweeps.stopping import stopped
from runwell.core.sweeps.trials import Agents, Over, Search, Suggestion, Sweep, SweepState, TrialState, Wait

NewEvent = Callable[..., Any]
"""``runwell.v1.event_pb2.Event``: makes an event of keyword arguments."""

Change = Literal["running", "paused", "stopped", "cancelled", "deleted"]
ENDS = tuple(state for state in get_args(TrialState) if state != "running")


class Outcome(NamedTuple):
    """What the runs of a trial came to, as far as it is known."""

    value: float | None = None
    """The metric in their summaries; the mean where there are several."""
    preempted: bool = False
    """One of them said that its machine would be taken away."""
    complete: bool = True
    """All of them have ended, so that no other value will come."""


NOTHING = Outcome()


class RefusedError(ValueError):
    """What was asked cannot be done; the message says what to do instead."""


@dataclass(slots=True)
class AgentInfo:
    """What an agent said of itself when it was last heard of."""

    agent: str
    host: str
    pid: int
    jobs: int
    running: Sequence[tuple[int, int]] = ()


class Controller:
    """Decides for one sweep. Times named ``now`` are seconds of a clock that never jumps, ``time`` is unix seconds."""

    def __init__(self, sweep: Sweep, new_event: NewEvent, search: Search, now: float) -> None:
        self.sweep = sweep
        self.agents: dict[str, AgentInfo] = {}
        self.heard = Agents(AGENT_SILENT_AFTER_S, now)
        self._new_event = new_event
        self._search = search

    def ask(self, request: str, agent: str, now: float, time: float) -> tuple[Suggestion | Wait | Over, list[Any]]:
        """What the agent does next."""
        self.heard.heard(agent, now)
        answer = self.sweep.suggest(request, agent, self._search)
        if not isinstance(answer, Suggestion) or self._is_given(answer):
            return answer, []
        suggested = {
            "sweep_id": self.sweep.sweep_id,
            "trial": answer.trial,
            "attempt": answer.attempt,
            "parameters_json": json.dumps(answer.parameters),
            "agent": agent,
            "request_id": request,
        }
        return answer, [self._applied(time, trial_suggested=suggested)]

    def _is_given(self, suggestion: Suggestion) -> bool:
        known = self.sweep.trials.get(suggestion.trial)
        return known is not None and known.state == "running" and known.attempt == suggestion.attempt

    def report(
        self, trial: int, attempt: int, state: TrialState, reason: str, outcome: Outcome, time: float
    ) -> list[Any]:
        """An attempt ended; ``attempt`` 0 means whichever runs. Raises RefusedError for what is no trial or no end."""
        known = self.sweep.trials.get(trial)
        if known is None:
            raise RefusedError(f"sweep {self.sweep.sweep_id} has no trial {trial}: it has {len(self.sweep.trials)}")
        if state not in ENDS:
            raise RefusedError(f"{state!r} is no end of a trial: choose one of {', '.join(ENDS)}")
        if state == "failed" and outcome.preempted:
            state, reason = "preempted", reason or "its machine was taken away"
        told = self.sweep.ended(trial, attempt or known.attempt, state)
        if told is None:
            return []
        if told == "failed" and state != "failed":
            reason = f"{state} in all of its {known.attempt} attempts"
        return [self._reported(trial, told, reason, outcome.value, time)]

    def came_late(self, outcomes: Mapping[int, Outcome], time: float) -> list[Any]:
        """Values that arrived after their trials had been reported."""
        return [
            self._reported(number, known.state, known.reason, outcome.value, time)
            for number, outcome in outcomes.items()
            if outcome.value is not None and (known := self.sweep.trials[number]).value is None
        ]

    def beat(self, info: AgentInfo, now: float) -> list[tuple[int, int]]:
        """An agent lives; returns those of its attempts that it should stop."""
        self.heard.heard(info.agent, now)
        self.agents[info.agent] = info
        return [pair for pair in info.running if not self.sweep.wanted(*pair)]

    def time_outs(self, now: float, time: float) -> list[Any]:
        """Trials whose agents fell silent are lost, and given again."""
        lost = [trial for trial in self.running() if self.heard.silent(trial.agent, now)]
        events = []
        for trial in lost:
            state = self.sweep.ended(trial.number, trial.attempt, "lost")
            if state is not None:
                reason = f"agent {trial.agent} was not heard of for {AGENT_SILENT_AFTER_S:.0f} s"
                events.append(self._reported(trial.number, state, reason, None, time))
        return events

    def stop_early(self, histories: Mapping[int, Sequence[float]], time: float) -> list[Any]:
        """Applies the sweep's rule; ``histories`` are the metric's values of all trials, by number."""
        config = self.sweep.config
        if config.early_terminate is None or config.metric is None:
            return []
        running = [trial.number for trial in self.running()]
        kind = type(config.early_terminate).__name__
        return [
            self._reported(number, "stopped", f"{kind}: {_last(histories[number])}", None, time)
            for number in stopped(config.early_terminate, config.metric, histories, running)
        ]

    def change(self, state: str, by: str, time: float) -> list[Any]:
        """Pauses, goes on, stops, cancels or deletes. Raises RefusedError for what is over already."""
        if state not in get_args(Change):
            raise RefusedError(f"{state!r} is no state to bring a sweep into: choose {', '.join(get_args(Change))}")
        before: SweepState = self.sweep.state
        if state == before:
            return []
        if before in ("finished", "stopped", "cancelled", "deleted") and state != "deleted":
            raise RefusedError(f"sweep {self.sweep.sweep_id} is {before}, and stays so: create another one")
        changed = {"sweep_id": self.sweep.sweep_id, "by": by, "state": state}
        return [self._applied(time, sweep_changed=changed)]

    def finish_if_over(self, time: float) -> list[Any]:
        """A sweep that gives nothing more and in which nothing runs is finished."""
        if self.sweep.state != "running" or not self.sweep.is_exhausted:
            return []
        changed = {"sweep_id": self.sweep.sweep_id, "by": "controller", "state": "finished"}
        return [self._applied(time, sweep_changed=changed)]

    def add_points(self, points: Sequence[tuple[Mapping[str, Any], float]], by: str, time: float) -> list[Any]:
        """Takes in what runs outside the sweep have done; a value that is not known is NaN."""
        added = {
            "sweep_id": self.sweep.sweep_id,
            "by": by,
            "parameters_json": [json.dumps(parameters) for parameters, _ in points],
            "values": [value for _, value in points],
        }
        return [self._applied(time, sweep_points_added=added)] if points else []

    def running(self) -> list[Any]:
        """The trials that agents run."""
        # A copy, since a search may give a trial in another thread meanwhile.
        return [trial for trial in list(self.sweep.trials.values()) if trial.state == "running"]

    def _reported(self, number: int, state: str, reason: str, value: float | None, time: float) -> Any:
        attempt = self.sweep.trials[number].attempt
        said = {"sweep_id": self.sweep.sweep_id, "trial": number, "attempt": attempt, "state": state, "reason": reason}
        return self._applied(time, trial_reported=said if value is None else said | {"value": value})

    def _applied(self, time: float, **said: Any) -> Any:
        event = self._new_event(time=time, **said)
        self.sweep.apply(event)
        return event


def _last(history: Sequence[float]) -> str:
    return f"{history[-1]:g} after {len(history)} values" if history else "no value"
