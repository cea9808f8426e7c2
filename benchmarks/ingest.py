"""From senders to views: real gRPC, a real log, a real projector, distinct random values.

    python -m benchmarks.ingest              both loads
    python -m benchmarks.ingest wide         200 writers x 100 rows x 100 keys a second: 2,000,000 points/s
    python -m benchmarks.ingest narrow       1,000 writers x 200 rows x 1 key a second: 200,000 rows/s

A figure counts only when the views are at the log's end within 2 s of the last batch, and 1,000 rows drawn at random read
back equal, every value of them. The generator is this process. CPU is in percent of one core; other work on the machine
makes it look like twice as much. ``--share 0.5`` sends half as many batches.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import uvloop

from benchmarks.collector_load import collector, cpu_s, memory_mb
from benchmarks.projector_load import projector
from benchmarks.sending import Sender, senders
from runwell.core.history import select
from runwell.v1 import event_pb2
from runwell_projector.query import Views, wait_for_log_end

LAG_S_MAX = 2.0
ROWS_CHECKED = 1_000
START = 1_700_000_000.0
CATCH_UP_S = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """Each writer logs so many rows of so many keys a second."""

    writers: int
    rows: int
    keys: int
    streams: int = 10


LOADS = {"wide": Load(200, 100, 100), "narrow": Load(1_000, 200, 1)}


def values_of(load: Load, writer: int, second: int) -> Any:
    """The random values that a writer logs in a second, by key and row; made again to check what is read back."""
    return np.random.Generator(np.random.SFC64([writer, second])).random((load.keys, load.rows))


class Batches:
    """One second's batches: all alike but for their values, which lie at equal distances at the end of the message."""

    def __init__(self, load: Load, second: int) -> None:
        first = second * load.rows
        metrics = event_pb2.MetricLogged(
            rows=load.rows,
            steps=range(first, first + load.rows),
            times=[START + second + row / load.rows for row in range(load.rows)],
        )
        for key in range(load.keys):
            metrics.columns.add(key=f"train/metric_{key:04d}").f64.values.extend([0.0] * load.rows)
        events = event_pb2.Events(events=[event_pb2.Event(time=START + second, metric_logged=metrics)])
        self._load = load
        self._second = second
        self._template = np.frombuffer(events.SerializeToString(), np.uint8).copy()
        column_bytes = metrics.columns[0].ByteSize()
        column_bytes += len(event_pb2.MetricLogged(columns=metrics.columns[:1]).SerializeToString()) - column_bytes
        columns = self._template[len(self._template) - load.keys * column_bytes :].reshape(load.keys, column_bytes)
        self._holes = columns[:, -8 * load.rows :]

    def of(self, writer: int) -> bytes:
        """A writer's batch."""
        self._holes[:] = values_of(self._load, writer, self._second).view(np.uint8)
        return self._template.tobytes()


@contextmanager
def timed(seconds: dict[str, float], pids: dict[str, int]) -> Iterator[None]:
    """Processor time of each process while it lasts, in seconds."""
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    own = time.process_time()
    yield
    seconds |= {name: cpu_s(pid) - before[name] for name, pid in pids.items()} | {
        "generator": time.process_time() - own
    }


async def send_all(load: Load, streams: list[Sender], seconds: int) -> None:
    """Every writer's batch of every second, each stream's at its own moment of the second."""
    everyone = [(sender, number) for number, sender in enumerate(streams)]
    began_at = time.perf_counter()
    for second in range(seconds):
        batches = Batches(load, second)
        for sender, number in everyone:
            due_at = began_at + second + number / len(everyone)
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            for place, writer in enumerate(sender.writers.values()):
                await sender.send([writer], batches.of(number * 10_000 + place), load.rows)


async def measured(load: Load, seconds: int) -> dict[str, float]:
    """The figures of one load."""
    used: dict[str, float] = {}
    async with collector() as (pid, address, data_dir):
        with projector(data_dir) as projector_pid:
            pids = {"collector": pid, "projector": projector_pid}
            async with senders(address, load.writers, load.streams, []) as streams:
                began_at = time.perf_counter()
                with timed(used, pids):
                    await send_all(load, streams, seconds)
                    sent_s = time.perf_counter() - began_at
                    for sender in streams:
                        await sender.drained()
                    reached = await asyncio.to_thread(wait_for_log_end, data_dir, CATCH_UP_S)
                took_s = time.perf_counter() - began_at
                assert reached, "the projector did not catch up"
                checked = check_rows(data_dir, load, streams, seconds)
            rows = load.writers * load.rows * seconds
            return {
                "rows_per_s": rows / took_s,
                "points_per_s": rows * load.keys / took_s,
                "sending_s": sent_s,
                "lag_s": took_s - max(sent_s, seconds),
                "rows_checked": checked,
                **{f"{name}_cpu_percent": 100 * spent_s / took_s for name, spent_s in used.items()},
                "cpu_ns_per_point": 1e9 * sum(used.values()) / (rows * load.keys),
                "projector_ns_per_point": 1e9 * used["projector"] / (rows * load.keys),
                "collector_rss_peak_mb": memory_mb(pid, "VmHWM"),
                "projector_rss_peak_mb": memory_mb(projector_pid, "VmHWM"),
            }


def check_rows(data_dir: Path, load: Load, streams: list[Sender], seconds: int) -> int:
    """Reads rows drawn at random; each must be what was sent, to the last bit."""
    chance = Random(1)
    with Views.open(data_dir) as views:
        assert views.status()["rows"] == load.writers * load.rows * seconds
        runs = {run["writers"][0]["writer"]: run["run_id"] for run in all_runs(views)}
        for _ in range(ROWS_CHECKED):
            number = chance.randrange(len(streams))
            place = chance.randrange(len(streams[number].writers))
            second, row = chance.randrange(seconds), chance.randrange(load.rows)
            run_id = runs[list(streams[number].writers)[place].hex()]
            step = second * load.rows + row
            (found,), _ = views.history("load", "collector", run_id, select(min_step=step, max_step=step + 1))
            values = values_of(load, number * 10_000 + place, second)
            expected = {f"train/metric_{key:04d}": value for key, value in enumerate(values[:, row].tolist())}
            assert {name: value for name, value in found.items() if name[0] != "_"} == expected
    return ROWS_CHECKED


def all_runs(views: Views) -> list[dict[str, Any]]:
    """The views of all runs."""
    total, _ = views.runs(limit=0)
    return views.runs(limit=total)[1]


TARGETS = {"wide": ("points_per_s", 2_000_000), "narrow": ("rows_per_s", 200_000)}


def main() -> int:
    """Prints the figures; 1 when one of them misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loads", nargs="*", metavar="LOAD", help="wide, narrow (default: both)")
    parser.add_argument("--seconds", type=int, default=60, help="how long each (default 60)")
    parser.add_argument("--share", type=float, default=1.0, help="this share of the writers (default 1)")
    parser.add_argument("--quick", action="store_true", help="5 seconds each")
    options = parser.parse_args()
    missed = False
    for name in options.loads or list(LOADS):
        full = LOADS[name]
        load = Load(max(full.streams, round(full.writers * options.share)), full.rows, full.keys)
        print(f"{name}: {load.writers} writers, {load.rows} rows of {load.keys} keys a second each")
        with tempfile.TemporaryDirectory(prefix="ingest-"):
            found = uvloop.run(measured(load, 5 if options.quick else options.seconds))
        figure, least = TARGETS[name]
        # What is sent at most is what was asked for; the wait for the last batches counts against it.
        reached = found["lag_s"] <= LAG_S_MAX and load.writers >= full.writers
        missed |= not reached
        for label, value in found.items():
            print(f"  {label:24} {value:14,.1f}", flush=True)
        print(f"  {figure}: {least:,} asked for, {'reached' if reached else 'MISSED'}")
        print(json.dumps({"benchmark": f"ingest_{name}", **{label: round(value, 3) for label, value in found.items()}}))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
