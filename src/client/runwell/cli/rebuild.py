"""``runwell rebuild``: new views from the event log."""

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "rebuild",
        help="make the views anew from the event log",
        description="Makes the views anew from the event log, also while the server runs: "
        "the old ones serve until the new ones are complete.",
    )
    parser.add_argument("--dir", type=Path, help="data directory (default: server in $RUNWELL_DIR, else in ~/.runwell)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """The rebuild's exit status."""
    if find_spec("numpy") is None or find_spec("prometheus_client") is None:
        print("runwell: the server is not installed: pip install 'runwell[server]'", file=sys.stderr)
        return 2
    root = Path(os.environ.get("RUNWELL_DIR") or "~/.runwell").expanduser()
    directory = (options.dir or root / "server").expanduser()
    # A process of its own: the command line imports no server.
    command = [sys.executable, "-m", "runwell_projector", "rebuild", "--data-dir", str(directory)]
    return subprocess.run(command, check=False).returncode
