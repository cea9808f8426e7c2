"""``runwell logs``: what a run's processes wrote to their terminals."""

import argparse
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runwell._api_source import RunName
from runwell.cli._reading import api, reading
from runwell.cli._tables import is_terminal

if TYPE_CHECKING:
    from runwell._api_http import HttpSource

PAGE_LINES = 5_000
STATES_OVER = ("finished", "failed", "crashed", "preempted")
_CONTROLS = re.compile("\x1b\\[[0-9;:]*m|\x1b|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "logs",
        help="show a run's console",
        description="Prints what the processes of a run wrote to standard output and standard error, in the order of time.",
    )
    parser.add_argument("path", metavar="RUN", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear")
    parser.add_argument("-n", "--last", type=int, metavar="N", help="the last N lines only")
    parser.add_argument("-g", "--grep", metavar="TEXT", help="lines with this text, in upper or lower case")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument("--stderr", action="store_true", help="standard error alone")
    parser.add_argument("--json", action="store_true", help="each line with its writer, number and time as JSON")
    parser.set_defaults(run=reading(show_logs), spool=None)


def show_logs(options: argparse.Namespace) -> int:
    """Prints the lines."""
    from runwell._api_http import HttpSource

    run = api(options).run(options.path)
    source, name = HttpSource(), RunName(*run.path)
    query = {"contains": options.grep, "stderr": 1 if options.stderr else None}
    plain = not is_terminal()
    for line in _stored(source, name, query, options.last):
        _print(line, as_json=options.json, plain=plain)
    if options.follow:
        for line in _coming(source.base_url, name, run.state):
            if (options.grep or "").lower() in line["text"].lower() and (line["stderr"] or not options.stderr):
                _print(line, as_json=options.json, plain=plain)
    return 0


def _stored(source: "HttpSource", name: RunName, query: dict[str, Any], last: int | None) -> Iterator[dict[str, Any]]:
    if last is not None:
        yield from source.console(name, query | {"last": max(1, min(last, PAGE_LINES))})["lines"]
        return
    start = 0
    while True:
        page = source.console(name, query | {"start": start, "limit": PAGE_LINES, "consistent": int(not start)})
        yield from page["lines"]
        start += len(page["lines"])
        if not page["lines"] or start >= page["total"]:
            return


def _coming(base_url: str, run: RunName, state: str) -> Iterator[dict[str, Any]]:
    from runwell._api_events import follow

    if state in STATES_OVER:
        return
    for told in follow(base_url, run, {"console": 1, "key": "_none_"}):
        if told.kind == "console":
            yield from told.content["lines"]
        elif told.kind == "run" and (told.content or {}).get("state") in STATES_OVER:
            return


def _print(line: dict[str, Any], *, as_json: bool, plain: bool) -> None:
    if as_json:
        print(json.dumps(line), flush=True)
        return
    if line.get("omitted"):
        print(f"… {line['omitted']:,} lines left out", flush=True)
    print(shown_line(line["text"], plain=plain), flush=True)


def shown_line(text: str, *, plain: bool) -> str:
    """The text with its colours, or without; every other control character is left out, since a log moves no cursor."""
    shown = _CONTROLS.sub(lambda found: "" if plain or len(found[0]) == 1 else found[0], text)
    return shown if plain or "\x1b" not in shown else shown + "\x1b[0m"
