"""The command line. Each command is a module with ``add_parser(subparsers)``; it imports what it needs when it runs."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from runwell import __version__

COMMANDS = ("up", "sync", "ls", "show", "history", "status", "rebuild")


def command_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="runwell", description="Runwell: an experiment tracker that loses nothing.")
    parser.add_argument("--version", action="version", version=f"runwell {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        importlib.import_module(f"runwell.cli.{command}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    options = command_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
