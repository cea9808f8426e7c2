"""`python -m benchmarks.sweeps`: how long a suggestion takes, how good the search is, and 200 agents at once.

The search is compared with random search, and with the package `sweeps` 0.3.0 from PyPI, which is installed into an
environment of its own (.venv-wandb-sweeps): the same functions, seeds and number of trials. Times are processor times.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from benchmarks.sweeps_functions import FUNCTIONS, Function, document
from runwell.core.sweeps.config import read_config
from runwell.core.sweeps.trials import Suggestion, Sweep, Trial
from runwell.search import suggest

TRIALS, RANDOM_TRIALS, SEEDS = 60, 200, 20
PAST_TRIALS = 500
AGENTS, LATER = 200, 20
PEER = Path(__file__).with_name("sweeps_peer.py")
ENVIRONMENT = Path(__file__).resolve().parents[1] / ".venv-wandb-sweeps"


def searched(function: Function, bounds: Sequence[tuple[float, float]], seed: int, trials: int) -> list[float]:
    """The values of a search, one trial after another."""
    sweep = Sweep(f"seed{seed}", read_config(document(bounds)))
    values = []
    for number in range(1, trials + 1):
        parameters = suggest(sweep, Random(f"{sweep.sweep_id}/{number}"))
        values.append(function([parameters[f"x{place}"] for place in range(len(bounds))]))
        sweep.trials[number] = Trial(number, parameters, state="finished", value=values[-1])
    return values


def best_of_random(function: Function, bounds: Sequence[tuple[float, float]], seed: int) -> float:
    chance = Random(f"random {seed}")
    return min(function([chance.uniform(*bound) for bound in bounds]) for _ in range(RANDOM_TRIALS))


def peer_values(seeds: int) -> dict[str, list[list[float]]]:
    """The values of `sweeps` 0.3.0 by function and seed."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "sweeps==0.3.0"], check=True)
    command = [python, PEER, str(seeds), str(TRIALS)]
    found: dict[str, list[list[float]]] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


def compare(seeds: int, with_peer: bool) -> bool:
    peer = peer_values(seeds) if with_peer else {}
    good = True
    for name, (function, bounds) in FUNCTIONS.items():
        runs = [searched(function, bounds, seed, TRIALS) for seed in range(seeds)]
        targets = [best_of_random(function, bounds, seed) for seed in range(seeds)]
        needed = [
            next((number for number, value in enumerate(values, 1) if value <= target), math.inf)
            for values, target in zip(runs, targets, strict=True)
        ]
        best, reached = statistics.median(map(min, runs)), statistics.median(needed)
        line = f"{name}: best of {RANDOM_TRIALS} random reached in {reached:g} trials; best of {TRIALS} {best:.4f}"
        good &= reached <= TRIALS
        if name in peer:
            other = statistics.median(map(min, peer[name]))
            better = sum(min(ours) <= min(theirs) for ours, theirs in zip(runs, peer[name], strict=True))
            line += f", of sweeps 0.3.0 {other:.4f}; not worse on {better} of {seeds} seeds"
            good &= best <= other
        print(line, flush=True)
    return good


def time_suggestions() -> bool:
    """Milliseconds of a suggestion, with many past trials."""
    good = True
    space = {f"x{place}": {"min": 0.0, "max": 1.0} for place in range(6)}
    grid = {"method": "grid", "parameters": {"x": {"min": 0, "max": 10**6}}}
    cases = {
        "grid": (grid, 10.0),
        "random": ({"method": "random", "parameters": space}, 10.0),
        "bayes": ({"method": "bayes", "metric": {"name": "y"}, "parameters": space}, 200.0),
    }
    for method, (config, wanted_ms) in cases.items():
        sweep = Sweep("timed", read_config(config))
        chance = Random(0)
        for number in range(1, PAST_TRIALS + 1):
            point = sweep.config.space.grid_point(number) if method == "grid" else sweep.config.space.sample(chance)
            sweep.trials[number] = Trial(number, point, state="finished", value=chance.random())
        taken = []
        for number in range(10):
            began = time.process_time()
            assert isinstance(sweep.suggest(f"r{number}", "a", suggest), Suggestion)
            taken.append((time.process_time() - began) * 1000)
        found = statistics.median(taken)
        good &= found <= wanted_ms
        print(f"suggestion, {method}, {PAST_TRIALS} past trials: {found:.2f} ms (wanted: {wanted_ms:g})", flush=True)
    return good


def crowd() -> bool:
    """As many agents ask at once, of a real server; each trial is given once."""
    from runwell._api_http import HttpSource
    from runwell.core.sweeps.stream import SweepName
    from runwell.sweeps.calls import Given, ServerCalls
    from tests.server import Server

    with tempfile.TemporaryDirectory() as folder:
        server = Server.start(Path(folder) / "server")
        try:
            name = SweepName("bench", "sweeps", "crowd")
            calls = ServerCalls(HttpSource(server.http), name)
            calls.create(
                json.dumps({"method": "grid", "parameters": {"x": {"min": 1, "max": AGENTS + LATER}}}), "bench", ()
            )
            began = time.monotonic()
            with ThreadPoolExecutor(AGENTS) as agents:
                answers = list(agents.map(lambda number: calls.ask(f"a{number}", f"r{number}"), range(AGENTS)))
            took_s = time.monotonic() - began
            latency = []
            for number in range(LATER):
                asked = time.monotonic()
                calls.ask("a0", f"again{number}")
                latency.append((time.monotonic() - asked) * 1000)
        finally:
            server.close()
    given = Counter(answer.trial for answer in answers if isinstance(answer, Given))
    good = len(given) == AGENTS and set(given.values()) == {1}
    print(
        f"{AGENTS} agents at once: {len(given)} different trials in {took_s:.2f} s, "
        f"{sum(given.values()) - len(given)} twice, {AGENTS - len(given)} lost; one answer later {statistics.median(latency):.1f} ms"
    )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--without-peer", action="store_true", help="do not install and run sweeps 0.3.0")
    options = parser.parse_args()
    good = [time_suggestions(), crowd(), compare(options.seeds, not options.without_peer)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
