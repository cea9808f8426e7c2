"""All sweeps that are worked on: each has one desk, which is made when somebody asks and put away when nobody does."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from runwell.core.sweeps.controller import RefusedError
from runwell.core.sweeps.stream import SweepName
from runwell_sweeps.desk import Desk, created_event
from runwell_sweeps.journal import Journal, JournalError
from runwell_sweeps.questions import BehindError, Questions

LOOK_INTERVAL_S = 1.0
IDLE_S = 600.0
"""A desk that nobody has asked for this long, and at which nothing runs, is put away."""


class UnknownSweepError(Exception):
    """There is no such sweep."""


class Desks:
    """Finds, makes and watches desks."""

    def __init__(self, questions: Questions, collector: Callable[[], str | None]) -> None:
        self._questions = questions
        self._collector = collector
        self._desks: dict[SweepName, Desk] = {}
        self._making: dict[SweepName, asyncio.Lock] = {}

    async def create(self, name: SweepName, config_json: str, by: str) -> Desk:
        """Creates a sweep. Raises RefusedError when there is another one of that name, or the configuration is wrong."""
        created = created_event(name, config_json, by)
        async with self._lock(name):
            journal = Journal(name, self._collector)
            desk = await self._made(name, journal)
            if desk is None:
                journal.put(created)
                await journal.settled()
                desk = await self._made(name, journal)
                assert desk is not None
        if desk.controller.sweep.config.document != json.loads(config_json):
            raise RefusedError(f"there is a sweep {name} with another configuration: choose another id")
        return desk

    async def desk(self, name: SweepName) -> Desk:
        """The sweep's desk. Raises UnknownSweepError."""
        found = self._desks.get(name)
        if found is not None and not found.is_broken:
            return found
        async with self._lock(name):
            journal = Journal(name, self._collector)
            found = await self._made(name, journal)
        if found is None:
            await journal.close()
            raise UnknownSweepError(f"there is no sweep {name}; `runwell sweep ls` shows which there are")
        return found

    def watched(self) -> int:
        """How many sweeps are worked on."""
        return len(self._desks)

    def running_trials(self) -> int:
        """How many trials agents run."""
        return sum(len(desk.controller.running()) for desk in self._desks.values())

    def known(self, name: SweepName) -> Desk | None:
        """The desk, when there is one already."""
        return self._desks.get(name)

    def _lock(self, name: SweepName) -> asyncio.Lock:
        return self._making.setdefault(name, asyncio.Lock())

    async def _made(self, name: SweepName, journal: Journal) -> Desk | None:
        """The desk of a sweep, None when there is no sweep; ``journal`` is opened for it when it has to be made."""
        found = self._desks.get(name)
        if found is not None:
            if not found.is_broken:
                return found
            await found.close()
            del self._desks[name]
        if not journal.durable and await journal.open() == 0:
            return None
        sweep = await self._questions.sweep(name)
        if sweep is None:
            await journal.close()
            raise JournalError(f"the stream of sweep {name} is not in the views yet; try again")
        desk = self._desks[name] = Desk(name, journal, self._questions, sweep)
        return desk

    async def watch_for_ever(self) -> None:
        """Looks after all desks, and takes up sweeps in which something ran before this process began."""
        begun = False
        while True:
            try:
                begun = begun or await self._take_up()
                for desk in list(self._desks.values()):
                    await self._look_after(desk)
            except (BehindError, JournalError) as error:
                print(f"sweeps: {error}", file=sys.stderr, flush=True)
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def _take_up(self) -> bool:
        for name in await self._questions.sweeps():
            sweep = await self._questions.sweep(name)
            if sweep and any(trial.state == "running" for trial in sweep.trials.values()):
                await self.desk(name)
        return True

    async def _look_after(self, desk: Desk) -> None:
        if not desk.is_broken:
            await desk.look()
        if desk.is_broken or (desk.is_idle and time.monotonic() - desk.asked_at > IDLE_S):
            async with self._lock(desk.name):
                await desk.close()
                self._desks.pop(desk.name, None)

    async def close(self) -> None:
        """Lets go of all sweeps."""
        for desk in self._desks.values():
            await desk.close()


@asynccontextmanager
async def working(desks: Desks) -> AsyncIterator[None]:
    """Looks after the desks within the block."""
    watching = asyncio.create_task(desks.watch_for_ever())
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await desks.close()
