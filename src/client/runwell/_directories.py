"""A run's own files, in folders of wandb's shape, by which other programs find the runs that were made somewhere."""

import contextlib
import os
import time
from pathlib import Path

from runwell._disk import SPOOL_NAME_BYTES_MAX, percent_quoted

FOLDERS = ("files", "logs", "tmp")


def run_directory(root: Path, run_id: str, start_time: float, *, offline: bool) -> Path:
    """``root/wandb/run-20260102_030405-ID``, or with "offline-" before; local time, as in wandb."""
    stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(start_time))
    return root / "wandb" / f"{'offline-' if offline else ''}run-{stamp}-{_quoted(run_id)}"


def make_run_directory(directory: Path, run_id: str) -> None:
    """Makes it with its folders, the empty file ``run-ID.wandb``, and the link ``latest-run`` beside it.

    Raises OSError when that cannot be.
    """
    for folder in FOLDERS:
        (directory / folder).mkdir(parents=True, exist_ok=True)
    (directory / f"run-{_quoted(run_id)}.wandb").touch()
    link = directory.parent / "latest-run"
    # Others may make theirs at the same time; a file system may have no links.
    with contextlib.suppress(OSError):
        made = link.with_name(f"latest-run.{os.getpid()}")
        made.symlink_to(directory.name)
        made.replace(link)


def _quoted(run_id: str) -> str:
    return percent_quoted(run_id)[:SPOOL_NAME_BYTES_MAX]
