"""``runwell archive``: closed segments of the event log to another folder."""

import argparse
from pathlib import Path

from runwell.cli._server_tools import add_dir, run_tool


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "archive",
        help="move closed segments of the event log to another folder",
        description="Compresses the closed segments of the event log and moves them to a folder, such as one on a larger "
        "disk, also while the server runs. A rebuild reads them there.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to; made if needed, for this log alone")
    add_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """The tool's exit status."""
    folder = str(options.folder.expanduser().absolute())
    return run_tool("runwell_collector.tools", "archive", options, "--archive", folder)
