"""What all agents do: ask for trials, say that they live, report how trials end, and stop when too many fail."""

import os
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from runwell._api_errors import ApiError, NotFoundError, RequestRefusedError
from runwell._messages import say, warn
from runwell._settings import Settings
from runwell.core import names
from runwell.core.limits import AGENT_BEAT_S
from runwell.errors import ServerUnreachableError
from runwell.sweeps.calls import Given, Later, NoMore, SweepCalls
from runwell.sweeps.records import AgentRecord

Answer = TypeVar("Answer")

RETRY_S, RETRY_S_MAX = 0.2, 10.0
LATER_S, LATER_S_MAX = 0.5, 5.0
FLAPPING_S, FLAPPING_FAILURES = 60.0, 3
"""As many failures within the first minute stop an agent: something is wrong with all trials, not with one."""


class Agent:
    """One agent while it is at work. ``on_stop`` is called, in another thread, for an attempt that is to be stopped."""

    def __init__(self, calls: SweepCalls, settings: Settings, jobs: int, on_stop: Callable[[Given], None]) -> None:
        self.calls = calls
        self.host = socket.gethostname()
        self.id = f"{names.usable(self.host, 'host')}-{os.getpid()}-{names.run_id(os.urandom(8))}"
        self.record = AgentRecord(settings.root, self.id, calls.name)
        self._settings = settings
        self._jobs = jobs
        self._on_stop = on_stop
        self._running: dict[tuple[int, int], Given] = {}
        self._ended = threading.Event()
        self._beats = threading.Thread(target=self._beat_for_ever, name="runwell-agent", daemon=True)
        self._began_at = time.monotonic()
        self._failed = self._succeeded = 0
        self._told = False

    def __enter__(self) -> Self:
        # A server that is not there is told at once; one that goes away later is waited for.
        self._beat()
        for given in self.record.claim_orphans():
            self._give_back(given)
        self._beats.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._beats.join()
        self.record.close()

    # ---- Trials

    def ask(self) -> Given | Later | NoMore:
        """What to do next. Asked again under the same id until it is answered, so no trial is lost on the way."""
        request_id = names.run_id(os.urandom(8)) + names.run_id(os.urandom(8))
        answer = self._told_until_answered(lambda: self.calls.ask(self.id, request_id))
        if isinstance(answer, Given):
            self._running[answer.trial, answer.attempt] = answer
            self.record.begin(answer)
        return answer

    def next_trial(self) -> Given | NoMore:
        """Waits for the next trial."""
        wait_s = LATER_S
        while True:
            answer = self.ask()
            if not isinstance(answer, Later):
                return answer
            self._ended.wait(wait_s)
            wait_s = min(wait_s * 1.5, LATER_S_MAX)

    def report(self, given: Given, state: str, reason: str = "") -> None:
        """An attempt ended."""
        told = self._told_until_answered(lambda: self.calls.report(self.id, given, state, reason))
        self._running.pop((given.trial, given.attempt), None)
        self.record.end(given)
        self._failed += told == "failed"
        self._succeeded += told not in ("failed", "lost", "preempted")
        say(f"trial {given.trial} of sweep {self.calls.name.sweep_id} {_ended(told, reason)}")

    def flaps(self) -> str | None:
        """Why the agent should stop by itself; None when it should not, or was told never to."""
        if self._settings.agent_disable_flapping:
            return None
        if time.monotonic() - self._began_at < FLAPPING_S and self._failed >= FLAPPING_FAILURES:
            found = f"{self._failed} trials failed in the first {FLAPPING_S:.0f} s"
        elif not self._succeeded and self._failed > self._settings.agent_max_initial_failures:
            found = f"the first {self._failed} trials failed"
        else:
            return None
        return f"{found}: the agent stops. Set RUNWELL_AGENT_DISABLE_FLAPPING=true to let it go on"

    # ---- The controller

    def _told_until_answered(self, call: Callable[[], Answer]) -> Answer:
        wait_s = RETRY_S
        while True:
            try:
                answer = call()
                self._told = False
                return answer
            except (NotFoundError, RequestRefusedError):
                raise
            except (ApiError, ServerUnreachableError) as error:
                if not self._told:
                    warn(f"{error}; the agent goes on when it does")
                    self._told = True
                time.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_S_MAX)

    def _give_back(self, given: Given) -> None:
        self._told_until_answered(lambda: self.calls.report(self.id, given, "lost", "its agent died"))

    def _beat_for_ever(self) -> None:
        while not self._ended.wait(AGENT_BEAT_S):
            try:
                self._beat()
            except (ApiError, ServerUnreachableError):
                # Whatever is asked next waits for the server, and says so.
                continue

    def _beat(self) -> None:
        said: dict[str, Any] = {"agent": self.id, "host": self.host, "pid": os.getpid(), "jobs": self._jobs}
        for pair in self.calls.beat(said, list(self._running.values())):
            given = self._running.get(pair)
            if given is not None:
                self._on_stop(given)


def _ended(state: str, reason: str) -> str:
    return f"{state}: {reason}" if reason else state
