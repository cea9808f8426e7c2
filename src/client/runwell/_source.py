"""Uncommitted changes, read by a background thread while the training is already running."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from runwell._git import GitState, read_changes

FINISH_WAIT_S = 2.0
"""A run that ends before Git has answered waits this long, then goes without the changes."""

REUSED_S = 1.0
"""A program that makes run after run asks Git this often, not for each: that costs more than a small run."""


class _Answer(NamedTuple):
    git: GitState
    changes: dict[str, Any] | None
    answered_at: float


_latest: _Answer | None = None


class SourceCapture:
    """Reads the changes once and hands them to ``publish``, unless there are none."""

    def __init__(self, git: GitState, publish: Callable[[dict[str, Any]], None]) -> None:
        self._git = git
        self._publish = publish
        self._thread = threading.Thread(target=self._run, name="runwell-git", daemon=True)
        latest = _latest
        if latest is not None and latest.git == git and time.monotonic() - latest.answered_at < REUSED_S:
            self._hand_on(latest.changes)
            return
        try:
            self._thread.start()
        except RuntimeError:
            # The process may have no more threads: the run goes without the changes.
            return

    def wait(self) -> None:
        """Returns when it is done, or soon after."""
        if self._thread.is_alive():
            self._thread.join(FINISH_WAIT_S)

    def _run(self) -> None:
        global _latest
        changes = read_changes(self._git)
        _latest = _Answer(self._git, changes, time.monotonic())
        self._hand_on(changes)

    def _hand_on(self, changes: dict[str, Any] | None) -> None:
        if changes is not None:
            self._publish({"git": changes})
