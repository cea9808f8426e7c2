"""Many schedules, in one process or several, with a count of all that went wrong in them."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.simulation.faults import Fault
from tests.simulation.schedule import ScheduleError, run_schedule

CHUNK = 50
"""Schedules that a worker does before it reports."""


@dataclass
class Tally:
    """What came of some schedules. Those in which nothing went wrong in the world do not count."""

    counted: int = 0
    quiet: int = 0
    records: int = 0
    cpu_s: float = 0.0
    faults: Counter[Fault] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Takes in what another worker found."""
        self.counted += other.counted
        self.quiet += other.quiet
        self.records += other.records
        self.cpu_s += other.cpu_s
        self.faults += other.faults
        self.failures += other.failures


def run_chunk(seeds: Iterable[str]) -> Tally:
    """Runs the schedules of some seeds."""
    tally, began = Tally(), time.process_time()
    for seed in seeds:
        try:
            outcome = run_schedule(seed)
        except ScheduleError as error:
            tally.failures.append(str(error))
            tally.counted += 1
            continue
        tally.counted += outcome.unkind
        tally.quiet += not outcome.unkind
        tally.records += outcome.records
        tally.faults += outcome.faults
    tally.cpu_s = time.process_time() - began
    return tally


def seeds(first: str, count: int) -> list[str]:
    """The given seed, then numbers after it where it is one."""
    return [first] if count == 1 else [f"{int(first) + place}" for place in range(count)]


def run_many(first: int, schedules: int, jobs: int) -> Iterator[Tally]:
    """Runs schedules until that many have counted; yields the sum after every chunk. Stops at the first failure."""
    total, following = Tally(), first
    with ProcessPoolExecutor(jobs) as pool:
        while total.counted < schedules and not total.failures:
            wanted = min(schedules - total.counted, CHUNK * jobs)
            share = -(-wanted // jobs)
            chunks = [seeds(str(following + share * job), share) for job in range(jobs)]
            following += share * jobs
            for tally in pool.map(run_chunk, chunks):
                total.add(tally)
            yield total


def main(first: str, schedules: int, jobs: int) -> int:
    """Tells how it goes; the exit status."""
    if not first.isdecimal() or schedules == 1:
        tally = run_chunk([first])
        print(*tally.failures or [f"seed {first}: all is well"], sep="\n")
        return 1 if tally.failures else 0
    began, total = time.monotonic(), Tally()
    for total in run_many(int(first), schedules, jobs):
        print(
            f"\r{total.counted:,} of {schedules:,} schedules, {total.records:,} records, {total.cpu_s:,.0f} s of CPU, "
            f"{time.monotonic() - began:,.0f} s",
            end="",
            file=sys.stderr,
            flush=True,
        )
    print(file=sys.stderr)
    for fault, count in sorted(total.faults.items(), key=lambda item: -item[1]):
        print(f"{count:12,}  {fault.value}")
    print(f"{total.quiet:12,}  schedules in which nothing went wrong, which do not count")
    print(*total.failures, sep="\n")
    return 1 if total.failures else 0


def default_jobs() -> int:
    """As many as there are processors."""
    return os.cpu_count() or 1
