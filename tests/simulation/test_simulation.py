"""Spool, forwarder, collector, liveness and folds in a world that is unkind by chance, from a seed."""

import subprocess
import sys

import pytest

from tests.house.source import ROOT
from tests.simulation.faults import Fault
from tests.simulation.runs import run_chunk, seeds
from tests.simulation.schedule import run_schedule

CHUNKS, CHUNK = 26, 85
"""At least 2,000 schedules, in portions that several workers can share."""

OFTEN = 0.9
"""In so many of all schedules something must have gone wrong; the others do not count."""

RARE_MAX = 8
"""Kinds of fault that a portion may lack."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_goes_wrong_nothing_is_lost(chunk: int):
    """Whatever is killed, cut, delayed, repeated, torn, filled up or set wrong: every record is in every view once."""
    tally = run_chunk(seeds(str(chunk * CHUNK), CHUNK))
    assert not tally.failures, tally.failures[0]
    assert tally.counted >= CHUNK * OFTEN, f"{tally.quiet} schedules in which nothing went wrong"
    missing = [fault.value for fault in Fault if not tally.faults[fault]]
    assert len(missing) <= RARE_MAX, f"never happened: {missing}"
    print(f"{tally.counted} schedules, {tally.records} records, {tally.cpu_s:.1f} s of CPU")


def test_a_seed_is_a_schedule():
    """The same seed is the same world, also in another process with other hashes: so that a failure can be repeated."""
    program = (
        "from tests.simulation.schedule import run_schedule\n"
        "print([(sorted((f.name, n) for f, n in o.faults.items()), o.records, o.digest) for o in map(run_schedule, '369')])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert run_schedule("3").digest in told[0]
