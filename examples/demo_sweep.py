"""The demo's sweep: twenty trials, two agents in processes of their own, one of which is killed and replaced."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

TRIALS = 20
KILLED_AFTER_TRIALS = 6
TIMEOUT_S = 240.0

HERE = Path(__file__).resolve().parent
SWEEP = {
    "method": "bayes",
    "project": "digits",
    "program": str(HERE / "sweep_digits.py"),
    "metric": {"name": "val_loss", "goal": "minimize"},
    "parameters": {
        "learning_rate": {"min": 0.0005, "max": 0.05, "distribution": "log_uniform_values"},
        "hidden": {"min": 8, "max": 64},
        "alpha": {"min": 1e-5, "max": 0.01, "distribution": "log_uniform_values"},
    },
    "run_cap": TRIALS,
}

Start = Callable[[list[str]], subprocess.Popen[bytes]]


def run_sweep(start: Start, notes: Path, base_url: str, say: Callable[[str], None]) -> None:
    """Creates the sweep and works on it. ``start`` starts a `runwell` command. Raises SystemExit when a trial is missing."""
    file = notes / "sweep.json"
    file.write_text(json.dumps(SWEEP))
    created, _ = start(["sweep", str(file)]).communicate()
    sweep = created.decode().split()[-1]
    agents = [start(["agent", sweep]) for _ in range(2)]
    try:
        _wait(lambda: _view(base_url, sweep)["trials"].get("finished", 0) >= KILLED_AFTER_TRIALS)
        agents[0].send_signal(signal.SIGKILL)
        say(f"  [red]✗[/] an agent killed by SIGKILL after {KILLED_AFTER_TRIALS} trials, in the middle of another")
        agents.append(start(["agent", sweep]))
        _wait(lambda: _view(base_url, sweep)["state"] == "finished")
    finally:
        for agent in agents:
            agent.terminate()
            agent.communicate()
    _verify(base_url, sweep, say)


def _verify(base_url: str, sweep: str, say: Callable[[str], None]) -> None:
    import runwell

    trials = _calls(base_url, sweep).trials()
    again = [trial["trial"] for trial in trials if trial["attempt"] > 1]
    states = Counter(trial["state"] for trial in trials)
    runs = runwell.Api(base_url).runs("demo/digits", f'sweep == "{sweep.rpartition("/")[2]}"')
    if states != {"finished": TRIALS} or {run.state for run in runs} != {"finished"} or len(runs) != TRIALS:
        raise SystemExit(
            f"demo: the sweep ended with {dict(states)} in {len(runs)} runs, and not with {TRIALS} finished trials"
        )
    best = _view(base_url, sweep)["best"]
    given = f"trial {', '.join(map(str, again))} was given again" if again else "the killed agent had none under way"
    say(
        f"  [green]✓[/] exactly {TRIALS} finished trials, {given}; best val_loss {best['value']:.4f} in trial {best['trial']}"
    )


def _calls(base_url: str, sweep: str) -> Any:
    from runwell._api_http import HttpSource
    from runwell.sweeps.calls import ServerCalls, find_sweep

    source = HttpSource(base_url)
    return ServerCalls(source, find_sweep(source, sweep))


def _view(base_url: str, sweep: str) -> dict[str, Any]:
    view: dict[str, Any] = _calls(base_url, sweep).view()
    return view


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not reached():
        if time.monotonic() > deadline:
            sys.exit(f"demo: the sweep did not come to its end within {TIMEOUT_S:.0f} s")
        time.sleep(0.1)
