"""How fast new views are made from the log: `runwell rebuild` on the loads of ``benchmarks.ingest``, digest included.

    python -m benchmarks.rebuild              both loads
    python -m benchmarks.rebuild wide         200 writers x 100 rows x 100 keys a second
    python -m benchmarks.rebuild narrow       1,000 writers x 200 rows x 1 key a second

The log has distinct random values; the rebuilt views are asked for 1,000 rows drawn at random, and each must be what the log
has. Processor time is told beside the time that passed, which other work on the machine makes longer.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from benchmarks.ingest import LOADS, TARGETS, Batches, Load, values_of
from runwell.core.history import select
from runwell.v1 import collector_pb2
from runwell_collector.log import NewBatch, RunId
from runwell_collector.log.sqlite import open_event_log
from runwell_projector.query import Views
from runwell_projector.rebuild import rebuild

ROWS_CHECKED = 1_000
TIMES_INGEST = 2
POINTS = 1_000_000


async def fill(data_dir: Path, load: Load, seconds: int) -> None:
    """A log of so many seconds of the load."""
    async with open_event_log(data_dir / "log") as log:
        for second in range(seconds):
            batches = Batches(load, second)
            first = second * load.rows + 1
            for start in range(0, load.writers, 50):
                await log.append(
                    [
                        NewBatch(
                            RunId("load", "rebuild", f"run-{writer}"),
                            Random(writer).randbytes(16),
                            first,
                            load.rows,
                            0,
                            0,
                            float(second),
                            collector_pb2.CODEC_NONE,
                            batches.of(writer),
                        )
                        for writer in range(start, min(start + 50, load.writers))
                    ]
                )


def check_rows(data_dir: Path, load: Load, seconds: int) -> None:
    """Rows drawn at random are to the last bit what the log has."""
    chance = Random(1)
    with Views.open(data_dir) as views:
        assert views.status()["rows"] == load.writers * load.rows * seconds
        for _ in range(ROWS_CHECKED):
            writer, second, row = (chance.randrange(most) for most in (load.writers, seconds, load.rows))
            step = second * load.rows + row
            (found,), _ = views.history("load", "rebuild", f"run-{writer}", select(min_step=step, max_step=step + 1))
            values = values_of(load, writer, second)[:, row].tolist()
            expected = {f"train/metric_{key:04d}": value for key, value in enumerate(values)}
            assert {name: value for name, value in found.items() if name[0] != "_"} == expected


def measured(data_dir: Path, load: Load, seconds: int) -> dict[str, float]:
    """The figures of one load."""
    asyncio.run(fill(data_dir, load, seconds))
    began_at, cpu_began_at = time.perf_counter(), time.process_time()
    rebuild(data_dir, lambda done, end: None)
    took_s, cpu_s = time.perf_counter() - began_at, time.process_time() - cpu_began_at
    check_rows(data_dir, load, seconds)
    rows = load.writers * load.rows * seconds
    points = rows * load.keys
    return {
        "rows_per_s": rows / took_s,
        "points_per_s": points / took_s,
        "seconds_per_million_points": took_s * POINTS / points,
        "cpu_s_per_million_points": cpu_s * POINTS / points,
        "took_s": took_s,
    }


def main() -> int:
    """Prints the figures; 1 when one of them misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loads", nargs="*", metavar="LOAD", help="wide, narrow (default: both)")
    parser.add_argument("--seconds", type=int, default=45, help="seconds of the load in the log (default 45)")
    parser.add_argument("--share", type=float, default=0.2, help="this share of the writers (default 0.2)")
    options = parser.parse_args()
    missed = False
    for name in options.loads or list(LOADS):
        full = LOADS[name]
        load = Load(round(full.writers * options.share), full.rows, full.keys)
        with tempfile.TemporaryDirectory(prefix="rebuild-") as directory:
            found = measured(Path(directory), load, options.seconds)
        figure, ingest = TARGETS[name]
        reached = found[figure] >= TIMES_INGEST * ingest
        missed |= not reached
        print(f"{name}: {load.writers} writers, {options.seconds} s of {load.rows} rows of {load.keys} keys")
        for label, value in found.items():
            print(f"  {label:28} {value:14,.3f}", flush=True)
        print(f"  {figure}: {TIMES_INGEST * ingest:,} asked for, {'reached' if reached else 'MISSED'}")
        print(
            json.dumps({"benchmark": f"rebuild_{name}", **{label: round(value, 3) for label, value in found.items()}})
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
