"""A training process for the end-to-end tests: ``trainer.py RUN_ID REPORT STOP`` continues the run until the file STOP exists.

Each step is appended to the file REPORT after its log() has returned.
"""

import itertools
import math
import sys
import time
from pathlib import Path

import runwell

PAUSE_S = 0.002


def row(run_id: str, step: int) -> dict[str, float | int | bool | str]:
    """What is logged at ``step``; no two rows of a test are alike."""
    return {
        "loss": math.sin(step) + len(run_id),
        "seen": step * 64,
        "even": step % 2 == 0,
        "label": f"{run_id}-{step}",
    }


def main() -> None:
    """Logs rows, paced, and finishes."""
    run_id, report, stop = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    run = runwell.init(entity="e2e", project="chaos", id=run_id, resume="allow", config={"pause_s": PAUSE_S})
    with report.open("ab", buffering=0) as out:
        for step in itertools.count(run.starting_step):
            if stop.exists():
                break
            run.log(row(run_id, step))
            out.write(b"%d\n" % step)
            time.sleep(PAUSE_S)
    run.finish()


if __name__ == "__main__":
    main()
