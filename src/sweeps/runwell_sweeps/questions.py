"""Questions to the views, off the event loop: what a sweep was, and what the runs of its trials came to."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from runwell.core.sweeps.config import Metric
from runwell.core.sweeps.controller import Outcome
from runwell.core.sweeps.outcomes import TrialRun, outcome_of
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Sweep
from runwell_projector.query import RunName, Views, wait_for_log_end

Answer = TypeVar("Answer")

CONSISTENT_READ_S = 10.0
THREADS = 2


class BehindError(Exception):
    """The views did not come up to the log's end in time."""


class Questions:
    """Asks the views. Waits for the log's end are shared: whoever asks during one is served by the next."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._threads = ThreadPoolExecutor(THREADS, "views")
        self._waiting = ThreadPoolExecutor(1, "log-end")
        self._local = threading.local()
        self._next: asyncio.Task[bool] | None = None
        self._turn = asyncio.Lock()

    def close(self) -> None:
        """Lets what is under way end by itself."""
        self._waiting.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def sweeps(self) -> list[SweepName]:
        """All sweeps."""
        return await self._ask(lambda views: views.sweeps())

    async def sweep(self, name: SweepName) -> Sweep | None:
        """The sweep as its records up to the log's end tell; the caller's own."""
        await self._log_end()
        return await self._ask(lambda views: views.fresh_sweep(name))

    async def runs(self, entity: str, project: str, run_ids: Sequence[str]) -> list[dict[str, object] | None]:
        """The views of some runs; None for one that is not there."""
        await self._log_end()
        names: list[RunName] = [(entity, project, run_id) for run_id in run_ids]
        return await self._ask(lambda views: [views.run(*name) for name in names])

    async def outcomes(self, name: SweepName, metric: Metric | None, trials: Sequence[int]) -> dict[int, Outcome]:
        """What the runs of some trials have come to by now."""
        await self._log_end()
        runs = await self._ask(lambda views: views.trial_runs(name, trials))
        return {trial: outcome_of([run for run in runs if run.trial == trial], metric) for trial in trials}

    async def trial_runs(self, name: SweepName) -> list[TrialRun]:
        """The runs of all trials, as the views have them now."""
        return await self._ask(lambda views: views.trial_runs(name))

    async def history(self, name: SweepName, run_id: str, metric: str) -> list[float]:
        """The values of a metric that a run has logged, in their order."""
        series = await self._ask(lambda views: views.series(name.entity, name.project, run_id, [metric]))
        return [float(value) for value in series[metric]["values"] if isinstance(value, int | float)]

    async def _log_end(self) -> None:
        if self._next is None:
            self._next = asyncio.create_task(self._wait_in_turn())
        if not await asyncio.shield(self._next):
            raise BehindError("the views did not reach the log's end in time; is the projector running?")

    async def _wait_in_turn(self) -> bool:
        async with self._turn:
            # Whoever asks from here on needs a wait that begins later.
            self._next = None
            return await asyncio.get_running_loop().run_in_executor(
                self._waiting, wait_for_log_end, self._data_dir, CONSISTENT_READ_S
            )

    async def _ask(self, question: Callable[[Views], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._asked, question)

    def _asked(self, question: Callable[[Views], Answer]) -> Answer:
        if not hasattr(self._local, "views"):
            self._local.views = Views.open(self._data_dir)
        views: Views = self._local.views
        return question(views)
