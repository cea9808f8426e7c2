"""What a collector bears: a real process, loopback gRPC, a real log on disk.

    python -m benchmarks.collector_load          busy and idle, held against their targets
    python -m benchmarks.collector_load busy     1,000 writers, a batch a second each: ack latency, memory, CPU
    python -m benchmarks.collector_load idle     10,000 open writers, 1 % active: memory, CPU
    python -m benchmarks.collector_load flood    a few writers without pause: values and bytes a second

Latency is taken in the sender, from handing a batch to gRPC until its ack was read, so it includes the sender's own
work on the same cores. CPU is in percent of one core; other work on the machine makes it look like twice as much.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import uvloop

from benchmarks.sending import Sender, Writer, senders
from runwell.core import limits
from runwell.v1 import event_pb2
from runwell_collector.log import open_log_reader

SEED = 1
ROWS, KEYS = 10, 5
FLOOD_ROWS, FLOOD_KEYS = 1_000, 20
START_TIMEOUT_S = 30.0
DRAIN_TIMEOUT_S = 30.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What to do: ``active`` of the ``writers``, on so many ``streams``, send a batch a second."""

    writers: int
    active: int
    streams: int
    seconds: float


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[int, str, Path]]:
    """A collector process on a directory of its own: its pid, gRPC address and directory."""
    with tempfile.TemporaryDirectory(prefix="collector-load-") as directory:
        local = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        command = [sys.executable, "-m", "runwell_collector", "--data-dir", directory, *local]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        try:
            assert process.stderr
            async with asyncio.timeout(START_TIMEOUT_S):
                await process.stderr.readline()
            announced = json.loads(Path(directory, "components", "collector.json").read_text())
            yield process.pid, announced["grpc"], Path(directory)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


def batch_events(rows: int, keys: int) -> bytes:
    """Rows of numbers that look like a training's."""
    columns = [
        event_pb2.Column(
            key=f"train/metric_{key}", f64=event_pb2.F64Values(values=[1 / (row + key + 1) for row in range(rows)])
        )
        for key in range(keys)
    ]
    times = [1_700_000_000 + row / 7 for row in range(rows)]
    metrics = event_pb2.MetricLogged(rows=rows, steps=range(rows), times=times, columns=columns)
    return event_pb2.Events(events=[event_pb2.Event(metric_logged=metrics)]).SerializeToString()


def cpu_s(pid: int) -> float:
    """Processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def memory_mb(pid: int, name: str) -> float:
    """VmHWM (peak) or VmRSS (now) of the process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def steady(load: Load) -> dict[str, float]:
    """Each forwarder sends, at its own moment of every second, a batch of each of its active writers."""
    latencies_s: list[float] = []
    events = batch_events(ROWS, KEYS)
    async with collector() as (pid, address, data_dir):
        async with senders(address, load.writers, load.streams, latencies_s) as streams:
            turns = active_by_sender(streams, load.active)
            cpu_before, began_at = cpu_s(pid), time.perf_counter()
            for second in range(int(load.seconds)):
                for number, (sender, active) in enumerate(turns):
                    due_at = began_at + second + number / len(turns)
                    await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
                    await sender.send(active, events, ROWS)
            took_s = time.perf_counter() - began_at
            cpu_share = (cpu_s(pid) - cpu_before) / took_s
            await drained(streams)
            assert read_back(data_dir, streams, events) == load.active * int(load.seconds) * ROWS
        return {
            "messages_per_s": len(turns) * int(load.seconds) / took_s,
            "batches_per_s": len(latencies_s) / took_s,
            "ack_p50_ms": 1000 * quantile(latencies_s, 0.5),
            "ack_p99_ms": 1000 * quantile(latencies_s, 0.99),
            "ack_max_ms": 1000 * max(latencies_s),
            "collector_rss_mb": memory_mb(pid, "VmRSS"),
            "collector_rss_peak_mb": memory_mb(pid, "VmHWM"),
            "collector_cpu_percent": 100 * cpu_share,
        }


def active_by_sender(streams: list[Sender], active: int) -> list[tuple[Sender, list[Writer]]]:
    """So many writers, drawn from all; forwarders that have none of them say nothing but heartbeats."""
    everyone = [(sender, writer) for sender in streams for writer in sender.writers.values()]
    chosen: dict[Sender, list[Writer]] = {}
    for sender, writer in Random(SEED).sample(everyone, active):
        chosen.setdefault(sender, []).append(writer)
    return list(chosen.items())


def read_back(data_dir: Path, streams: list[Sender], events: bytes) -> int:
    """Reads the log: every writer's records are there once and as they were sent; returns how many there are."""
    reached = {writer.id: 0 for sender in streams for writer in sender.writers.values()}
    reader, offset = open_log_reader(data_dir), 0
    while batches := reader.read(offset):
        for batch in batches:
            assert batch.first == reached[batch.writer] + 1, "a record is there twice or not at all"
            assert batch.events == events, "a batch is not what was sent"
            reached[batch.writer] += batch.count
        offset = batches[-1].offset
    reader.close()
    assert all(reached[writer.id] == writer.durable for sender in streams for writer in sender.writers.values())
    return sum(reached.values())


async def drained(streams: list[Sender]) -> None:
    """Waits until every batch is acknowledged."""
    async with asyncio.timeout(DRAIN_TIMEOUT_S):
        for sender in streams:
            await sender.drained()


async def flood(load: Load) -> dict[str, float]:
    """Each writer keeps as much in flight as a forwarder may."""
    latencies_s: list[float] = []
    events = batch_events(FLOOD_ROWS, FLOOD_KEYS)
    in_flight_max = max(1, limits.IN_FLIGHT_BYTES_MAX // len(events))
    async with collector() as (pid, address, _):
        async with senders(address, load.writers, load.streams, latencies_s) as streams:
            cpu_before, began_at = cpu_s(pid), time.perf_counter()
            while time.perf_counter() - began_at < load.seconds:
                for sender in streams:
                    sender.progress.clear()
                    waiting = [writer for writer in sender.writers.values() if len(writer.sent) < in_flight_max]
                    await sender.send(waiting, events, FLOOD_ROWS)
                if all(len(writer.sent) >= in_flight_max for sender in streams for writer in sender.writers.values()):
                    await streams[0].progress.wait()
                await asyncio.sleep(0)
            await drained(streams)
            took_s = time.perf_counter() - began_at
        batches = len(latencies_s)
        return {
            "batches_per_s": batches / took_s,
            "values_per_s": batches * FLOOD_ROWS * FLOOD_KEYS / took_s,
            "mb_per_s": batches * len(events) / took_s / 1e6,
            "ack_p99_ms": 1000 * quantile(latencies_s, 0.99),
            "collector_rss_peak_mb": memory_mb(pid, "VmHWM"),
            "collector_cpu_percent": 100 * (cpu_s(pid) - cpu_before) / took_s,
        }


TARGETS = {
    "busy": {"ack_p99_ms": 250.0, "collector_rss_peak_mb": 500.0},
    "idle": {"collector_rss_peak_mb": 300.0, "collector_cpu_percent": 5.0},
    "flood": {},
}


async def measured(load: str, seconds: float) -> dict[str, float]:
    """The figures of one load."""
    match load:
        case "busy":
            return await steady(Load(writers=1_000, active=1_000, streams=20, seconds=seconds))
        case "idle":
            return await steady(Load(writers=10_000, active=100, streams=20, seconds=seconds))
    return await flood(Load(writers=8, active=8, streams=2, seconds=seconds))


def main() -> int:
    """Prints the figures; 1 when one of them misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loads", nargs="*", metavar="LOAD", help="busy, idle, flood (default: busy idle)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each (default 60)")
    parser.add_argument("--quick", action="store_true", help="5 seconds each")
    options = parser.parse_args()
    missed = False
    for load in options.loads or ["busy", "idle"]:
        print(f"{load}:")
        for name, value in uvloop.run(measured(load, 5.0 if options.quick else options.seconds)).items():
            target = TARGETS[load].get(name)
            verdict = "" if target is None else f"at most {target:,.0f}: {'reached' if value <= target else 'MISSED'}"
            missed |= "MISSED" in verdict
            print(f"  {name:24} {value:14,.1f}  {verdict}", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
