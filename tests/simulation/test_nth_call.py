"""The n-th call of a disk, a log or a database fails, or is the last thing that its process does: for every n."""

from itertools import count

import pytest

from tests.simulation.schedule import Outcome, run_schedule
from tests.simulation.world import Plan

CALLS_MIN = {"training": 20, "forwarder": 40, "collector": 3, "projector": 20}
"""A sweep that ends earlier has not been what it says."""

SEEDS = {"training": "12", "forwarder": "7", "collector": "12", "projector": "12"}


def sweep(kind: str, what: str) -> list[Outcome]:
    """Schedules in which nothing goes wrong but the n-th call of that kind of process, until there are no more calls."""
    outcomes = []
    for number in count(1):
        outcome = run_schedule(SEEDS[kind], Plan(exact={kind: {what: number}}))
        if not outcome.unkind:
            return outcomes
        outcomes.append(outcome)
    raise AssertionError("unreachable")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", ["fail_at", "kill_at"])
@pytest.mark.parametrize("kind", CALLS_MIN)
def test_any_one_call_may_fail_or_be_the_last(kind: str, what: str):
    """Whichever call of a process fails, or is cut short by its death: every record is in every view once."""
    assert len(sweep(kind, what)) >= CALLS_MIN[kind]
