"""What a sweep's desk has decided is on its way to the log, whoever asked and whatever became of them."""

import asyncio
import json
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest

from runwell.core.sweeps.controller import Controller
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Sweep
from runwell.v1 import event_pb2
from runwell_sweeps.desk import Desk, created_event
from runwell_sweeps.journal import Journal, JournalError
from runwell_sweeps.questions import Questions

NAME = SweepName("ada", "digits", "lr")
CONFIG = {
    "method": "bayes",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"min": 0.0, "max": 1.0}},
}
PATIENCE_S = 20.0


async def test_an_agent_that_is_killed_while_a_trial_is_searched_for(tmp_path: Path):
    """Its question ends, and the decision does not end half-way: the trial is in memory and in the journal, or in neither."""
    begun, go_on = threading.Event(), threading.Event()

    def search(sweep: Sweep, random: Random) -> dict[str, Any]:
        begun.set()
        go_on.wait(PATIENCE_S)
        return {"x": 0.5}

    journal = Journal(NAME, lambda: None)
    sweep = Sweep.created(created_event(NAME, json.dumps(CONFIG), "ada"))
    desk = Desk(NAME, journal, Questions(tmp_path), sweep)
    desk.controller = Controller(sweep, event_pb2.Event, search, 0.0)
    asked = asyncio.create_task(desk.ask("r1", "a1"))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    asked.cancel()
    await asyncio.wait([asked])
    go_on.set()
    async with asyncio.timeout(PATIENCE_S), desk._turn:
        assert list(sweep.trials) == [1]
        assert [event.trial_suggested.trial for event in journal._waiting] == [1]


async def test_no_trial_is_told_before_the_log_has_it(tmp_path: Path):
    """While no collector takes the decision nobody hears of it; when it cannot be logged, the question fails."""
    journal = Journal(NAME, lambda: None)
    sweep = Sweep.created(created_event(NAME, json.dumps(CONFIG | {"method": "random"}), "ada"))
    asked = asyncio.create_task(Desk(NAME, journal, Questions(tmp_path), sweep).ask("r1", "a1"))
    async with asyncio.timeout(PATIENCE_S):
        await journal._news.wait()
    await journal.close()
    with pytest.raises(JournalError):
        await asked
