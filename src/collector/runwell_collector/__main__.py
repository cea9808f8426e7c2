"""``python -m runwell_collector``: serves until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import uvloop

from runwell_collector.blobs import StoreError
from runwell_collector.collector import running_collector
from runwell_collector.config import Address, CollectorConfig, ConfigError
from runwell_collector.log import LogDamagedError

EXIT_CANNOT_START = 2
EXIT_DISK_FAILED = 1


def main() -> int:
    """0 after a graceful stop, 1 when the log's disk failed, 2 when it cannot start; says why in one line."""
    try:
        uvloop.run(_serve(_config()))
    except (ConfigError, LogDamagedError, StoreError, OSError, sqlite3.Error, BaseExceptionGroup) as error:
        return _explained(error)
    return 0


def _explained(error: BaseException) -> int:
    causes = list(_leaves(error))
    if any(isinstance(cause, ConfigError | LogDamagedError | StoreError) for cause in causes):
        _say(f"cannot start: {causes[0]}")
        return EXIT_CANNOT_START
    if all(isinstance(cause, OSError | sqlite3.Error) for cause in causes):
        _say(f"the log's disk failed ({causes[0]}); what is durable is known again after a restart")
        return EXIT_DISK_FAILED
    raise error


async def _serve(config: CollectorConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_collector(config) as collector:
        _say(f"ready: gRPC on {collector.grpc}, HTTP on {collector.http}, log in {config.log_dir}")
        await stop.wait()


def _config() -> CollectorConfig:
    parser = argparse.ArgumentParser(
        prog="python -m runwell_collector", description="Takes runs in and keeps their log."
    )
    parser.add_argument(
        "--data-dir", type=Path, required=True, metavar="D", help="the server's directory; made if needed"
    )
    parser.add_argument("--grpc", default="127.0.0.1:7070", metavar="HOST:PORT", help="where runs are sent to")
    parser.add_argument("--http", default="127.0.0.1:8081", metavar="HOST:PORT", help="health and metrics")
    parser.add_argument(
        "--blobs", metavar="URL", help="where files are kept: file:///DIRECTORY, s3://BUCKET, … (default: in D/blobs)"
    )
    parser.add_argument("--allow-remote", action="store_true", help="listen on other addresses than this machine's own")
    options = parser.parse_args()
    return CollectorConfig(
        data_dir=options.data_dir,
        grpc=Address.parse(options.grpc),
        http=Address.parse(options.http),
        allow_remote=options.allow_remote,
        blobs=options.blobs,
    )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _say(text: str) -> None:
    print(f"collector: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
