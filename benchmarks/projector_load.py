"""What a projector costs: a real process that follows a real log of 10,000 open runs, of which 1 % is active.

    python -m benchmarks.projector_load

Each active run logs a batch of 10 rows of 10 keys a second; batches come in groups every 200 ms, as a collector commits
so few. CPU is in percent of one core; other work on the machine makes it look like twice as much. The catch-up before is
told per batch, and the following as a ratio to it: work that comes in dribbles against the same work at a stretch.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.collector_load import cpu_s, memory_mb
from runwell.core import limits
from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.log import NewBatch, RunId
from runwell_collector.log.sqlite import SqliteEventLog, open_event_log
from runwell_projector.query import Views, wait_for_log_end

RUNS, ACTIVE = 10_000, 100
ROWS, KEYS = 10, 10
GROUPS_A_SECOND = round(1 / limits.COMMIT_GATHER_S)
REST_S = 5.0
CATCH_UP_TIMEOUT_S = 120.0
CONFIG = '{"lr": 0.1, "batch_size": 32, "model": "resnet", "seed": 5}'
TARGETS = {"projector_rss_peak_mb": 300.0, "projector_cpu_percent": 5.0}


class Writers:
    """One writer a run, and how far each is."""

    def __init__(self, log: SqliteEventLog) -> None:
        self._log = log
        self._durable = [0] * RUNS

    async def start_all(self) -> None:
        """Every run starts, sets its config and logs a few rows."""
        for least in range(0, RUNS, 500):
            numbers = range(least, least + 500)
            await self._append([self._batch(number, 2, started(number)) for number in numbers])
            await self._append([self._batch(number, 5, rows(3, 5)) for number in numbers])

    async def log(self, seconds: float) -> int:
        """The active runs log a batch a second each; returns how many batches that were."""
        began_at, turns = time.perf_counter(), int(seconds * GROUPS_A_SECOND)
        size = ACTIVE // GROUPS_A_SECOND
        for turn in range(turns):
            active = range(turn * size % ACTIVE, turn * size % ACTIVE + size)
            numbers = [place * (RUNS // ACTIVE) for place in active]
            await self._append([self._batch(number, ROWS, rows(self._durable[number] + 1, ROWS)) for number in numbers])
            await asyncio.sleep(max(0.0, began_at + (turn + 1) / GROUPS_A_SECOND - time.perf_counter()))
        return turns * size

    def _batch(self, number: int, count: int, events: bytes) -> NewBatch:
        first = self._durable[number] + 1
        self._durable[number] += count
        run = RunId("load", "projector", f"run-{number}")
        writer = number.to_bytes(16, "big")
        return NewBatch(run, writer, first, count, 0, 0, time.time(), collector_pb2.CODEC_NONE, events)

    async def _append(self, batches: list[NewBatch]) -> None:
        await self._log.append(batches)


def started(number: int) -> bytes:
    """The first two records of a run."""
    start = event_pb2.Event(time=time.time())
    start.run_started.process.host = "host"
    start.run_started.fields.name = f"run {number}"
    config = event_pb2.Event(time=time.time(), index=1, config_set=event_pb2.ConfigSet(set_json=CONFIG))
    return event_pb2.Events(events=[start, config]).SerializeToString()


def rows(first: int, count: int) -> bytes:
    """Rows of numbers that look like a training's."""
    now = time.time()
    columns = [
        event_pb2.Column(
            key=f"train/metric_{key}",
            f64=event_pb2.F64Values(values=[1 / (first + row + key) for row in range(count)]),
        )
        for key in range(KEYS)
    ]
    metrics = event_pb2.MetricLogged(
        rows=count, steps=range(first, first + count), times=[now + row / 7 for row in range(count)], columns=columns
    )
    return event_pb2.Events(events=[event_pb2.Event(time=now, metric_logged=metrics)]).SerializeToString()


@contextmanager
def projector(data_dir: Path) -> Iterator[int]:
    """A projector process on the directory: its pid."""
    command = [sys.executable, "-m", "runwell_projector", "--data-dir", str(data_dir)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


async def caught_up(data_dir: Path) -> None:
    """Waits until the views hold all that the log does."""
    if not await asyncio.to_thread(wait_for_log_end, data_dir, CATCH_UP_TIMEOUT_S):
        raise TimeoutError(f"the projector did not reach the log's end in {CATCH_UP_TIMEOUT_S:.0f} s")


async def measured(data_dir: Path, seconds: float) -> dict[str, float]:
    """The figures."""
    async with open_event_log(data_dir / "log") as log:
        writers = Writers(log)
        await writers.start_all()
        with projector(data_dir) as pid:
            began_at = time.perf_counter()
            await caught_up(data_dir)
            catch_up_s, catch_up_cpu_s = time.perf_counter() - began_at, cpu_s(pid)
            await asyncio.sleep(REST_S)
            rest_cpu_s = cpu_s(pid) - catch_up_cpu_s
            cpu_before, began_at = cpu_s(pid), time.perf_counter()
            batches = await writers.log(seconds)
            took_s, used_s = time.perf_counter() - began_at, cpu_s(pid) - cpu_before
            began_at = time.perf_counter()
            await caught_up(data_dir)
            with Views.open(data_dir) as views:
                assert views.runs()[0] == RUNS
                assert views.status()["records"]["stored"] == RUNS * 7 + batches * ROWS
            return {
                "catch_up_batches_per_s": 2 * RUNS / catch_up_s,
                "resting_cpu_percent": 100 * rest_cpu_s / REST_S,
                "batches_per_s": batches / took_s,
                "cpu_ms_per_batch": 1000 * used_s / batches,
                "cpu_to_catch_up": (used_s / batches) / (catch_up_cpu_s / (2 * RUNS)),
                "last_lag_ms": 1000 * (time.perf_counter() - began_at),
                "projector_rss_peak_mb": memory_mb(pid, "VmHWM"),
                "projector_cpu_percent": 100 * used_s / took_s,
            }


def main() -> int:
    """Prints the figures; 1 when one of them misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the active runs log (default 30)")
    parser.add_argument("--quick", action="store_true", help="5 seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="projector-load-") as directory:
        found = asyncio.run(measured(Path(directory), 5.0 if options.quick else options.seconds))
    missed = [name for name, most in TARGETS.items() if found[name] > most]
    for name, value in found.items():
        verdict = (
            f"at most {TARGETS[name]:,.0f}: {'MISSED' if name in missed else 'reached'}" if name in TARGETS else ""
        )
        print(f"  {name:24} {value:14,.2f}  {verdict}", flush=True)
    print(json.dumps({"benchmark": "projector_load", **{name: round(value, 3) for name, value in found.items()}}))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
