"""``runwell history``: the rows of one run, or a curve."""

import argparse
import csv
import shutil
import sys
from typing import Any

from runwell._api_runs import Run
from runwell._api_source import thinned
from runwell.cli._plot import plot
from runwell.cli._reading import FAILED, add_reading_arguments, api, reading
from runwell.cli._shown import exact, printable, short
from runwell.cli._tables import Column, is_terminal, print_json, print_separated, print_table

ROWS_SHOWN = 50
"""Rows of a terminal's table, evenly thinned; other outputs have all."""

PLOT_LINES = 14
OWN_KEYS = ("_step", "_timestamp", "_runtime")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "history",
        help="print the rows of a run",
        description="Prints the rows of a run: all of them, separated by tabs, or in a terminal a table of some.",
    )
    parser.add_argument("path", metavar="RUN", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear")
    parser.add_argument("--keys", metavar="A,B", help="only rows that have all these keys")
    parser.add_argument("--masked", action="store_true", help="also rows that were refused for their step")
    parser.add_argument("--all", action="store_true", help="also rows that a later attempt logged again")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--plot", metavar="KEY", help="draw the curve of a key")
    form.add_argument("--csv", action="store_true", help="comma-separated values")
    add_reading_arguments(parser)
    parser.set_defaults(run=reading(show_history))


def show_history(options: argparse.Namespace) -> int:
    """Prints the rows."""
    run = api(options).run(options.path)
    if options.plot:
        return _draw(run, options.plot, options.masked, options.all)
    keys = [key for key in (options.keys or "").split(",") if key] or None
    rows = run.scan_history(keys, page_size=10_000, masked=options.masked, all=options.all)
    if options.json:
        for row in rows:
            print_json(row)
        return 0
    kept = list(rows)
    columns = _columns(kept, keys)
    if options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(printable(column) for column in columns)
        writer.writerows([exact(row.get(column)) for column in columns] for row in kept)
    elif is_terminal():
        _print_rows(kept, columns)
    else:
        print_separated(columns, [[row.get(column) for column in columns] for row in kept])
    return 0


def _columns(rows: list[dict[str, Any]], keys: list[str] | None) -> list[str]:
    """The step and time, then the keys in the order that was asked for, else in alphabetical order."""
    found = dict.fromkeys(key for row in rows for key in row)
    own = [key for key in OWN_KEYS if key in found]
    return [
        *own,
        *([key for key in keys if key not in own] if keys else sorted(key for key in found if key not in own)),
    ]


def _print_rows(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """A table of some rows for a terminal."""
    shown = [column for column in columns if column not in OWN_KEYS[1:]]
    some = thinned(rows, ROWS_SHOWN)
    lines = [[short(row.get(column), 24) for column in shown] for row in some]
    print_table([Column(column.lstrip("_"), numeric=True, optional=column != "_step") for column in shown], lines)
    if len(some) < len(rows):
        print(f"{len(some)} of {len(rows):,} rows, evenly thinned; --csv, --json or a pipe gives all")


def _draw(run: Run, key: str, masked: bool, every: bool) -> int:
    """The curve of a key over the steps."""
    rows = list(run.scan_history([key], page_size=10_000, masked=masked, all=every))
    points = [(row["_step"], row[key]) for row in rows if isinstance(row[key], int | float)]
    if not points:
        print(f"runwell: {printable(run.name)} has no numbers under {printable(key)}", file=sys.stderr)
        return FAILED
    width = max(20, min(shutil.get_terminal_size((80, 24)).columns, 120) - 14)
    encoding = (sys.stdout.encoding or "ascii").lower()
    print(f"{printable(key)} of {printable(run.name)}: {len(points):,} points, last {points[-1][1]:.6g}")
    lines = plot([x for x, _ in points], [y for _, y in points], width, PLOT_LINES, braille=encoding.startswith("utf"))
    print("\n".join(lines))
    return 0
