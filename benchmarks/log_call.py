"""What a ``log()`` call costs, against a bare unbuffered JSON-lines file written in the same process.

Pairs are interleaved, since machines are shared and change their speed; the ratio of each pair counts, and of all pairs
the median. Ends with status 1 when a ratio is above its target.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import runwell

WORKLOADS = {1: 20_000, 100: 2_000}
"""Scalars in a row, and rows."""

TARGETS = {(1, "p50"): 0.9, (1, "p99"): 1.15, (100, "p50"): 0.25}
"""At most this ratio, also with defined metrics."""

DEFINED = 10
"""Metrics that have a step metric and a summary of their own, in the second pass."""

Log = Callable[[int, dict[str, float]], object]


def measure(log: Log, width: int, rows: int) -> dict[str, float]:
    """Microseconds of one call: median and 99th percentile."""
    names = [f"metric{column:03d}" for column in range(width)]
    now = time.perf_counter_ns
    durations = []
    for step in range(rows):
        values = {name: step + column * 0.001 for column, name in enumerate(names)}
        start = now()
        log(step, values)
        durations.append(now() - start)
    durations.sort()
    return {"p50": durations[rows // 2] / 1000, "p99": durations[rows * 99 // 100] / 1000}


def measure_json(directory: Path, width: int, rows: int) -> dict[str, float]:
    with open(directory / "rows.jsonl", "wb", buffering=0) as out:
        return measure(
            lambda step, values: out.write(json.dumps({"step": step, **values}).encode() + b"\n"), width, rows
        )


def measure_runwell(directory: Path, width: int, rows: int, defined: int) -> dict[str, float]:
    with runwell.init(mode="offline", dir=directory, project="bench", settings={"git": False, "silent": True}) as run:
        for column in range(defined):
            run.define_metric(f"metric{column:03d}", step_metric="epoch", summary="min,max,mean,first,last")
        log = run.log
        return measure(lambda step, values: log(values), width, rows)


def measure_pair(width: int, rows: int, defined: int) -> tuple[dict[str, float], dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="runwell-bench-") as directory:
        return measure_json(Path(directory), width, rows), measure_runwell(Path(directory), width, rows, defined)


def summarise(
    width: int, defined: int, pairs: list[tuple[dict[str, float], dict[str, float]]]
) -> list[dict[str, float | str | None]]:
    return [
        {
            "workload": f"log() of {width} scalar{'s' * (width > 1)}" + f", {defined} defined" * bool(defined),
            "percentile": percentile,
            "json_us": round(statistics.median(pair[0][percentile] for pair in pairs), 2),
            "runwell_us": round(statistics.median(pair[1][percentile] for pair in pairs), 2),
            "ratio": round(statistics.median(pair[1][percentile] / pair[0][percentile] for pair in pairs), 3),
            "target": TARGETS.get((width, percentile)),
        }
        for percentile in ("p50", "p99")
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 pairs of measurements for each workload instead of 9")
    pairs = 3 if parser.parse_args().quick else 9
    results: list[dict[str, float | str | None]] = []
    for defined in (0, DEFINED):
        for width, rows in WORKLOADS.items():
            measure_pair(width, rows // 10, defined)
            results += summarise(width, defined, [measure_pair(width, rows, defined) for _ in range(pairs)])
    print(f"{'':<38}{'JSON file':>12}{'Runwell':>12}{'ratio':>8}{'target':>9}")
    for row in results:
        target = "" if row["target"] is None else f"<= {row['target']}"
        print(
            f"{row['workload']:<34}{row['percentile']:<4}{row['json_us']:>9} µs{row['runwell_us']:>9} µs{row['ratio']:>8}"
            f"{target:>9}"
        )
    print(json.dumps({"benchmark": "log_call", "pairs": pairs, "results": results}))
    missed = [row for row in results if row["target"] is not None and float(row["ratio"] or 0) > float(row["target"])]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
