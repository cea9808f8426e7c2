"""The command line. Each command is a module with ``add_parser(subparsers)``; it imports what it needs when it runs."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from runwell import __version__

COMMANDS = (
    "up",
    "sync",
    "ls",
    "show",
    "edit",
    "rm",
    "undelete",
    "undo",
    "history",
    "export",
    "tail",
    "logs",
    "sweep",
    "agent",
    "status",
    "rebuild",
    "settle",
    "verify",
    "compress",
    "archive",
    "artifact",
)


def command_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The command line of these commands."""
    parser = argparse.ArgumentParser(prog="runwell", description="Runwell: an experiment tracker that loses nothing.")
    parser.add_argument("--version", action="version", version=f"runwell {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        importlib.import_module(f"runwell.cli.{command}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    # A forwarder starts within the first `init()`: it does not wait for the imports of other commands.
    named = [word for word in words[:1] if word in COMMANDS]
    options = command_parser(named or COMMANDS).parse_args(words)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
