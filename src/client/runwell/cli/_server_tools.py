"""What commands that look after the server's files have in common: they run in a process of the server's packages."""

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def add_dir(parser: argparse.ArgumentParser) -> None:
    """Adds ``--dir``."""
    parser.add_argument("--dir", type=Path, help="data directory (default: server in $RUNWELL_DIR, else in ~/.runwell)")


def run_tool(module: str, action: str, options: argparse.Namespace, *more: str) -> int:
    """The exit status of ``python -m module action --data-dir DIR more``: the command line imports no server."""
    if find_spec("numpy") is None or find_spec("prometheus_client") is None:
        print("runwell: the server is not installed: pip install 'runwell[server]'", file=sys.stderr)
        return 2
    root = Path(os.environ.get("RUNWELL_DIR") or "~/.runwell").expanduser()
    directory = (options.dir or root / "server").expanduser()
    command = [sys.executable, "-m", module, action, "--data-dir", str(directory), *more]
    return subprocess.run(command, check=False).returncode
