"""The projector's process: the follower, driven by a clock, until it is told to stop."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from runwell_collector.log import open_log_reader
from runwell_projector import health
from runwell_projector.files import AlreadyRunningError, ViewFiles
from runwell_projector.follower import Follower, Outcome

POLL_INTERVAL_S = 0.02
POLL_INTERVAL_IDLE_S = 0.1
POLL_BACK_OFF = 1.1
"""A look at the log costs some 50 µs; after a second without news, every 100 ms is often enough."""

PAUSE_S = 1.0
"""How often it is looked whether there is space again."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the process needs to know."""

    data_dir: Path
    host: str
    port: int


def serve(settings: Settings) -> int:
    """Follows the log until SIGTERM or SIGINT; the exit status."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    files = ViewFiles(settings.data_dir)
    log = open_log_reader(settings.data_dir)
    follower = Follower(files, log, free_bytes=lambda: shutil.disk_usage(files.directory).free, now=time.time, say=_say)
    try:
        with (
            files.locked("projector"),
            health.serving(settings.host, settings.port, follower, settings.data_dir) as address,
        ):
            _announce(settings.data_dir, address)
            _say(f"follows {settings.data_dir / 'log'} at {address}")
            follow(follower, stopping)
    except AlreadyRunningError as error:
        _say(f"another projector works in {settings.data_dir} ({error})")
        return 1
    except OSError as error:
        _say(f"cannot serve on {settings.host}:{settings.port}: {error}")
        return 1
    finally:
        follower.close()
        log.close()
    return 0


def follow(follower: Follower, stopping: threading.Event) -> None:
    """Steps until it is told to stop; waits longer the longer nothing happens."""
    interval_s = POLL_INTERVAL_S
    while not stopping.is_set():
        outcome = follower.step()
        idle_s = min(interval_s * POLL_BACK_OFF, POLL_INTERVAL_IDLE_S)
        interval_s = idle_s if outcome is Outcome.IDLE else POLL_INTERVAL_S
        if outcome is not Outcome.MORE:
            stopping.wait(PAUSE_S if outcome is Outcome.PAUSED else interval_s)


def _announce(data_dir: Path, address: str) -> None:
    """Says where this component serves, atomically."""
    directory = data_dir / "components"
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / f".projector.{os.getpid()}"
    new.write_text(json.dumps({"pid": os.getpid(), "http": address, "started_at": time.time()}))
    new.replace(directory / "projector.json")


def _say(line: str) -> None:
    print(f"runwell-projector: {line}", file=sys.stderr, flush=True)
