"""``runwell up``: the whole server on this machine."""

import argparse
import os
import sys
from pathlib import Path
from typing import IO, Any

from runwell.supervisor import checks
from runwell.supervisor.loop import Settings, Supervisor

FIRST_RUN = """\
import runwell
with runwell.init(project="first") as run:
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "up", help="start the server", description="Starts the server and stays until Ctrl-C."
    )
    parser.add_argument("--dir", type=Path, help="data directory (default: server in $RUNWELL_DIR, else in ~/.runwell)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--http-port", type=_port, default=8080, help="pages and API (default: %(default)s; 0: any free one)"
    )
    parser.add_argument(
        "--grpc-port", type=_port, default=7070, help="data from runs (default: %(default)s; 0: any free one)"
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="listen on an address that other machines reach, without authentication",
    )
    parser.add_argument(
        "--blobs",
        metavar="URL",
        default=os.environ.get("RUNWELL_BLOBS"),
        help="where files of runs are kept: file:///DIRECTORY, s3://BUCKET, gs://BUCKET, az://ACCOUNT/CONTAINER "
        "(default: RUNWELL_BLOBS, else blobs in the data directory)",
    )
    parser.add_argument(
        "--alerts",
        type=Path,
        metavar="FILE",
        help="who is told of alerts, as TOML: docs/alerts.md (default: alerts.toml in the data directory, if it is there)",
    )
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def run(options: argparse.Namespace) -> int:
    """Serves until it is asked to stop: 0; 2 when something must be changed before it can start, 1 when a part failed to."""
    settings = Settings(
        directory=(options.dir or default_directory()).expanduser().absolute(),
        host=options.host,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        allow_remote=options.allow_remote,
        blobs=options.blobs,
        alerts=None if options.alerts is None else options.alerts.expanduser().absolute(),
    )
    try:
        lock = _claim(settings)
    except checks.StartError as error:
        _say(str(error))
        return 2
    with lock:
        _say(f"starting the server in {settings.directory}")
        try:
            Supervisor(settings, _say).run(lambda said: _welcome(settings, said))
        except checks.StartError as error:
            _say(str(error))
            return 1
    _say("stopped; every acknowledged point is on disk")
    return 0


def default_directory() -> Path:
    """Where clients look for server.json when they are not told."""
    return Path(os.environ.get("RUNWELL_DIR") or "~/.runwell").expanduser() / "server"


def _claim(settings: Settings) -> IO[str]:
    """Checks everything that can be wrong, the directory first; returns its lock."""
    checks.require_server_packages()
    checks.require_loopback(settings.host, settings.allow_remote)
    lock = checks.lock_directory(settings.directory)
    try:
        checks.require_free_port(settings.host, settings.http_port, "--http-port")
        checks.require_free_port(settings.host, settings.grpc_port, "--grpc-port")
    except checks.StartError:
        lock.close()
        raise
    return lock


def _say(line: str) -> None:
    print(f"runwell: {line}", file=sys.stderr, flush=True)


def _welcome(settings: Settings, said: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape

    rows = {
        "Address": f"[bold]{said['http']}[/]   (data from runs: {said['grpc']})",
        "Data": escape(str(settings.directory)),
        "A first run": escape(FIRST_RUN),
        "Look": "runwell ls",
        "Stop": "Ctrl-C",
    }
    if settings.directory != default_directory().absolute():
        rows["Clients"] = f"export RUNWELL_BASE_URL={said['http']}"
    console = Console(highlight=False, soft_wrap=True)
    console.print("\n[bold green]Runwell is ready.[/]\n")
    for label, text in rows.items():
        console.print(f"  {label:<13}" + text.replace("\n", "\n" + " " * 15))
    console.print()
