"""``runwell verify``: whether the event log is what was written."""

import argparse
from pathlib import Path

from runwell.cli._server_tools import add_dir, run_tool


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "verify",
        help="check the event log",
        description="Reads the whole event log, also while the server runs, and checks that nothing is missing, twice or "
        "changed. Exit status 1 and a line for each damage when something is.",
    )
    add_dir(parser)
    parser.add_argument(
        "--archive", type=Path, metavar="FOLDER", help="where archived segments are (default: as noted)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """The check's exit status."""
    archive = [] if options.archive is None else ["--archive", str(options.archive.expanduser())]
    return run_tool("runwell_collector.tools", "verify", options, *archive)
