"""``python -m runwell_sweeps``: gives trials to agents until SIGTERM or SIGINT."""

import argparse
import asyncio
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from runwell.v1 import sweeps_pb2_grpc
from runwell_sweeps.counters import Counters
from runwell_sweeps.desks import Desks, working
from runwell_sweeps.http import health_app, serving_http
from runwell_sweeps.questions import Questions
from runwell_sweeps.service import SweepService

STOP_GRACE_S = 3.0


class CannotStartError(Exception):
    """Something that a person has to change; the message says what."""


def main() -> int:
    """0 after a graceful stop, 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m runwell_sweeps", description="Gives trials of sweeps to agents.")
    parser.add_argument("--data-dir", type=Path, required=True, metavar="D", help="the server's directory")
    parser.add_argument(
        "--grpc", default="127.0.0.1:0", metavar="HOST:PORT", help="where the dashboard asks (default: %(default)s)"
    )
    parser.add_argument(
        "--http", default="127.0.0.1:0", metavar="HOST:PORT", help="of health and counters (default: %(default)s)"
    )
    options = parser.parse_args()
    try:
        with sole_controller(options.data_dir), listening(options.http) as listener:
            uvloop.run(serve(options.data_dir, options.grpc, listener))
    except CannotStartError as error:
        print(f"sweeps: cannot start: {error}", file=sys.stderr)
        return 2
    return 0


async def serve(data_dir: Path, address: str, listener: socket.socket) -> None:
    """Serves until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    questions = Questions(data_dir)
    desks = Desks(questions, lambda: collector_address(data_dir))
    counters = Counters()
    counters.gauge("watched", "Sweeps that are worked on", desks.watched)
    counters.gauge("running_trials", "Trials that agents run", desks.running_trials)
    try:
        async with (
            working(desks),
            serving_http(health_app(counters), listener) as http,
            serving(SweepService(desks, counters), address) as bound,
        ):
            with announced(data_dir, bound, http):
                print(f"sweeps: ready: gRPC on {bound}, HTTP on {http}", file=sys.stderr, flush=True)
                await stop.wait()
    finally:
        questions.close()


def collector_address(data_dir: Path) -> str | None:
    """Where the collector of this server takes records; None while it has not said so."""
    try:
        said = json.loads((data_dir / "components" / "collector.json").read_text())
    except (OSError, ValueError):
        return None
    return str(said["grpc"]) if isinstance(said, dict) and "grpc" in said else None


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A socket at HOST:PORT. Raises CannotStartError where that cannot be had."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise CannotStartError(f"--http: {address!r} is not HOST:PORT")
    try:
        listener = socket.create_server(
            (host.strip("[]"), int(port)), family=socket.AF_INET6 if "[" in host else socket.AF_INET
        )
    except OSError as error:
        raise CannotStartError(f"cannot listen on {address}: choose another address ({error})") from error
    with listener:
        yield listener


@asynccontextmanager
async def serving(service: SweepService, address: str) -> AsyncIterator[str]:
    """Serves the service; yields the address, with the real port where 0 was asked for."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    sweeps_pb2_grpc.add_SweepServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    server_health = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(server_health, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise CannotStartError(f"cannot listen on {address}: choose another address") from error
    await server.start()
    await server_health.set("", health_pb2.HealthCheckResponse.SERVING)
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        await server_health.enter_graceful_shutdown()
        await server.stop(STOP_GRACE_S)


@contextmanager
def sole_controller(data_dir: Path) -> Iterator[None]:
    """Holds the controller's lock. Raises CannotStartError when another process has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "sweeps.lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStartError(f"another controller of sweeps works in {data_dir}: stop that one") from None
        yield


@contextmanager
def announced(data_dir: Path, address: str, http: str) -> Iterator[None]:
    """Says in D/components/sweeps.json where this process serves, as long as it does."""
    path = data_dir / "components" / "sweeps.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".sweeps.{os.getpid()}")
    unfinished.write_text(json.dumps({"pid": os.getpid(), "http": http, "grpc": address, "started_at": time.time()}))
    unfinished.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
