"""``runwell show``: everything about one run."""

import argparse
import shlex
from typing import Any

from runwell.cli._reading import add_reading_arguments, api, reading
from runwell.cli._shown import duration, exact, printable, short
from runwell.cli._tables import STATE_STYLES, is_terminal, print_json
from runwell.core.filters import leaves
from runwell.core.tables import moment

SHORT_ID = 8
"""Digits that tell the changes of a run apart."""

ALERTS_SHOWN = 10


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser("show", help="show one run", description="Shows everything about one run.")
    parser.add_argument("path", metavar="RUN", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear")
    parser.add_argument("--changes", action="store_true", help="what people changed of it afterwards, and who and when")
    add_reading_arguments(parser)
    parser.set_defaults(run=reading(show_run))


def show_run(options: argparse.Namespace) -> int:
    """Prints the run."""
    run = api(options).run(options.path)
    if options.changes:
        return _show_changes(run.changes(), as_json=options.json)
    view = run.view
    if options.json:
        print_json(view)
        return 0
    facts = _facts(view) + ([] if options.spool else _alerts(view))
    if is_terminal():
        _print_described(view, facts)
    else:
        for section, name, value in [("", *pair) for pair in facts] + _values(view):
            print(f"{section}{name}\t{exact(value)}")
    return 0


def _show_changes(changes: list[dict[str, Any]], *, as_json: bool) -> int:
    """Prints them, the first one first: id, when, who, what, and whether it was taken back."""
    if as_json:
        print_json(changes)
        return 0
    for change in changes:
        said = ", ".join(f"{name}={_new(value)}" for name, value in change["changed"].items())
        what = f"takes back {change['undoes'][:SHORT_ID]}" if change["undoes"] else said
        undone = "\ttaken back" if change["undone"] else ""
        cells = change["id"][:SHORT_ID], moment(change["time"]), change["by"], what
        print("\t".join(map(printable, cells)) + undone)
    return 0


def _new(value: Any) -> str:
    return "removed" if value is None else short(value, 200)


def completeness(records: dict[str, int]) -> str:
    """How much of a run is stored, and what is not."""
    text = f"{records['stored']:,} of {records['expected']:,} records"
    apart = [f"{records[name]:,} {name}" for name in ("masked", "refused", "dropped", "lost") if records.get(name)]
    return ", ".join([text, *apart])


def _facts(view: dict[str, Any]) -> list[tuple[str, Any]]:
    """The run's own fields, those that it has."""
    git = view.get("git") or {}
    dirty = " with changes" if git.get("dirty") else ""
    facts = [
        ("run", "/".join((view["entity"], view["project"], view["run_id"]))),
        ("name", view["name"]),
        ("state", view["state"]),
        ("exit code", view["exit_code"]),
        ("made", moment(view["created_at"])),
        ("took", duration(view["duration_s"])),
        ("attempts", view["attempts"] if view["attempts"] > 1 else None),
        ("last step", view["last_step"]),
        ("records", completeness(view["records"])),
        ("group", view["group"]),
        ("job type", view["job_type"]),
        ("tags", ", ".join(view["tags"])),
        ("notes", view["notes"]),
        ("host", " as ".join(filter(None, (view["host"], view["user"])))),
        ("command", shlex.join(view["command"])),
        ("python", view["python_version"]),
        ("git", f"{git.get('commit', '')[:12]} {git.get('branch', '')}{dirty} {git.get('remote', '')}".strip()),
    ]
    return [(name, value) for name, value in facts if value not in (None, "", [])]


def _alerts(view: dict[str, Any]) -> list[tuple[str, Any]]:
    """The run's latest alerts; a server's views have them, spools only their events."""
    from runwell._api_http import HttpSource
    from runwell._api_source import RunName

    found = HttpSource().alerts(RunName(view["entity"], view["project"], view["run_id"]))[:ALERTS_SHOWN]
    return [("alert", f"{moment(one['time'])} {one['level']} {one['title']}: {one['text']}") for one in found]


def _values(view: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Configuration and summary, each leaf by its name with dots."""
    sections = ("config", "summary")
    return [(f"{name}.", ".".join(path), value) for name in sections for path, value in sorted(leaves(view[name]))]


def _print_described(view: dict[str, Any], facts: list[tuple[str, Any]]) -> None:
    """The run for a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        style = STATE_STYLES.get(str(value), "") if name == "state" else ""
        table.add_row(name, Text(exact(value), style))
    for section, name, value in _values(view):
        if not name.startswith("_"):
            table.add_row(printable(f"{section}{name}"), Text(short(value, 200)))
    Console(highlight=False, markup=False, emoji=False).print(table)
