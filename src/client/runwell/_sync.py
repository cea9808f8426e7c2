"""The thread that makes a writer's rows survive power loss: an fsync within a second of the first unsynced write."""

import os
import threading
import time
from collections.abc import Callable

from runwell.core.limits import SYNC_DELAY_S

FREED_AT_ONCE = 1_000
"""Synced frames are freed in such portions, each well below a millisecond, since freeing holds the interpreter's lock."""

IDLE_MAX = 1
"""So many threads wait for the next writer: a program that makes run after run starts one, not one for each."""


class _Thread(threading.Thread):
    """Serves one writer at a time, so that a disk that hangs holds up no other."""

    def __init__(self) -> None:
        super().__init__(name="runwell-sync", daemon=True)
        self.awake = threading.Event()
        self.sync: Callable[[], bool] | None = None
        self.over = False

    def run(self) -> None:
        while not self.over:
            self.awake.wait()
            self.awake.clear()
            more = not self.over
            while more:
                time.sleep(SYNC_DELAY_S)
                # Meanwhile its writer may have ended, and another one have taken its place.
                sync = self.sync
                try:
                    more = sync is not None and sync()
                except MemoryError:
                    # The next time there may be enough; without its thread no later row would be synced.
                    more = True


_idle: list[_Thread] = []
os.register_at_fork(after_in_child=_idle.clear)


class Syncer:
    """Calls ``sync`` some time after each ``wake``, and again while it returns True."""

    def __init__(self, sync: Callable[[], bool]) -> None:
        self._sync = sync
        self._thread: _Thread | None = None

    def wake(self) -> None:
        """Something was written that is not synced yet."""
        if self._thread is None:
            self._thread = self._new_thread()
        if self._thread is not None:
            self._thread.awake.set()

    def stop(self) -> None:
        """Gives the thread back. ``sync`` may still be called once. May be called twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.sync = None
        if len(_idle) < IDLE_MAX:
            _idle.append(thread)
        else:
            thread.over = True
            thread.awake.set()

    def _new_thread(self) -> _Thread | None:
        try:
            thread = _idle.pop()
        except IndexError:
            thread = _Thread()
            try:
                thread.start()
            except RuntimeError:
                # The process may have no more threads, or is ending: then finish() syncs.
                return None
        thread.sync = self._sync
        return thread


def free(frames: list[bytes]) -> None:
    """Empties the list bit by bit."""
    while frames:
        del frames[-FREED_AT_ONCE:]
