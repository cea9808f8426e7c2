"""``runwell settle``: waits until the server has nothing under way."""

import argparse

from runwell.cli._server_tools import add_dir, run_tool

TIMEOUT_S = 600.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "settle",
        help="wait until the server has nothing under way",
        description="Waits until the views have everything that is in the log and both are in their files, "
        "and says how large they are: before a copy, or a measurement.",
    )
    add_dir(parser)
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, help="seconds to wait (default: %(default)g)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 when it settled in time."""
    return run_tool("runwell_projector", "settle", options, "--timeout", str(options.timeout))
