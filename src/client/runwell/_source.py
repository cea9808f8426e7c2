"""Uncommitted changes, read by a background thread while the training is already running."""

import threading
from collections.abc import Callable
from typing import Any

from runwell._git import GitState, read_changes

FINISH_WAIT_S = 2.0
"""A run that ends before Git has answered waits this long, then goes without the changes."""


class SourceCapture:
    """Reads the changes once and hands them to ``publish``, unless there are none."""

    def __init__(self, git: GitState, publish: Callable[[dict[str, Any]], None]) -> None:
        self._git = git
        self._publish = publish
        self._thread = threading.Thread(target=self._run, name="runwell-git", daemon=True)
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
        changes = read_changes(self._git)
        if changes is not None:
            self._publish({"git": changes})
