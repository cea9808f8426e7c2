"""``python -m runwell_dashboard --data-dir D --http HOST:PORT``: serves until SIGTERM or SIGINT, then exits with 0."""

import argparse
import asyncio
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn
import uvloop
from starlette.applications import Starlette

from runwell_collector.blobs import open_blob_store
from runwell_dashboard.alerting.config import find_config
from runwell_dashboard.app import create_app
from runwell_dashboard.components import announce
from runwell_dashboard.settings import STOP_S, Settings, split_address


class DashboardServer(uvicorn.Server):
    """Says when it serves, and takes a signal to stop for what it is: not a failure."""

    def __init__(self, app: Starlette, settings: Settings, stopping: asyncio.Event) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(STOP_S),
            )
        )
        self._settings = settings
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves, then announces it."""
        await super().startup(sockets)
        assert sockets is not None
        address = f"http://{shown_address(sockets[0])}"
        announce(self._settings.data_dir, "dashboard", address)
        print(f"runwell dashboard serves {self._settings.data_dir} at {address}", file=sys.stderr, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to stop. The signal is not kept, since uvicorn would raise kept ones again at the end."""
        self.should_exit = True
        self._stopping.set()


def shown_address(listener: socket.socket) -> str:
    """``HOST:PORT`` of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_settings(arguments: list[str]) -> Settings:
    """The settings from the command line; a wrong one ends the process with status 2."""
    parser = argparse.ArgumentParser(prog="python -m runwell_dashboard", description="Serves Runwell's read API.")
    parser.add_argument("--data-dir", type=Path, required=True, help="the server's data directory")
    parser.add_argument("--http", required=True, metavar="HOST:PORT", help="where to listen; port 0 takes a free one")
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen beyond this machine; nothing asks for a password"
    )
    parser.add_argument(
        "--blobs", metavar="URL", help="where files are kept: file:///DIRECTORY, s3://BUCKET, … (default: in D/blobs)"
    )
    parser.add_argument(
        "--alerts", type=Path, metavar="FILE", help="who is told of alerts (default: D/alerts.toml, if it is there)"
    )
    options = parser.parse_args(arguments)
    try:
        open_blob_store(options.blobs, options.data_dir.resolve())
        data_dir = options.data_dir.resolve()
        alerts = find_config(data_dir, options.alerts)
        return Settings(data_dir, *split_address(options.http), options.allow_remote, options.blobs, alerts)
    except ValueError as error:
        parser.error(str(error))


def main() -> int:
    """Runs the process; returns its exit status."""
    settings = parse_settings(sys.argv[1:])
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        print(f"runwell dashboard cannot listen on {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)
        return 1
    uvloop.run(serve(settings, listener))
    return 0


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Serves until told to stop."""
    stopping = asyncio.Event()
    await DashboardServer(create_app(settings, stopping), settings, stopping).serve(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
