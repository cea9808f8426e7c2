"""The thread that makes a writer's rows survive power loss: an fsync within a second of the first unsynced write."""

import threading
from collections.abc import Callable

from runwell.core.limits import SYNC_DELAY_S

FREED_AT_ONCE = 1_000
"""Synced frames are freed in such portions, each well below a millisecond, since freeing holds the interpreter's lock."""


class Syncer:
    """Calls ``sync`` some time after each ``wake``, and again while it returns True. One daemon thread."""

    def __init__(self, sync: Callable[[], bool], delay_s: float = SYNC_DELAY_S) -> None:
        self._sync = sync
        self._delay_s = delay_s
        self._awake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Something was written that is not synced yet."""
        self._awake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="runwell-sync", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                # The process may have no more threads, or is ending: then finish() syncs.
                self._thread = None

    def stop(self) -> None:
        """Ends the thread and waits for a sync that is running. May be called twice."""
        self._stopped.set()
        self._awake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._awake.wait()
            self._awake.clear()
            more = True
            while more:
                if self._stopped.wait(self._delay_s):
                    return
                more = self._sync()


def free(frames: list[bytes]) -> None:
    """Empties the list bit by bit."""
    while frames:
        del frames[-FREED_AT_ONCE:]
