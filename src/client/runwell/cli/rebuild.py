"""``runwell rebuild``: new views from the event log."""

import argparse

from runwell.cli._server_tools import add_dir, run_tool


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "rebuild",
        help="make the views anew from the event log",
        description="Makes the views anew from the event log, also while the server runs: "
        "the old ones serve until the new ones are complete.",
    )
    add_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """The rebuild's exit status."""
    return run_tool("runwell_projector", "rebuild", options)
