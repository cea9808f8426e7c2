"""Waits until nothing is under way: the views have reached the log's end, and no write-ahead file holds anything.

What can be sealed is sealed with the transaction that brings the views there, so nothing else has to be waited for.
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from runwell_projector.files import ViewFiles
from runwell_projector.query import Views, wait_for_log_end
from runwell_projector.schema import BUSY_TIMEOUT_S

RETRY_S = 0.05
"""A reader that is in the middle of a question keeps a write-ahead file from being emptied."""


class SettleError(Exception):
    """It did not settle in time; the message says what was waited for."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What there is."""

    offset: int
    rows: int
    log_bytes: int
    views_bytes: int


def settle(data_dir: Path, timeout_s: float) -> Settled:
    """Raises SettleError."""
    deadline = time.monotonic() + timeout_s
    if not wait_for_log_end(data_dir, timeout_s):
        raise SettleError(f"the views did not reach the log's end within {timeout_s:g} s; is the projector running?")
    serving = ViewFiles(data_dir).serving()
    segments = sorted((data_dir / "log").glob("*.db"))
    for path in [*segments[-1:], *([serving] if serving else [])]:
        while not _emptied(path):
            if time.monotonic() > deadline:
                raise SettleError(
                    f"{path}-wal is not empty after {timeout_s:g} s; something reads or writes all the time"
                )
            time.sleep(RETRY_S)
    with Views.open(data_dir) as views:
        status = views.status()
    log_bytes = sum(path.stat().st_size for path in (data_dir / "log").iterdir() if path.is_file())
    views_bytes = sum(
        Path(f"{serving}{suffix}").stat().st_size for suffix in ("", "-wal") if Path(f"{serving}{suffix}").exists()
    )
    return Settled(status["offset"], status["rows"], log_bytes, views_bytes)


def _emptied(path: Path) -> bool:
    """Moves what the write-ahead file holds into the database; whether it is empty now."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
