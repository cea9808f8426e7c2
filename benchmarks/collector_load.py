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
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import uvloop

from runwell.core import limits
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import collector_pb2_grpc, event_pb2

ROWS, KEYS = 10, 5
FLOOD_ROWS, FLOOD_KEYS = 1_000, 20
START_TIMEOUT_S = 30.0
DRAIN_TIMEOUT_S = 30.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What to do: ``active`` of the ``writers`` send a batch every ``interval_s`` seconds."""

    writers: int
    active: int
    streams: int
    seconds: float
    interval_s: float = 1.0


@dataclass(eq=False)
class Writer:
    """One writer and the batches of it that are not acknowledged."""

    id: bytes = field(default_factory=lambda: os.urandom(16))
    durable: int = 0
    sent: deque[tuple[int, float]] = field(default_factory=deque)


class Sender:
    """One stream with its writers."""

    def __init__(self, address: str, writers: list[Writer], latencies_s: list[float]) -> None:
        self.writers = {writer.id: writer for writer in writers}
        self._latencies_s = latencies_s
        self._channel = grpc.aio.insecure_channel(address)
        self._call = collector_pb2_grpc.CollectorServiceStub(self._channel).Publish()
        self._writing = asyncio.Lock()
        self._opened = 0
        self.all_open = asyncio.Event()
        self.progress = asyncio.Event()

    async def open(self) -> None:
        for number, writer in enumerate(self.writers.values()):
            run = event_pb2.RunKey(entity="load", project="collector", run_id=f"{writer.id.hex()[:8]}-{number}")
            await self._write(wire.PublishRequest(open=wire.Open(writer_id=writer.id, run=run)))

    async def send(self, writer: Writer, events: bytes, count: int) -> None:
        first = writer.sent[-1][0] + 1 if writer.sent else writer.durable + 1
        last = first + count - 1
        batch = wire.Batch(
            writer_id=writer.id,
            first=first,
            count=count,
            chain_before=(first - 1) & 0xFFFFFFFF,
            chain=last & 0xFFFFFFFF,
            codec=wire.CODEC_NONE,
            events=events,
        )
        writer.sent.append((last, time.perf_counter()))
        await self._write(wire.PublishRequest(batch=batch))

    async def _write(self, request: wire.PublishRequest) -> None:
        """gRPC takes one message at a time."""
        async with self._writing:
            await self._call.write(request)

    async def heartbeat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(limits.HEARTBEAT_INTERVAL_S)
            await self._write(wire.PublishRequest(heartbeat=wire.Heartbeat()))

    async def read_for_ever(self) -> None:
        async for response in self._call:
            kind = response.WhichOneof("response")
            if kind == "welcome":
                self._opened += 1
                if self._opened == len(self.writers):
                    self.all_open.set()
            elif kind == "ack":
                self._acked(self.writers[response.ack.writer_id], response.ack.durable)
            else:
                raise RuntimeError(f"the collector answered {response}")

    def _acked(self, writer: Writer, durable: int) -> None:
        now = time.perf_counter()
        writer.durable = durable
        while writer.sent and writer.sent[0][0] <= durable:
            self._latencies_s.append(now - writer.sent.popleft()[1])
        self.progress.set()

    async def close(self) -> None:
        await self._channel.close()


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[int, str]]:
    """A collector process on a directory of its own: its pid and gRPC address."""
    with tempfile.TemporaryDirectory(prefix="collector-load-") as directory:
        local = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        command = [sys.executable, "-m", "runwell_collector", "--data-dir", directory, *local]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        try:
            assert process.stderr
            async with asyncio.timeout(START_TIMEOUT_S):
                await process.stderr.readline()
            yield process.pid, json.loads(Path(directory, "components", "collector.json").read_text())["grpc"]
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


@asynccontextmanager
async def senders(address: str, load: Load, latencies_s: list[float]) -> AsyncIterator[list[Sender]]:
    """All streams with all writers open."""
    writers = [Writer() for _ in range(load.writers)]
    opened = [Sender(address, writers[number :: load.streams], latencies_s) for number in range(load.streams)]
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(work)
            for sender in opened
            for work in (sender.read_for_ever(), sender.heartbeat_for_ever())
        ]
        for sender in opened:
            await sender.open()
        for sender in opened:
            await sender.all_open.wait()
        try:
            yield opened
        finally:
            for task in running:
                task.cancel()
            for sender in opened:
                await sender.close()


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
    """Each active writer sends at its own moment of every interval."""
    latencies_s: list[float] = []
    events = batch_events(ROWS, KEYS)
    async with collector() as (pid, address), senders(address, load, latencies_s) as streams:
        everyone = [(sender, writer) for sender in streams for writer in sender.writers.values()]
        chosen = everyone[:: max(1, load.writers // load.active)][: load.active]
        cpu_before, began_at = cpu_s(pid), time.perf_counter()
        for turn in range(int(load.seconds / load.interval_s * len(chosen))):
            due_at = began_at + turn * load.interval_s / len(chosen)
            if (wait_s := due_at - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            await chosen[turn % len(chosen)][0].send(chosen[turn % len(chosen)][1], events, ROWS)
        took_s = time.perf_counter() - began_at
        cpu_share = (cpu_s(pid) - cpu_before) / took_s
        await drained(streams)
        return {
            "batches": len(latencies_s),
            "batches_per_s": len(latencies_s) / took_s,
            "ack_p50_ms": 1000 * quantile(latencies_s, 0.5),
            "ack_p99_ms": 1000 * quantile(latencies_s, 0.99),
            "ack_max_ms": 1000 * max(latencies_s),
            "collector_rss_mb": memory_mb(pid, "VmRSS"),
            "collector_rss_peak_mb": memory_mb(pid, "VmHWM"),
            "collector_cpu_percent": 100 * cpu_share,
        }


async def drained(streams: list[Sender]) -> None:
    """Waits until every batch is acknowledged."""
    async with asyncio.timeout(DRAIN_TIMEOUT_S):
        for sender in streams:
            while any(writer.sent for writer in sender.writers.values()):
                sender.progress.clear()
                await sender.progress.wait()


async def flood(load: Load) -> dict[str, float]:
    """Each writer keeps as much in flight as a forwarder may."""
    latencies_s: list[float] = []
    events = batch_events(FLOOD_ROWS, FLOOD_KEYS)
    in_flight_max = max(1, limits.IN_FLIGHT_BYTES_MAX // len(events))
    async with collector() as (pid, address), senders(address, load, latencies_s) as streams:
        cpu_before, began_at = cpu_s(pid), time.perf_counter()
        while time.perf_counter() - began_at < load.seconds:
            for sender in streams:
                sender.progress.clear()
                for writer in sender.writers.values():
                    if len(writer.sent) < in_flight_max:
                        await sender.send(writer, events, FLOOD_ROWS)
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
            return await steady(Load(writers=10_000, active=100, streams=100, seconds=seconds))
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
