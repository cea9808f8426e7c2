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

GATHER_S_MAX = 4.0
AWAITED_LOOK_S = 0.05
"""Batches gather, since a run's row is written once a transaction, however many batches it has: at 100 batches a second
this halves the work. As soon as somebody waits for them, they are applied."""

BACKLOG_S = 0.25
"""Never more gather than some 250 ms of work: whoever comes then waits no longer than that."""

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
            follow(follower, files, stopping)
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


def follow(follower: Follower, files: ViewFiles, stopping: threading.Event) -> None:
    """Steps until it is told to stop."""
    gathered_s = GATHER_S_MAX
    while not stopping.is_set():
        awaited, began_at = files.awaited_mark(), time.monotonic()
        before_s = time.thread_time()
        outcome = follower.step()
        # Processor time: what the disk or other processes make of it says nothing of how much there is to do.
        busy_share = (time.thread_time() - before_s) / max(gathered_s, AWAITED_LOOK_S)
        if outcome is Outcome.PAUSED:
            stopping.wait(PAUSE_S)
        elif outcome is not Outcome.MORE:
            _let_batches_gather(min(GATHER_S_MAX, BACKLOG_S / busy_share), files, awaited, stopping)
        gathered_s = time.monotonic() - began_at


def _let_batches_gather(gather_s: float, files: ViewFiles, awaited: int, stopping: threading.Event) -> None:
    """Also returns as soon as somebody waits for the views."""
    for _ in range(max(1, round(gather_s / AWAITED_LOOK_S))):
        if stopping.wait(AWAITED_LOOK_S) or files.awaited_mark() != awaited:
            return


def _announce(data_dir: Path, address: str) -> None:
    """Says where this component serves, atomically."""
    directory = data_dir / "components"
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / f".projector.{os.getpid()}"
    new.write_text(json.dumps({"pid": os.getpid(), "http": address, "started_at": time.time()}))
    new.replace(directory / "projector.json")


def _say(line: str) -> None:
    print(f"runwell-projector: {line}", file=sys.stderr, flush=True)
