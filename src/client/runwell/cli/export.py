"""``runwell export``: the runs table or histories as a file, written while the server sends it."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from runwell.cli._reading import FAILED, USAGE, reading

FORMATS = ("csv", "ndjson", "parquet")
SUFFIXES = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet", ".pq": "parquet"}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "export",
        help="write runs or their rows to a file",
        description="Writes the runs table of a project, or with --history the rows of runs, as CSV, JSON lines or Parquet.",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="ENTITY/PROJECT or PROJECT; with --history the runs")
    parser.add_argument("--history", action="store_true", help="the rows of runs, with a column that says which run")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to; standard output without it")
    parser.add_argument("--format", choices=FORMATS, help="what the name of the file says, else csv")
    parser.add_argument("--filter", metavar="TEXT", help="which runs, as for ls")
    parser.add_argument("--order", metavar="FIELDS", help="such as summary.loss or -created_at")
    parser.add_argument("--columns", metavar="FIELDS", help="such as config.lr,summary.loss; all fields without it")
    parser.add_argument("--keys", metavar="A,B", help="with --history: only rows that have one of these keys")
    parser.add_argument(
        "--masked", action="store_true", help="with --history: also rows that were refused for their step"
    )
    parser.add_argument(
        "--all", action="store_true", help="with --history: also rows that a later attempt logged again"
    )
    parser.set_defaults(run=reading(export))


def export(options: argparse.Namespace) -> int:
    """Writes the file."""
    from runwell._api import Api
    from runwell._api_http import HttpSource

    if (options.history and not options.paths) or (not options.history and len(options.paths) > 1):
        what = "--history needs runs: runwell export --history RUN…" if options.history else "one project at a time"
        print(f"runwell: {what}", file=sys.stderr)
        return USAGE
    form = options.format or SUFFIXES.get(Path(options.output or "").suffix, "csv")
    if options.history:
        api = Api()
        runs = ["/".join(api.run(path).path) for path in options.paths]
        asked: dict[str, Any] = {
            "run": runs,
            "keys": options.keys,
            "masked": int(options.masked),
            "all": int(options.all),
        }
    else:
        asked = _asked_runs(options)
    parts = HttpSource().stream("export/history" if options.history else "export/runs", asked | {"format": form})
    if options.output is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return 0
    return _written(Path(options.output), parts)


def _asked_runs(options: argparse.Namespace) -> dict[str, Any]:
    from runwell._api import split_project
    from runwell.core.filters import FilterError, parse_order

    entity, project = split_project(options.paths[0] if options.paths else None)
    try:
        columns = [str(order.field) for order in parse_order(options.columns or "")]
    except FilterError as error:
        from runwell._api_errors import RequestRefusedError

        raise RequestRefusedError(f"--columns: {error}") from None
    asked = {"entity": entity, "project": project, "filter": options.filter, "order": options.order}
    return asked | {"column": columns}


def _written(path: Path, parts: Iterator[bytes]) -> int:
    """Whole or not at all: a file of this name appears when everything has come."""
    part_path = path.with_name(path.name + ".part")
    try:
        with part_path.open("wb") as file:
            size = _copied(parts, file)
        part_path.replace(path)
    except OSError as error:
        print(f"runwell: {path} cannot be written: {error}", file=sys.stderr)
        return FAILED
    finally:
        with contextlib.suppress(OSError):
            part_path.unlink(missing_ok=True)
    print(f"runwell: {path}: {size / 1e6:,.1f} MB", file=sys.stderr)
    return 0


def _copied(parts: Iterator[bytes], file: BinaryIO) -> int:
    """How many bytes there were; a terminal is shown how many have come."""
    size, shown = 0, 0
    for part in parts:
        size += file.write(part)
        if sys.stderr.isatty() and size - shown > 5_000_000:
            shown = size
            print(f"\r{size / 1e6:,.0f} MB", end="\r", file=sys.stderr, flush=True)
    return size
