"""``runwell ls``: the table of runs."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from runwell._api_runs import Run
from runwell.cli._reading import add_reading_arguments, api, reading
from runwell.cli._shown import duration, short
from runwell.cli._tables import Column, is_terminal, print_json, print_separated, print_table
from runwell.core.filters import BRANCH, Field, FilterError, parse_order
from runwell.core.tables import age, metric_columns

LIMIT = 50
METRICS = 4
"""Columns of the summary keys that most of the shown runs have."""

SEPARATED_FIELDS = ("state", "entity", "project", "run_id", "name", "created_at", "duration_s", "last_step")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser("ls", help="list runs", description="Lists runs, the newest first.")
    parser.add_argument("path", nargs="?", metavar="PATH", help="ENTITY/PROJECT or PROJECT; all runs without it")
    parser.add_argument("--filter", metavar="TEXT", help="""such as 'state == "finished" and config.lr < 0.01'""")
    parser.add_argument("--order", metavar="FIELDS", default="-created_at", help="such as summary.loss or -created_at")
    parser.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"runs to show at most ({LIMIT})")
    parser.add_argument("--columns", metavar="FIELDS", help="such as run_id,state,config.lr,summary.loss")
    add_reading_arguments(parser)
    parser.set_defaults(run=reading(lambda options: list_runs(parser, options)))


def list_runs(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Prints the runs that match."""
    if options.limit < 0:
        parser.error("--limit must not be negative")
    columns = _columns(parser, options.columns)
    matching = api(options).runs(options.path, options.filter, options.order, per_page=max(options.limit, 1))
    runs = matching[: options.limit]
    if options.json:
        print_json([run.view for run in runs])
    elif not is_terminal():
        shown = columns or [Field(name) for name in SEPARATED_FIELDS] + _metrics(runs)
        print_separated([str(field) for field in shown], [[_value(run, field) for field in shown] for run in runs])
    elif columns:
        lines = [[short(_value(run, field)) for field in columns] for run in runs]
        print_table([Column(str(field), state=field == Field("state")) for field in columns], lines)
    else:
        _print_runs(runs, len(matching), time.time())
    return 0


def _columns(parser: argparse.ArgumentParser, text: str | None) -> list[Field]:
    try:
        return [order.field for order in parse_order(text or "")]
    except FilterError as error:
        parser.error(f"--columns: {error}")


def _value(run: Run, field: Field) -> Any:
    value = field.value(run.view)
    return "{…}" if value is BRANCH else value


def _print_runs(runs: Sequence[Run], total: int, now: float) -> None:
    """The table for a terminal, with the metrics that most runs have."""
    if not runs:
        print("no runs match" if total == 0 else f"{total} runs match")
        return
    metrics = _metrics(runs)
    columns = [Column("STATE", state=True), Column("ID"), Column("RUN"), Column("PROJECT", optional=True)]
    titles = ("MADE", "TOOK", "STEP", *(field.key for field in metrics))
    columns += [Column(title, numeric=True, optional=True) for title in titles]
    lines = [
        [
            run.state,
            run.id,
            run.name,
            f"{run.entity}/{run.project}",
            age(now - run.created_at),
            duration(run.duration_s),
            "" if run.last_step is None else f"{run.last_step:,}",
            *(short(_value(run, field)) for field in metrics),
        ]
        for run in runs
    ]
    print_table(columns, lines)
    if total > len(runs):
        print(f"{len(runs)} of {total:,} runs; --limit shows more, --filter fewer")


def _metrics(runs: Sequence[Run]) -> list[Field]:
    """The summary keys that most runs have."""
    return [Field("summary", key) for key in metric_columns((run.view for run in runs), METRICS)]
