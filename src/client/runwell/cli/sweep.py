"""``runwell sweep``: creates sweeps, shows them, and pauses, resumes and stops them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runwell.cli._reading import USAGE, reading
from runwell.cli._shown import duration, exact, short
from runwell.cli._tables import Column, is_terminal, print_json, print_separated, print_table
from runwell.core.tables import age, moment

if TYPE_CHECKING:
    from runwell.sweeps.calls import ServerCalls

STATES = {
    "pause": "paused",
    "resume": "running",
    "stop": "stopped",
    "cancel": "cancelled",
    "delete": "deleted",
}
ACTIONS = ("ls", "show", *STATES)
FIELDS = ("state", "entity", "project", "sweep_id", "name", "method", "created_at")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "sweep",
        help="create, show and steer sweeps",
        description="FILE creates a sweep from a YAML or JSON file. ls lists sweeps, show shows one. pause gives no more "
        "trials until resume, stop lets the running ones end, cancel stops them too, delete also hides the sweep.",
    )
    parser.add_argument("action", metavar="FILE|ACTION", help=f"a file, or one of {', '.join(ACTIONS)}")
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help="ENTITY/PROJECT/ID, PROJECT/ID or ID; of ls: PROJECT")
    parser.add_argument("--entity", metavar="ENTITY", help="of the sweep; default: that of runs")
    parser.add_argument("--project", metavar="PROJECT", help="of the sweep; default: that of the file, or of runs")
    parser.add_argument("--prior-run", action="append", metavar="RUN", help="a run of the project that counts as done")
    parser.add_argument("--json", action="store_true", help="exact JSON (with the literals NaN and Infinity)")
    parser.set_defaults(run=reading(lambda options: run(parser, options)))


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Does what was asked for."""
    if options.action == "ls":
        return list_sweeps(options)
    if options.action not in ACTIONS:
        if options.sweep is not None:
            parser.error(f"{options.action} is none of {', '.join(ACTIONS)}")
        return create_sweep(options)
    if options.sweep is None:
        parser.error(f"which sweep? runwell sweep {options.action} SWEEP; `runwell sweep ls` shows which there are")
    if options.action == "show":
        return show_sweep(options)
    calls = _calls(options)
    print(f"{calls.name} is {calls.change(STATES[options.action], _user())}")
    return 0


def create_sweep(options: argparse.Namespace) -> int:
    """Creates a sweep from a file, and says how to work on it."""
    from runwell._settings import resolve
    from runwell.sweeps.creation import create
    from runwell.sweeps.files import read_document

    path = Path(options.action)
    if not path.exists():
        print(f"runwell: there is no file {path}, and no action of that name: {', '.join(ACTIONS)}", file=sys.stderr)
        return USAGE
    document, line_of = read_document(path)
    settings = resolve(None, {})
    name = create(settings, document, options.entity, options.project, options.prior_run or (), line_of)
    print(f"runwell agent {name}")
    return 0


def list_sweeps(options: argparse.Namespace) -> int:
    """Prints the sweeps."""
    import time

    from runwell._api import split_project
    from runwell._api_http import HttpSource
    from runwell.sweeps import calls

    entity, project = split_project(options.sweep)
    found = calls.list_sweeps(HttpSource(), options.entity or entity, options.project or project)
    if options.json:
        print_json(found)
    elif is_terminal():
        columns = [Column("sweep"), Column("state", state=True), Column("method"), Column("trials", numeric=True)]
        columns += [Column("best", numeric=True), Column("made", optional=True)]
        now = time.time()
        lines = [
            [
                f"{view['entity']}/{view['project']}/{view['sweep_id']}",
                view["state"],
                view["method"],
                _progress(view),
                "" if view["best"] is None else short(view["best"]["value"]),
                age(now - view["created_at"]),
            ]
            for view in found
        ]
        print_table(columns, lines)
    else:
        print_separated(FIELDS, [[view[name] for name in FIELDS] for view in found])
    return 0


def show_sweep(options: argparse.Namespace) -> int:
    """Prints one sweep and its trials."""
    calls = _calls(options)
    view, trials = calls.view(), calls.trials()
    if options.json:
        print_json({**view, "trial_list": trials})
        return 0
    for name, value in _facts(view, calls.importance()):
        print(f"{name}\t{value}")
    print()
    titles = ("trial", "state", "value", "parameters", "attempt", "took", "agent", "reason")
    lines = [_trial_line(trial) for trial in trials]
    if is_terminal():
        numeric = ("trial", "value", "attempt", "took")
        print_table(
            [Column(title, title in numeric, title == "state", title in ("agent", "reason")) for title in titles],
            [[short(cell, 60) for cell in line] for line in lines],
        )
    else:
        print_separated(titles, lines)
    return 0


def _facts(view: dict[str, Any], told: dict[str, Any]) -> list[tuple[str, str]]:
    metric = view["metric"]
    facts = [
        ("sweep", "/".join((view["entity"], view["project"], view["sweep_id"]))),
        ("state", view["state"]),
        ("method", view["method"]),
        ("made", moment(view["created_at"])),
        ("trials", _progress(view)),
    ]
    if metric is not None:
        facts.append(("metric", f"{metric['goal']} {metric['name']}"))
        best = view["best"]
        nothing = f"no trial has {metric['name']!r} in its summary" if view["trials"]["total"] else "no trial yet"
        facts.append(("best", nothing if best is None else f"{exact(best['value'])} of trial {best['trial']}"))
        facts += [(f"importance of {found['parameter']}", short(found["importance"])) for found in told["parameters"]]
    for agent in view["agents"] or ():
        running = ", ".join(str(attempt["trial"]) for attempt in agent["running"]) or "nothing"
        facts.append(("agent", f"{agent['agent']}, running {running}, heard of {agent['silent_s']:.0f} s ago"))
    return facts


def _progress(view: dict[str, Any]) -> str:
    counts = dict(view["trials"])
    total = counts.pop("total")
    of = "" if view["expected"] is None else f" of {view['expected']}"
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{total}{of}" + (f" ({states})" if states else "")


def _trial_line(trial: dict[str, Any]) -> Sequence[Any]:
    ended_at = trial["ended_at"]
    took = "" if ended_at is None else duration(ended_at - trial["started_at"])
    found = (trial["trial"], trial["state"], trial["value"], trial["parameters"], trial["attempt"])
    return (*found, took, trial["agent"], trial["reason"])


def _calls(options: argparse.Namespace) -> "ServerCalls":
    from runwell._api_http import HttpSource
    from runwell.sweeps.calls import ServerCalls, find_sweep

    source = HttpSource()
    return ServerCalls(source, find_sweep(source, options.sweep, options.entity, options.project))


def _user() -> str:
    from runwell._settings import user_name

    return user_name()
