"""The threads that sync spools: shared by writers that come one after the other, never by two at a time."""

import os
import threading
from collections.abc import Iterator

import pytest

from runwell import _sync
from runwell._sync import Syncer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A sync follows a write without delay; no thread of another test is reused, nor one of these by another."""
    monkeypatch.setattr(_sync, "SYNC_DELAY_S", 0.0)
    _sync._idle.clear()
    yield
    _sync._idle.clear()


class Writer:
    """Notes which thread synced it, and may hang in its sync."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.synced_by: threading.Thread | None = None
        self.synced, self.released = threading.Event(), threading.Event()
        self.syncer = Syncer(self.sync)
        if not hangs:
            self.released.set()

    def sync(self) -> bool:
        self.synced_by = threading.current_thread()
        self.synced.set()
        self.released.wait()
        return False

    def write(self) -> None:
        """Returns when the sync has begun."""
        self.syncer.wake()
        assert self.synced.wait(30)
        self.synced.clear()


def test_one_thread_serves_writer_after_writer():
    """A program that makes run after run starts one thread, and each writer is synced."""
    threads = set()
    for _ in range(20):
        writer = Writer()
        writer.write()
        writer.write()
        threads.add(writer.synced_by)
        writer.syncer.stop()
        writer.syncer.stop()
    assert len(threads) == 1


def test_a_disk_that_hangs_holds_up_no_other_writer():
    """Writers that are open at once have threads of their own."""
    hanging, other = Writer(hangs=True), Writer()
    hanging.write()
    other.write()
    assert hanging.synced_by is not other.synced_by
    hanging.released.set()


def test_a_thread_outlives_a_lack_of_memory():
    """A sync that finds no memory is tried again by the same thread, and later ones follow."""
    tried: list[threading.Thread] = []
    synced = threading.Event()

    def sync() -> bool:
        tried.append(threading.current_thread())
        if len(tried) == 1:
            raise MemoryError
        synced.set()
        return False

    syncer = Syncer(sync)
    syncer.wake()
    assert synced.wait(30)
    assert tried[0] is tried[1]
    syncer.stop()


def test_threads_that_nobody_needs_end():
    """Of many runs that were open at once, one thread waits for the next."""
    writers = [Writer() for _ in range(5)]
    for writer in writers:
        writer.write()
    for writer in writers:
        writer.syncer.stop()
    kept = set(_sync._idle)
    assert len(kept) == 1
    for writer in writers:
        if writer.synced_by not in kept and writer.synced_by is not None:
            writer.synced_by.join(30)
            assert not writer.synced_by.is_alive()


def test_a_forked_child_makes_its_own_thread():
    """What waits in the parent does not exist in the child."""
    parents = Writer()
    parents.write()
    parents.syncer.stop()
    pid = os.fork()
    if pid == 0:
        child = Writer()
        child.write()
        os._exit(0 if child.synced_by is not parents.synced_by else 1)
    assert os.waitpid(pid, 0)[1] == 0
