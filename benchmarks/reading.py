"""What reading back costs a script: a series, a list of runs, and whole histories, through ``runwell.Api`` and a real server.

    python -m benchmarks.reading

A log is written, `runwell up` serves it, and each figure is taken in a fresh process that has imported runwell, from `Api()`
on, so the server's work and the way there and back are in it. Times are wall time, the least of several; what else the
machine does makes them longer.
Every value that was read is compared with what was logged.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.ui_store import Run
from runwell_collector.log.sqlite import open_event_log
from runwell_projector.query import wait_for_log_end
from tests.server import Server

ROWS, KEYS = 100_000, 10
EXPORTED_ROWS = 1_000_000
RUNS = 500
BATCH_ROWS = 2_000
REPEATS = 5

READER = """
import json, sys, time
import runwell
runwell.Api
base, what, logged = sys.argv[1:4]

def series(api):
    return api.run("bench/noise/run").series("metric_3")["values"]

def rows(api):
    return [row["metric_3"] for row in api.run("bench/noise/run").scan_history(["metric_3"])]

def listing(api):
    runs = api.runs("bench/many", order="created_at")
    return [len(run.config) + len([key for key in run.summary if key[0] != "_"]) for run in runs]

def history(api):
    return [row["metric_0"] for row in api.run("bench/long/run").history()]

def columns(api):
    return api.run("bench/long/run").columns()["metric_0"]

began_at = time.perf_counter()
found = locals()[what](runwell.Api(base))
took_s = time.perf_counter() - began_at
import numpy
assert numpy.array_equal(numpy.asarray(found), numpy.load(logged)), what
print(json.dumps(took_s))
"""

TARGETS = {"series_s": 0.03, "listing_s": 0.05}
RATES = {"columns_rows_per_s": 1_000_000}


def noisy(project: str, number: int, rows: int, keys: int) -> tuple[Run, np.ndarray]:
    """A run of distinct random values, and those of each key."""
    values = np.random.default_rng(number).random((keys, rows))
    run = Run(project, "run", number, {})
    for start in range(0, rows, BATCH_ROWS):
        part = {f"metric_{key}": values[key, start : start + BATCH_ROWS].tolist() for key in range(keys)}
        run.rows(range(start, min(rows, start + BATCH_ROWS)), part)
    return run, values


async def write(data_dir: Path, logged: Path) -> None:
    """The log, and beside it what each figure has to read."""
    async with open_event_log(data_dir / "log") as log:
        for number, (project, rows, keys) in enumerate((("noise", ROWS, KEYS), ("long", EXPORTED_ROWS, 1)), 1):
            run, values = noisy(project, number, rows, keys)
            for batch in run.finish():
                await log.append([batch])
            np.save(logged / f"{project}.npy", values[min(3, keys - 1)])
        for number in range(RUNS):
            run = Run("many", f"run-{number}", 100 + number, {f"option_{key}": key / 7 for key in range(10)})
            run.rows(range(1), {f"metric_{key}": [key * number] for key in range(5)})
            for batch in run.finish():
                await log.append([batch])
    np.save(logged / "many.npy", np.full(RUNS, 15))


def read_s(server: Server, what: str, logged: Path, repeats: int) -> float:
    """The least time of several fresh processes."""
    command = [sys.executable, "-c", READER, server.http, what, str(logged)]
    found = [subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout for _ in range(repeats)]
    return min(map(float, found))


def main() -> int:
    """Prints the figures; 1 when one of them misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="each figure once")
    repeats = 1 if parser.parse_args().quick else REPEATS
    with tempfile.TemporaryDirectory(prefix="reading-") as directory:
        logged, data_dir = Path(directory, "logged"), Path(directory, "server")
        logged.mkdir()
        asyncio.run(write(data_dir, logged))
        with contextlib.closing(Server.start(data_dir)) as server:
            assert wait_for_log_end(data_dir, 120)
            found = {
                "series_s": read_s(server, "series", logged / "noise.npy", repeats),
                "series_as_rows_s": read_s(server, "rows", logged / "noise.npy", repeats),
                "listing_s": read_s(server, "listing", logged / "many.npy", repeats),
                "columns_rows_per_s": EXPORTED_ROWS / read_s(server, "columns", logged / "long.npy", repeats),
                "history_rows_per_s": EXPORTED_ROWS / read_s(server, "history", logged / "long.npy", repeats),
            }
    missed = False
    for name, value in found.items():
        wrong = value > TARGETS.get(name, value) or value < RATES.get(name, value)
        asked = f"at most {TARGETS[name]}" if name in TARGETS else f"at least {RATES[name]:,}" if name in RATES else ""
        print(f"  {name:22} {value:14,.4f}  {asked}{': MISSED' if wrong else ''}", flush=True)
        missed |= wrong
    print(json.dumps({"benchmark": "reading", **{name: round(value, 4) for name, value in found.items()}}))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
