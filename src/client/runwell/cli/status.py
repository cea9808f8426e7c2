"""``runwell status``: how the server is, and what waits in local spools is shown by ``runwell sync``."""

import argparse
from typing import Any

from runwell.cli._reading import FAILED, reading
from runwell.cli._tables import Column, is_terminal, print_json, print_separated, print_table
from runwell.core.tables import moment

GIB = 1 << 30


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "status",
        help="show how the server is",
        description="Shows the server's processes, its log and views, and its disk. Exit status 1 when it is not ready.",
    )
    parser.add_argument("--json", action="store_true", help="exact JSON")
    parser.set_defaults(run=reading(show_status))


def show_status(options: argparse.Namespace) -> int:
    """Prints the server's status."""
    from runwell._api_http import HttpSource

    source = HttpSource()
    status = source.get("status")
    ready = all(component["ready"] for component in status["components"].values())
    if options.json:
        print_json(status)
        return 0 if ready else FAILED
    titles = ("COMPONENT", "STATE", "PID", "SINCE", "ADDRESS", "REASON")
    lines = [_line(name, component) for name, component in status["components"].items()]
    facts = [("server", source.base_url), *_facts(status)]
    if is_terminal():
        print_table([Column(title, optional=title in ("PID", "SINCE")) for title in titles], lines)
        print()
        print_table([Column(""), Column("")], facts)
    else:
        print_separated(titles, lines)
        print_separated(("FACT", "VALUE"), facts)
    return 0 if ready else FAILED


def _line(name: str, component: dict[str, Any]) -> list[str]:
    state = "ready" if component["ready"] else "not ready" if component["alive"] else "gone"
    values = (name, state, component.get("pid"), moment(component.get("started_at")), component.get("http"))
    return [*("" if value is None else str(value) for value in values), str(component.get("reason", ""))]


def _facts(status: dict[str, Any]) -> list[tuple[str, str]]:
    """What there is to know of log, views and disk."""
    log, views, disk = status["log"], status["views"], status["disk"]
    poisoned, records = views["poisoned"]["batches"], views["records"]
    missing = ", ".join(f"{records[kind]:,} {kind}" for kind in ("refused", "dropped", "lost"))
    return [
        ("version", status["version"]),
        ("log", f"{log['id'] or 'empty'}, {log['end']:,} batches"),
        ("views", f"up to batch {views['offset']:,}, {log['lag']:,} behind; {views['runs']:,} runs"),
        ("records", f"{records['stored']:,} of {records['expected']:,} stored; {missing}"),
        ("poisoned", f"{poisoned:,} batches that could not be read" if poisoned else "none"),
        *(("alerts", _delivery(target)) for target in status.get("alerts", ())),
        ("disk", f"{disk['free_bytes'] / GIB:,.1f} GiB free of {disk['total_bytes'] / GIB:,.1f}"),
    ]


def _delivery(target: dict[str, Any]) -> str:
    """How it goes with one of those who are told of alerts."""
    counts = f"{target['delivered']:,} delivered, {target['waiting']:,} waiting, {target['given_up']:,} given up"
    return f"{target['name']}: {counts}" + (f"; {target['error']}" if target["error"] else "")
