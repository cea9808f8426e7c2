"""Offline sweeps: the controller in the process of whoever asks, over the journal that all agents of the machine share.

An agent holds a lock as long as it lives, so that its death is known at once, without clocks and time-outs.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from runwell._api_errors import NotFoundError, RequestRefusedError
from runwell.core.sweeps.controller import NOTHING, AgentInfo, Controller, RefusedError
from runwell.core.sweeps.outcomes import outcome_of, point_of
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Over, Suggestion, Sweep
from runwell.sweeps.calls import Given, Later, NoMore
from runwell.sweeps.local_journal import LocalJournal, append, create, events_after
from runwell.sweeps.local_runs import LocalRuns
from runwell.sweeps.records import is_dead
from runwell.v1 import event_pb2


def create_local(root: Path, name: SweepName, config_json: str, by: str, prior_runs: Sequence[str]) -> None:
    """Creates an offline sweep, with what runs of this machine have done already. Raises RequestRefusedError."""
    said = {"by": by, "sweep_id": name.sweep_id, "config_json": config_json}
    created = event_pb2.Event(time=time.time(), sweep_created=event_pb2.SweepCreated(**said))
    runs = LocalRuns(root, name)
    sweep = Sweep.created(created)
    controller = Controller(sweep, event_pb2.Event, _search, now=0.0)
    try:
        points = [point_of(run_id, runs.view(run_id), sweep.config) for run_id in prior_runs]
    except RefusedError as error:
        raise RequestRefusedError(str(error)) from None
    events = [created, *controller.add_points(points, by, time.time())]
    with LocalJournal(root).turn() as connection:
        create(connection, name)
        append(connection, name, 0, [event.SerializeToString() for event in events])


class LocalCalls:
    """An offline sweep, as its agents see it."""

    def __init__(self, root: Path, name: SweepName) -> None:
        self.name = name
        self._root = root
        self._journal = LocalJournal(root)
        self._runs = LocalRuns(root, name)
        self._watched = LocalRuns(root, name)
        """For the thread that beats."""
        self._mine = threading.Lock()
        self._controller: Controller | None = None
        self._records = 0
        """As many events of the journal are in the controller."""

    def ask(self, agent: str, request_id: str) -> Given | Later | NoMore:
        """What the agent does next; trials of dead agents are given again first."""
        with self._deciding() as (controller, events):
            for trial in controller.running():
                if trial.agent != agent and is_dead(self._root, trial.agent):
                    reason = f"agent {trial.agent} died"
                    events += controller.report(trial.number, trial.attempt, "lost", reason, NOTHING, time.time())
            answer, suggested = controller.ask(request_id, agent, now=0.0, time=time.time())
            events += suggested
            if isinstance(answer, Over):
                events += controller.finish_if_over(time.time())
        if isinstance(answer, Suggestion):
            return Given(answer.trial, answer.attempt, answer.parameters)
        return NoMore(answer.reason) if isinstance(answer, Over) else Later(answer.reason)

    def report(self, agent: str, given: Given, state: str, reason: str) -> str:
        """An attempt ended; returns the trial's state."""
        runs = self._runs.of_trial(given.trial) if state in ("finished", "failed", "stopped") else []
        ended: Any = state
        with self._deciding() as (controller, events):
            outcome = outcome_of(runs, controller.sweep.config.metric)
            events += controller.report(given.trial, given.attempt, ended, reason, outcome, time.time())
            if state == "stopped" == controller.sweep.trials[given.trial].state:
                # The rule stopped it before its last value was known.
                events += controller.came_late({given.trial: outcome}, time.time())
            events += controller.finish_if_over(time.time())
            return controller.sweep.trials[given.trial].state

    def beat(self, agent: Mapping[str, Any], running: Sequence[Given]) -> list[tuple[int, int]]:
        """Applies the rule that stops trials early; returns the attempts that the agent should stop."""
        histories = self._histories(running)
        pairs = [(given.trial, given.attempt) for given in running]
        info = AgentInfo(agent["agent"], agent["host"], agent["pid"], agent["jobs"], pairs)
        with self._deciding() as (controller, events):
            known = {number: values for number, values in histories.items() if number in controller.sweep.trials}
            events += controller.stop_early(known, time.time())
            return controller.beat(info, now=0.0)

    def _histories(self, running: Sequence[Given]) -> dict[int, list[float]]:
        with self._deciding() as (controller, _):
            config, trials = controller.sweep.config, list(controller.sweep.trials)
        if config.early_terminate is None or config.metric is None or not running:
            return {}
        return {trial: self._watched.history(trial, config.metric.name) for trial in trials}

    def document(self) -> dict[str, Any]:
        """The sweep's configuration."""
        with self._deciding() as (controller, _):
            return dict(controller.sweep.config.document)

    def sweep(self) -> Sweep:
        """The sweep as it is now, to be read only."""
        with self._deciding() as (controller, _):
            return controller.sweep

    def change(self, state: str, by: str) -> str:
        """Brings the sweep into a state."""
        with self._deciding() as (controller, events):
            events += controller.change(state, by, time.time())
            return controller.sweep.state

    @contextmanager
    def _deciding(self) -> Iterator[tuple[Controller, list[Any]]]:
        """The sweep as all agents left it; events that are put into the list are durable when the block is left."""
        with self._mine:
            try:
                with self._journal.turn() as connection:
                    controller = self._caught_up(events_after(connection, self.name, self._records))
                    events: list[Any] = []
                    yield controller, events
                    append(connection, self.name, self._records, [event.SerializeToString() for event in events])
                self._records += len(events)
            except BaseException as error:
                # What was decided is not durable: the next one decides on what is.
                self._controller, self._records = None, 0
                if isinstance(error, RefusedError):
                    raise RequestRefusedError(str(error)) from None
                raise

    def _caught_up(self, news: Sequence[bytes]) -> Controller:
        for data in news:
            event = event_pb2.Event.FromString(data)
            if self._controller is None:
                self._controller = Controller(Sweep.created(event), event_pb2.Event, _search, now=0.0)
            else:
                self._controller.sweep.apply(event)
        self._records += len(news)
        if self._controller is None:
            raise NotFoundError(f"there is no offline sweep {self.name} in {self._root}")
        return self._controller


def _search(sweep: Sweep, random: Random) -> dict[str, Any]:
    from runwell.search import suggest

    return suggest(sweep, random)
