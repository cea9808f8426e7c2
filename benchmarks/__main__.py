"""`make bench`: every benchmark of this folder, one after the other, each in a process of its own.

Arguments go to each of them; each prints its figures as ratios to a baseline that it took in the same run, since
absolute times say more about the machine than about the code.
"""

import subprocess
import sys

BENCHMARKS = (
    "log_call",
    "start_up",
    "delivery",
    "collector_load",
    "projector_load",
    "observation",
    "reading",
    "artifacts",
)


def main() -> int:
    """Runs all; the exit status is 1 when one missed its target or failed."""
    missed = []
    for name in BENCHMARKS:
        print(f"\n== benchmarks/{name}.py", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=False).returncode:
            missed.append(name)
    if missed:
        print(f"\nbench: missed or failed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
