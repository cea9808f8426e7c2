"""``runwell compress``: closed segments of the event log in less space."""

import argparse

from runwell.cli._server_tools import add_dir, run_tool


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "compress",
        help="compress closed segments of the event log",
        description="Compresses the closed segments of the event log, also while the server runs. "
        "What is read from them stays the same to the last bit.",
    )
    add_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """The tool's exit status."""
    return run_tool("runwell_collector.tools", "compress", options)
