"""One sweep while agents work on it: decides in turn, makes what was decided durable, and then answers."""

import asyncio
import json
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from runwell.core.sweeps.config import read_config
from runwell.core.sweeps.controller import NOTHING, AgentInfo, Controller, Outcome, RefusedError
from runwell.core.sweeps.outcomes import point_of
from runwell.core.sweeps.problems import SweepConfigError
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Over, Suggestion, Sweep, TrialState, Wait
from runwell.v1 import event_pb2
from runwell_sweeps.journal import Journal
from runwell_sweeps.questions import BehindError, Questions

LATE_S_MAX = 600.0
"""How long after its end a trial's value is looked for, when its runs have not ended in the views."""


class Desk:
    """Serves one sweep. Broken once its journal is: then whoever asks is told to try again, and a new one is made."""

    def __init__(self, name: SweepName, journal: Journal, questions: Questions, sweep: Sweep) -> None:
        self.name = name
        self._journal = journal
        self._questions = questions
        self._turn = asyncio.Lock()
        self._histories: dict[str, tuple[tuple[Any, ...], list[float]]] = {}
        self.controller = Controller(sweep, event_pb2.Event, search_for(sweep), time.monotonic())
        self.asked_at = time.monotonic()

    @property
    def is_broken(self) -> bool:
        """Whether it cannot go on."""
        return self._journal.is_broken

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it has to be watched."""
        return not self.controller.running() and not self._without_value()

    async def close(self) -> None:
        """Lets go of the sweep."""
        await self._journal.close()

    async def ask(self, request: str, agent: str) -> Suggestion | Wait | Over:
        """What the agent does next."""
        self.asked_at = time.monotonic()
        # An agent that is killed meanwhile ends its question, and must not end the decision half-way: what is decided in
        # memory and not in the journal would be missing there for good.
        answer = await asyncio.shield(self._decide(request, agent))
        await self._journal.settled()
        return answer

    async def _decide(self, request: str, agent: str) -> Suggestion | Wait | Over:
        async with self._turn:
            decide = self.controller.ask
            arguments = (request, agent, time.monotonic(), time.time())
            if self.controller.sweep.config.method == "bayes":
                # A search takes a tenth of a second: others are served meanwhile.
                answer, events = await asyncio.to_thread(decide, *arguments)
            else:
                answer, events = decide(*arguments)
            if isinstance(answer, Over):
                events += self.controller.finish_if_over(time.time())
            self._put(events)
        return answer

    async def report(self, trial: int, attempt: int, state: TrialState, reason: str) -> str:
        """An attempt ended; returns the trial's state."""
        self.asked_at = time.monotonic()
        outcome = await self._outcome(trial) if state in ("finished", "failed", "stopped") else NOTHING
        async with self._turn:
            events = self.controller.report(trial, attempt, state, reason, outcome, time.time())
            events += self.controller.finish_if_over(time.time())
            self._put(events)
        await self._journal.settled()
        return self.controller.sweep.trials[trial].state

    async def _outcome(self, trial: int) -> Outcome:
        config = self.controller.sweep.config
        try:
            return (await self._questions.outcomes(self.name, config.metric, [trial]))[trial]
        except BehindError:
            # The value is looked for again later.
            return NOTHING

    async def beat(self, info: AgentInfo) -> list[tuple[int, int]]:
        """An agent lives; returns those of its attempts that it should stop."""
        return self.controller.beat(info, time.monotonic())

    def agents(self) -> list[tuple[AgentInfo, float]]:
        """The agents that were heard of, and the seconds since."""
        now = time.monotonic()
        return [(agent, self.controller.heard.silent_s(name, now)) for name, agent in self.controller.agents.items()]

    async def change(self, state: str, by: str) -> str:
        """Brings the sweep into a state and returns it."""
        async with self._turn:
            self._put(self.controller.change(state, by, time.time()))
        await self._journal.settled()
        return self.controller.sweep.state

    async def add_runs(self, run_ids: Sequence[str], by: str) -> int:
        """Takes in runs that happened outside the sweep."""
        views = await self._questions.runs(self.name.entity, self.name.project, run_ids)
        points = [self._point(run_id, view) for run_id, view in zip(run_ids, views, strict=True)]
        async with self._turn:
            self._put(self.controller.add_points(points, by, time.time()))
        await self._journal.settled()
        return len(points)

    def _point(self, run_id: str, view: dict[str, Any] | None) -> tuple[dict[str, Any], float]:
        if view is None:
            raise RefusedError(f"there is no run {self.name.entity}/{self.name.project}/{run_id} to take in")
        return point_of(run_id, view, self.controller.sweep.config)

    # ---- What time brings

    async def look(self) -> None:
        """Time-outs, early stops and values that came late."""
        late = self._without_value()
        outcomes: dict[int, Outcome] = {}
        if late:
            outcomes = await self._questions.outcomes(self.name, self.controller.sweep.config.metric, late)
        histories = await self._current_histories()
        async with self._turn:
            now = time.time()
            events = self.controller.time_outs(time.monotonic(), now)
            events += self.controller.came_late(outcomes, now)
            events += self.controller.stop_early(histories, now)
            events += self.controller.finish_if_over(now)
            self._put(events)
        await self._journal.settled()

    def _without_value(self) -> list[int]:
        sweep, now = self.controller.sweep, time.time()
        if sweep.config.metric is None:
            return []
        return [
            trial.number
            for trial in sweep.trials.values()
            if trial.state in ("finished", "stopped")
            and trial.value is None
            and now - (trial.ended_at or 0.0) < LATE_S_MAX
        ]

    async def _current_histories(self) -> dict[int, list[float]]:
        """The metric's values of all trials, when the sweep has a rule that looks at them."""
        config = self.controller.sweep.config
        if config.early_terminate is None or config.metric is None or not self.controller.running():
            return {}
        histories: dict[int, list[float]] = {}
        for run in await self._questions.trial_runs(self.name):
            mark = (run.state, run.attempts, run.last_step, run.summary.get("_timestamp"))
            known = self._histories.get(run.run_id)
            if known is None or known[0] != mark:
                known = mark, await self._questions.history(self.name, run.run_id, config.metric.name)
                self._histories[run.run_id] = known
            histories.setdefault(run.trial, []).extend(known[1])
        return histories

    def _put(self, events: list[event_pb2.Event]) -> None:
        for event in events:
            self._journal.put(event)


def search_for(sweep: Sweep) -> Any:
    """What chooses the parameters of a trial. Raises RefusedError when it is not installed."""

    def none(sweep: Sweep, random: Random) -> dict[str, Any]:
        raise AssertionError("BUG: grid and random need no search")

    if sweep.config.method != "bayes":
        return none
    from runwell.search import suggest

    return suggest


def created_event(name: SweepName, config_json: str, by: str) -> event_pb2.Event:
    """The first record of a sweep. Raises RefusedError when its configuration cannot be used."""
    try:
        read_config(json.loads(config_json))
    except (SweepConfigError, ValueError, RecursionError) as error:
        raise RefusedError(str(error)) from None
    said = {"by": by, "sweep_id": name.sweep_id, "config_json": config_json}
    return event_pb2.Event(time=time.time(), sweep_created=event_pb2.SweepCreated(**said))
