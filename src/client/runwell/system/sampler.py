"""The thread that looks at machine and process now and then, and puts what it sees into the spool."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from runwell.system.claims import Claims
from runwell.system.figures import Figures, Source, looked

importing = threading.RLock()
"""Held while modules are imported, and by who forks: a child of that moment could never import them itself.

Never while a driver is asked: one that hangs would stop every fork.
"""

FIRST_S = 2.0
"""The first look comes after this, or after the interval when that is shorter; a run that has ended before has none."""


class SystemSampler:
    """Looks each ``interval_s`` and hands the figures to ``put``, until that returns False. One daemon thread, from when it is made."""

    def __init__(self, put: Callable[[Figures], bool], root: Path, run: str, interval_s: float) -> None:
        self._put = put
        self._root = root
        self._run = run
        self._interval_s = interval_s
        self._stopped = threading.Event()
        try:
            threading.Thread(target=self._sample_for_ever, name="runwell-system", daemon=True).start()
        except RuntimeError:
            # The process may have no more threads: the run goes without system metrics.
            self._stopped.set()

    def stop(self) -> None:
        """Nothing is put any more. Does not wait for the thread. May be called twice."""
        self._stopped.set()

    def _sample_for_ever(self) -> None:
        due = time.monotonic() + min(FIRST_S, self._interval_s)
        if self._stopped.wait(due - time.monotonic()):
            return
        try:
            claims = Claims(self._root / "system", os.uname().nodename, self._run)
        except OSError:
            return
        sources = list(_open_sources(claims, self._root))
        try:
            while sources and not self._stopped.is_set() and self._put(_look(sources)):
                now = time.monotonic()
                # After a pause of the machine it goes on at its pace, without what it has missed.
                due += max(1, math.ceil((now - due) / self._interval_s)) * self._interval_s
                self._stopped.wait(due - now)
        finally:
            claims.release()


def _look(sources: list[Source]) -> Figures:
    now = time.monotonic()
    found = looked(partial(source.look, now) for source in sources)
    return {path: value for path, value in found.items() if math.isfinite(value)}


def _open_sources(claims: Claims, root: Path) -> Iterator[Source]:
    """What this machine has; what cannot be opened is not there."""
    for opener in (_open_process, _open_host, _open_cgroup, _open_nvidia, _open_amd):
        try:
            source = opener(claims, root)
        except Exception:  # noqa: BLE001 - a broken driver, a module of another version, no /proc
            continue
        if source is not None:
            yield source


class _Claimed:
    """A source of the machine's figures, as long as it is for this process to tell of them."""

    def __init__(self, source: Source, claims: Claims) -> None:
        self._source = source
        self._claims = claims

    def look(self, now: float) -> Figures:
        return self._source.look(now) if self._claims.holds("host") else {}


def _open_process(claims: Claims, root: Path) -> Source:
    with importing:
        from runwell.system.process import ProcessSource

    return ProcessSource()


def _open_host(claims: Claims, root: Path) -> Source:
    with importing:
        from runwell.system.host import HostSource

    return _Claimed(HostSource((Path("/"), root)), claims)


def _open_cgroup(claims: Claims, root: Path) -> Source:
    with importing:
        from runwell.system.cgroup import CgroupSource

    return _Claimed(CgroupSource(), claims)


def _open_nvidia(claims: Claims, root: Path) -> Source | None:
    with importing:
        from runwell.system.nvidia import open_nvidia

    return open_nvidia(claims)


def _open_amd(claims: Claims, root: Path) -> Source | None:
    with importing:
        from runwell.system.amd import open_amd

    return open_amd(claims)
