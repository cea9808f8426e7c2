"""How long rows are on their way, and what they cost: a long run until the collector has acknowledged all of it, the CPU of a
steady run with everything that it started, and the first read of a series from a spool.

    python -m benchmarks.delivery

Values are random numbers, and every row is read back and compared, from the server or from the spool. Of repetitions the
median counts. Seconds on the wall are what the targets are about; a busy machine makes them longer.
Ends with status 1 when a figure is above its target.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.start_up import Figures, end_forwarder, python, server

TARGETS = {"until acked": 1.2, "first read": 0.3, "CPU offline": 0.9, "CPU streaming": 1.3}
STEPS = 100_000

VALUES = """
import json, os, random, time
import runwell
names = [f"metric{column:03d}" for column in range(10)]
chance = random.Random(7)
def values():
    return {name: chance.gauss(0, 1) for name in names}
def check(rows, steps):
    global chance
    chance = random.Random(7)
    found = 0
    for step, row in enumerate(rows):
        assert row == {"_step": step, "_timestamp": row["_timestamp"], "_runtime": row["_runtime"], **values()}, row
        found += 1
    assert found == steps, found
"""

LONG_RUN = f"""{VALUES}
run = runwell.init(project="bench")
rows = [values() for _ in range({STEPS})]
begun = time.perf_counter()
for row in rows:
    run.log(row)
logged = time.perf_counter()
run.finish()
over = time.perf_counter()
del rows
print(json.dumps({{"until acked": over - begun, "of it in log()": logged - begun}}))
api = runwell.Api(spool=os.environ["RUNWELL_DIR"]) if run.offline else runwell.Api()
check(api.run(f"bench/{{run.id}}").scan_history(page_size=10_000), {STEPS})
"""

STEADY_RUN = f"""{VALUES}
run = runwell.init(project="bench")
begun, used = time.perf_counter(), time.process_time()
for step in range(10_000):
    time.sleep(max(0.0, begun + step * 0.001 - time.perf_counter()))
    run.log(values())
run.finish()
cpu_s = time.process_time() - used
print(json.dumps({{"cpu_s": cpu_s}}))
api = runwell.Api(spool=os.environ["RUNWELL_DIR"]) if run.offline else runwell.Api()
check(api.run(f"bench/{{run.id}}").scan_history(page_size=10_000), 10_000)
"""

FIRST_READ = f"""{VALUES}
begun, used = time.perf_counter(), time.process_time()
run = runwell.Api(spool=os.environ["RUNWELL_DIR"]).runs("bench")[0]
series = [row["metric004"] for row in run.scan_history(keys=["metric004"], page_size=10_000)]
print(json.dumps({{"first read": time.perf_counter() - begun, "first read, CPU": time.process_time() - used}}))
assert series == [values()["metric004"] for _ in range({STEPS})]
check(run.scan_history(), {STEPS})
"""


def long_run(root: Path) -> Figures:
    """From the first log() until finish() has the collector's word; the forwarder is started by init()."""
    figures = python(LONG_RUN, root)
    end_forwarder(root)
    return figures


def steady_run(root: Path, mode: str) -> float:
    """CPU seconds of ten scalars each millisecond for ten seconds, those of the forwarder and of its start included."""
    own_s = python(STEADY_RUN, root, RUNWELL_MODE=mode)["cpu_s"]
    return own_s + (end_forwarder(root) if mode == "online" else 0.0)


def measure(root: Path, repeats: int) -> Figures:
    """All figures by name."""
    found: dict[str, list[float]] = {}

    def note(figures: Figures) -> None:
        for name, value in figures.items():
            found.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory(dir=root) as offline, server(root):
        python(LONG_RUN, Path(offline), RUNWELL_MODE="offline")
        for _ in range(repeats):
            note(long_run(root))
            note(python(FIRST_READ, Path(offline)))
        with tempfile.TemporaryDirectory(dir=root) as another:
            note({"CPU offline": steady_run(Path(another), "offline"), "CPU streaming": steady_run(root, "online")})
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 repetitions instead of 5")
    repeats = 2 if parser.parse_args().quick else 5
    with tempfile.TemporaryDirectory(prefix="runwell-bench-") as directory:
        figures = measure(Path(directory), repeats)
    for name, value in figures.items():
        target = f"<= {TARGETS[name]:.2f} s" if name in TARGETS else ""
        print(f"{name:<20}{value:>9.3f} s   {target}")
    print(json.dumps({"benchmark": "delivery", "repeats": repeats, "results": figures}))
    return 1 if any(figures[name] > target for name, target in TARGETS.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
