"""Runs the simulation for as long as is wanted: `python -m tests.simulation --schedules 1000000`, or `make simulate`.

It ends by itself, after the schedules or at the first failure, whose seed it prints with the command that repeats it.
"""

import argparse
import sys

from tests.simulation.runs import default_jobs, main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1_000_000, help="how many (default: %(default)s)")
    parser.add_argument(
        "--seed", default="0", help="of the first one; the next has the next number (default: %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=default_jobs(), help="processes (default: one a processor)")
    options = parser.parse_args()
    sys.exit(main(options.seed, options.schedules, options.jobs))
