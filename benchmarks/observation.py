"""What looking on costs: samples of the machine, scrapes of many runs, and how old what is scraped is.

    python -m benchmarks.observation

Scrapes are taken of a real `runwell up` that 250 runs of 15 metrics send to, once a second each, in windows with and without
scrapes in turns: so the difference is theirs. 10 ms were asked for where a library that keeps an object a series takes 29 ms
for as many; what that takes here and now says how fast the machine is, so the ratio is held against its target. CPU is
processor time; latencies are wall time, which other work on the machine stretches.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import uvloop
from prometheus_client import CollectorRegistry, Gauge, generate_latest

import runwell
from benchmarks.collector_load import cpu_s, drained, quantile
from benchmarks.sending import Sender, senders
from runwell.system.claims import Claims
from runwell.system.figures import figure_fields
from runwell.system.sampler import _look, _open_sources
from runwell.v1 import event_pb2
from tests.server import Server

RUNS, METRICS, STREAMS = 250, 15, 10
WINDOW_S = 5
SAMPLE_INTERVAL_S = 10.0

TARGETS = {
    "sampling_percent_of_a_core": 0.3,
    "scrape_to_library": 0.34,
    "ack_delay_ms": 30.0,
    "log_to_scraped_s": 2.0,
}


def sampling(looks: int) -> float:
    """Processor time of a look at machine and process, put into the spool, in percent of a core at one in ten seconds."""
    with tempfile.TemporaryDirectory(prefix="runwell-bench-") as directory:
        settings = {"git": False, "silent": True, "system_metrics": False}
        with runwell.init(mode="offline", dir=directory, project="bench", settings=settings) as run:
            sources = list(_open_sources(Claims(Path(directory), "bench", run.path), Path(directory)))
            _look(sources)
            before_s = time.process_time()
            for _ in range(looks):
                run._lane.offer_event("system_metric_logged", figure_fields(_look(sources)))  # type: ignore[union-attr]
            return 100 * (time.process_time() - before_s) / looks / SAMPLE_INTERVAL_S


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, Server]]:
    """`runwell up` on a directory of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="runwell-bench-") as directory,
        contextlib.closing(Server.start(Path(directory, "server"))) as server,
    ):
        yield directory, server


def get(base: str, path: str) -> str:
    connection = http.client.HTTPConnection(urlsplit(base).hostname or "", urlsplit(base).port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def shown(text: str) -> int:
    """Series of runs in an answer."""
    return len(re.findall("^runwell_run_", text, re.MULTILINE))


def row_of_now() -> bytes:
    columns = [
        event_pb2.Column(key=f"train/metric_{key:02d}", f64=event_pb2.F64Values(values=[time.time() / (key + 1)]))
        for key in range(METRICS)
    ]
    metrics = event_pb2.MetricLogged(rows=1, times=[time.time()], steps=[int(time.time())], columns=columns)
    return event_pb2.Events(events=[event_pb2.Event(time=time.time(), metric_logged=metrics)]).SerializeToString()


async def send_for(streams: list[Sender], seconds: float) -> None:
    """Each forwarder sends a batch of each of its runs, at its own moment of every second."""
    began_at = time.perf_counter()
    for second in range(int(seconds)):
        for number, sender in enumerate(streams):
            await asyncio.sleep(max(0.0, began_at + second + number / len(streams) - time.perf_counter()))
            await sender.send(list(sender.writers.values()), row_of_now(), 1)


async def scrape_for(server: Server, seconds: float) -> list[str]:
    """One scrape a second, as Prometheus would at most."""
    texts = []
    began_at = time.perf_counter()
    for second in range(int(seconds)):
        await asyncio.sleep(max(0.0, began_at + second + 0.5 - time.perf_counter()))
        texts.append(await asyncio.to_thread(get, server.http, "/metrics"))
    return texts


def library_cpu_ms(series: int) -> float:
    """Processor time of prometheus-client for so many series."""
    registry = CollectorRegistry()
    gauge = Gauge("runwell_run_metric", "Last value.", ["entity", "project", "run", "metric"], registry=registry)
    for number in range(series):
        run = f"{number // METRICS:08x}"
        gauge.labels("load", "collector", run, f"train/metric_{number % METRICS:02d}").set(time.time() / (number + 1))
    generate_latest(registry)
    before_s = time.process_time()
    for _ in range(5):
        generate_latest(registry)
    return 1000 * (time.process_time() - before_s) / 5


async def scraping(windows: int) -> dict[str, float]:
    """Processor time of a scrape, and what scrapes do to acks."""
    latencies: dict[bool, list[float]] = {True: [], False: []}
    cpu: dict[bool, float] = {True: 0.0, False: 0.0}
    worst: dict[bool, list[float]] = {True: [], False: []}
    received: list[float] = []
    scrapes = 0
    with serving() as (_, server):
        async with senders(server.grpc, RUNS, STREAMS, received) as streams:
            while shown(get(server.http, "/metrics")) < RUNS * (METRICS + 5):
                await send_for(streams, 1)
            # The first window is not counted: the views may still be catching up with the start.
            for window in range(windows + 1):
                with_scrapes = window % 2 == 0
                received.clear()
                before_s = cpu_s(server.pid("dashboard"))
                sending = asyncio.create_task(send_for(streams, WINDOW_S))
                texts = await scrape_for(server, WINDOW_S) if with_scrapes else []
                await sending
                await drained(streams)
                if window == 0:
                    continue
                cpu[with_scrapes] += cpu_s(server.pid("dashboard")) - before_s
                latencies[with_scrapes] += received
                worst[with_scrapes].append(max(received))
                scrapes += len(texts)
                assert all(shown(text) == RUNS * (METRICS + 5) for text in texts)
    scrape_ms, library_ms = 1000 * (cpu[True] - cpu[False]) / scrapes, library_cpu_ms(RUNS * (METRICS + 5))
    return {
        "series": RUNS * (METRICS + 5),
        "scrape_cpu_ms": scrape_ms,
        "library_cpu_ms": library_ms,
        "scrape_to_library": scrape_ms / library_ms,
        "ack_p50_ms_without": 1000 * quantile(latencies[False], 0.5),
        "ack_p50_ms_with": 1000 * quantile(latencies[True], 0.5),
        "ack_p99_ms_without": 1000 * quantile(latencies[False], 0.99),
        "ack_p99_ms_with": 1000 * quantile(latencies[True], 0.99),
        "ack_worst_ms_without": 1000 * statistics.median(worst[False]),
        "ack_worst_ms_with": 1000 * statistics.median(worst[True]),
        "ack_delay_ms": 1000 * (statistics.median(worst[True]) - statistics.median(worst[False])),
    }


def freshness(times: int) -> float:
    """From ``log()`` until a scrape has the value, at worst, in seconds."""
    worst_s = 0.0
    with serving() as (directory, server):
        settings = {"git": False, "silent": True, "base_url": server.http}
        with runwell.init(dir=directory, project="bench", settings=settings) as run:
            for value in range(1, times + 1):
                run.log({"value": value})
                logged_at = time.monotonic()
                while f'metric="value"}} {float(value)}\n' not in get(server.http, "/metrics"):
                    threading.Event().wait(0.05)
                if value > 1:
                    # The first one waits for the forwarder's start.
                    worst_s = max(worst_s, time.monotonic() - logged_at)
    return worst_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer windows and looks")
    quick = parser.parse_args().quick
    figures = {"sampling_percent_of_a_core": sampling(50 if quick else 500)}
    figures |= uvloop.run(scraping(4 if quick else 16))
    figures["log_to_scraped_s"] = freshness(5 if quick else 20)
    for name, value in figures.items():
        print(f"{name:<32}{value:>12.3f}{f'   <= {TARGETS[name]}' if name in TARGETS else ''}")
    print(json.dumps({"benchmark": "observation", "results": figures}))
    return 1 if any(figures[name] > most for name, most in TARGETS.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
