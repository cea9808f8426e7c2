"""Runs in an environment with `sweeps` 0.3.0: the values of its Bayesian search, as JSON. ``SEEDS TRIALS``."""

import json
import random
import sys
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
# In the place of this folder, where a module has the name of the package.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from sweeps import next_run  # type: ignore[import-not-found]  # noqa: E402
from sweeps.run import RunState, SweepRun  # type: ignore[import-not-found]  # noqa: E402


def main() -> None:
    from benchmarks.sweeps_functions import FUNCTIONS, document

    found = {}
    for name, (function, bounds) in FUNCTIONS.items():
        found[name] = []
        for seed in range(int(sys.argv[1])):
            np.random.seed(seed)  # noqa: NPY002  that is what the package draws from
            random.seed(seed)
            runs, values = [], []
            for number in range(int(sys.argv[2])):
                run = next_run(document(bounds), runs)
                values.append(function([run.config[f"x{place}"]["value"] for place in range(len(bounds))]))
                said = {"y": values[-1]}
                runs.append(
                    SweepRun(
                        name=str(number),
                        config=run.config,
                        state=RunState.finished,
                        history=[said],
                        summary_metrics=said,
                    )
                )
            found[name].append(values)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
