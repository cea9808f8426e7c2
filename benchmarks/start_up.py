"""What a run costs besides its rows: import, init and finish, offline and with a forwarder that must start first; and
500 small runs in one process, against the same files made and synced by hand.

Cases are interleaved, and the median of each counts. Wall seconds are what the targets are about; on a busy machine look at the
CPU seconds beside them. Ends with status 1 when a figure is above its target.
"""

import argparse
import contextlib
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TARGETS = {"import": 0.10, "init": 0.05, "finish": 0.10, "cold finish": 0.40, "500 runs": 2.0}
RUNS = 500

EMPTY_RUN = """
import json, os, sys, time
begun = time.perf_counter()
import runwell
imported = time.perf_counter()
run = runwell.init(project="bench", config={f"param{i}": i for i in range(10)})
ready = time.perf_counter()
run.finish()
over = time.perf_counter()
print(json.dumps({"import": imported - begun, "init": ready - imported, "finish": over - ready}))
"""

SMALL_RUNS = f"""
import json, resource, runwell, time
begun = time.perf_counter()
for index in range({RUNS}):
    run = runwell.init(project="bench", config={{"index": index, "lr": 0.1}})
    run.log({{"loss": 1.0, "index": index}})
    run.summary["best"] = 0.5
    run.finish()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{"500 runs": time.perf_counter() - begun, "500 runs, CPU": used.ru_utime + used.ru_stime}}))
"""

Figures = dict[str, float]


def python(program: str, root: Path, **settings: str) -> Figures:
    """What the program prints, from a process of its own outside any checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNWELL_", "WANDB_"))}
    environment = kept | {"RUNWELL_DIR": str(root), "RUNWELL_SILENT": "1"} | settings
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=root, check=True, capture_output=True, timeout=120
    )
    return dict(json.loads(done.stdout))


def offline(root: Path) -> Figures:
    return python(EMPTY_RUN, root, RUNWELL_MODE="offline")


def cold(root: Path) -> Figures:
    """With a server, and no forwarder yet."""
    figures = python(EMPTY_RUN, root)
    end_forwarder(root)
    return {"cold finish": figures["finish"]}


def small_runs(root: Path) -> Figures:
    return python(SMALL_RUNS, root, RUNWELL_MODE="offline")


def by_hand(root: Path) -> Figures:
    """The directories, files and syncs of as many runs, and nothing else."""
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    with tempfile.TemporaryDirectory(dir=root) as place:
        above = os.open(place, os.O_RDONLY)
        for index in range(RUNS):
            directory = f"{place}/{index}"
            os.mkdir(directory)
            opened = [os.open(f"{directory}/{name}", os.O_CREAT | os.O_WRONLY) for name in ("segment", "lock")]
            os.write(opened[0], bytes(1_000))
            opened.append(os.open(directory, os.O_RDONLY))
            for descriptor in (opened[0], opened[2], above):
                os.fsync(descriptor)
            for descriptor in opened:
                os.close(descriptor)
        os.close(above)
        took_s, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {"500 by hand": took_s, "500 by hand, CPU": cpu_s}


def end_forwarder(root: Path) -> float:
    """Ends it and waits until it is gone; the CPU seconds that it took."""
    used_s = 0.0
    for lock in (root / "spool" / ".forwarder").glob("*.lock"):
        with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
            pid = int(json.loads(lock.read_text())["pid"])
            used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            used_s += sum(map(int, used)) / os.sysconf("SC_CLK_TCK")
            os.kill(pid, signal.SIGTERM)
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.01)
    return used_s


@contextlib.contextmanager
def server(root: Path) -> Iterator[None]:
    """`runwell up` on the root directory."""
    ports = ["--http-port", "0", "--grpc-port", "0"]
    command = [sys.executable, "-m", "runwell", "up", "--dir", str(root / "server"), *ports]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (root / "server" / "server.json").exists():
            if process.poll() is not None:
                raise RuntimeError(f"the server did not start: `{' '.join(command)}` says why")
            time.sleep(0.05)
        yield
    finally:
        end_forwarder(root)
        process.terminate()
        process.wait()


def measure(cases: list[Callable[[Path], Figures]], root: Path, repeats: int) -> Figures:
    """Medians of all figures."""
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        for case in cases:
            for name, value in case(root).items():
                found.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 repetitions instead of 9")
    repeats = 3 if parser.parse_args().quick else 9
    with tempfile.TemporaryDirectory(prefix="runwell-bench-") as directory:
        root = Path(directory)
        offline(root)
        with server(root):
            figures = measure([offline, cold, by_hand, small_runs], root, repeats)
    for name, value in figures.items():
        target = f"<= {TARGETS[name]:.2f} s" if name in TARGETS else ""
        print(f"{name:<20}{value:>9.3f} s   {target}")
    print(json.dumps({"benchmark": "start_up", "repeats": repeats, "results": figures}))
    return 1 if any(figures[name] > target for name, target in TARGETS.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
