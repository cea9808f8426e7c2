"""The step from a child of some process to the forwarder: nothing of whoever started it is kept."""

import os
from pathlib import Path

from runwell.forwarder.errand import Errand
from runwell.forwarder.presence import Presence

LOG_BYTES_MAX = 1 << 20
"""A forwarder that begins with a longer log begins a new one."""


def become_forwarder(errand: Errand) -> int:
    """Runs the forwarder in this process, which has just been forked, unless there is one. Returns the exit status."""
    presence = Presence(errand.places[0], errand.base_url)
    presence.directory.mkdir(parents=True, exist_ok=True)
    os.setsid()
    os.chdir("/")
    _leave_descriptors(presence.log_path)
    if not presence.acquire():
        return 0
    # What it imports starts threads, which do not survive a fork; and what goes wrong with it is for the log.
    from runwell.forwarder.background import run_in_background

    return run_in_background(errand, presence)


def _leave_descriptors(log_path: Path) -> None:
    """Keeps nothing of whoever started this process: a launcher that waits for its pipes to close would wait for ever."""
    anew = os.O_TRUNC if log_path.exists() and log_path.stat().st_size > LOG_BYTES_MAX else os.O_APPEND
    os.closerange(0, 65_536)
    os.open(os.devnull, os.O_RDONLY)
    os.open(log_path, os.O_WRONLY | os.O_CREAT | anew, 0o600)
    os.dup2(1, 2)
