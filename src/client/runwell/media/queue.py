"""Encodes media in a thread beside the training, in the order of logging, with bounded memory.

A kill loses what is still in memory: the values that are not encoded yet, and nothing else, since their rows were written
before. Who cannot have that chooses ``durability="always"``: then ``log()`` encodes by itself.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from runwell.core.keys import PATH_SEPARATOR
from runwell.media.values import Media

HELD_BYTES_MAX = 128 << 20
"""Of values that wait; ``log()`` of a further one waits until there is room."""


class Job(NamedTuple):
    """A value of a row that was written."""

    path: str
    media: Media
    step: int
    time: float
    masked: bool


class MediaQueue:
    """Values that wait, and the thread that takes them. ``encode`` raises nothing but what ends a process."""

    def __init__(self, encode: Callable[[Job], None], bytes_max: int = HELD_BYTES_MAX) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._encode = encode
        self._bytes_max = bytes_max
        self._jobs: deque[Job] = deque()
        self._held_bytes = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, job: Job) -> None:
        """Takes a value; waits while there is no room for it."""
        size = job.media.held_bytes
        with self._changed:
            while self._jobs and self._held_bytes + size > self._bytes_max:
                self._changed.wait()
            if self._thread is not None or self._start():
                self._jobs.append(job)
                self._held_bytes += size
                self._changed.notify_all()
                return
        # The process may have no more threads, or is ending.
        self._encode(job)

    def settle(self, paths: Iterable[str]) -> None:
        """Waits until no value of one of these paths, or of one above or below, is left to encode: what is said later wins."""
        wanted = [*paths]
        with self._changed:
            self._changed.wait_for(lambda: not any(_related(path, job.path) for path in wanted for job in self._jobs))

    @property
    def waiting(self) -> int:
        """How many values are not encoded yet."""
        return len(self._jobs)

    def drain(self, timeout_s: float | None = None) -> bool:
        """Waits until everything is encoded; False when it is not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs, timeout_s)

    def close(self) -> None:
        """Ends the thread, once it has encoded what there is. Nothing can be put any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """In a forked child: what waits is the parent's, which encodes it."""
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._jobs.clear()
        self._held_bytes = 0
        self._thread = None

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name="runwell-media", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if not self._jobs:
                    return
                job = self._jobs[0]
            self._encode(job)
            with self._changed:
                # Only now: whoever waits for a value waits until its event is written.
                self._jobs.popleft()
                self._held_bytes -= job.media.held_bytes
                self._changed.notify_all()
            del job


def _related(path: str, other: str) -> bool:
    return path == other or path.startswith(other + PATH_SEPARATOR) or other.startswith(path + PATH_SEPARATOR)
