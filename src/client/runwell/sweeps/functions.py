"""``runwell.agent``: trials run by a function, in this process."""

import ctypes
import threading
import traceback
from collections.abc import Callable
from typing import Any

from runwell import _session, _trial
from runwell._api_errors import NotFoundError
from runwell._api_http import HttpSource
from runwell._messages import say, warn
from runwell._run import exit_code_of
from runwell._settings import Settings, resolve
from runwell.errors import UsageError
from runwell.sweeps.agent_loop import Agent
from runwell.sweeps.calls import Given, NoMore, ServerCalls, SweepCalls, find_sweep, match_sweep
from runwell.sweeps.local_journal import LocalJournal


class TrialStoppedError(BaseException):
    """Raised within the function of a trial that is to be stopped; no ``except Exception`` holds it up."""


def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool | None = None,
    *,
    mode: str | None = None,
) -> None:
    """Works on a sweep until it is over, or ``count`` trials were run.

    ``function`` is called for each trial, one after the other, in this thread; within it ``runwell.init()`` begins a run
    that has the trial's parameters in its config, locked. A trial whose function raises is failed, and the agent goes on.
    Without a function the sweep's own command is run, as ``runwell agent`` does. ``sweep_id`` may be
    ``"entity/project/id"``. ``forward_signals`` is taken and changes nothing: trials are always told.

    Raises UsageError for what cannot be right, NotFoundError, and ServerUnreachableError when there is no server to begin
    with; one that goes away later is waited for.
    """
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise UsageError(f"count must be a whole number of at least 1, or None for no limit, and is {count!r:.80}")
    if function is not None and not callable(function):
        raise UsageError(f"function must be something that can be called, and is {function!r:.80}")
    settings = resolve(None, {"mode": mode})
    calls, settings = calls_of(settings, sweep_id, entity, project)
    if function is None:
        from runwell.sweeps.commands import run_commands

        run_commands(calls, settings, count, jobs=1, gpus_per_trial=0)
        return
    FunctionAgent(calls, settings, function).work(count)


def calls_of(settings: Settings, sweep_id: str, entity: str | None, project: str | None) -> tuple[SweepCalls, Settings]:
    """The controller of a sweep, and the settings for its agents: for an offline sweep of this machine they are offline too.

    Raises NotFoundError, RequestRefusedError and ServerUnreachableError.
    """
    local = LocalJournal(settings.root)
    found = match_sweep(local.named, sweep_id, entity, project)
    if found is not None:
        from runwell.sweeps.local import LocalCalls

        return LocalCalls(settings.root, found), settings._replace(mode="offline")
    if settings.mode == "offline":
        raise NotFoundError(
            f"there is no offline sweep {sweep_id} in {settings.root}: create one with runwell.sweep(…, mode='offline'), or "
            "work on a server's without mode='offline'"
        )
    source = HttpSource(settings.base_url)
    return ServerCalls(source, find_sweep(source, sweep_id, entity, project)), settings


class FunctionAgent:
    """Runs a function once for each trial."""

    def __init__(self, calls: SweepCalls, settings: Settings, function: Callable[[], Any]) -> None:
        self._function = function
        self._offline = settings.mode == "offline"
        self._thread = threading.get_ident()
        self._agent = Agent(calls, settings, 1, self._stop)
        self._current: Given | None = None
        self._turn = threading.Lock()

    def work(self, count: int | None) -> None:
        """Until the sweep is over, or as many trials were run."""
        with self._agent as agent:
            done = 0
            while count is None or done < count:
                given = agent.next_trial()
                if isinstance(given, NoMore):
                    say(f"the agent ends: {given.reason}")
                    return
                self._run(given)
                done += 1
                flaps = agent.flaps()
                if flaps is not None:
                    warn(flaps)
                    return

    def _run(self, given: Given) -> None:
        name = self._agent.calls.name
        say(f"trial {given.trial} of sweep {name.sweep_id}: {given.parameters}")
        _trial.enter(_trial.ActiveTrial(*name, given.trial, given.parameters, offline=self._offline))
        before = set(_session.open_runs())
        state, reason, error = "finished", "", None
        try:
            state, reason, error = self._called(given)
        except BaseException:
            state, reason, error = "lost", "its agent was interrupted", KeyboardInterrupt()
            raise
        finally:
            for run in _session.open_runs():
                if run not in before:
                    run.finish(exit_code_of(error))
            _trial.enter(None)
            self._agent.report(given, state, reason)

    def _called(self, given: Given) -> tuple[str, str, BaseException | None]:
        """How the function ended: state, reason, and what it raised. Ctrl-C goes on to the caller."""
        try:
            self._set_current(given)
            try:
                self._function()
            finally:
                self._set_current(None)
        except TrialStoppedError as error:
            return "stopped", "the sweep wanted it", error
        except SystemExit as error:
            code = exit_code_of(error)
            return ("failed", f"exit code {code}", error) if code else ("finished", "", None)
        except Exception as error:  # noqa: BLE001  whatever the user's function raises ends its trial and nothing else
            traceback.print_exc()
            return "failed", f"{type(error).__name__}: {error}"[:500], error
        return "finished", "", None

    def _set_current(self, given: Given | None) -> None:
        with self._turn:
            self._current = given

    def _stop(self, given: Given) -> None:
        """Raises TrialStoppedError in the function's thread, when it still runs that trial."""
        with self._turn:
            if self._current == given:
                self._current = None
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread), ctypes.py_object(TrialStoppedError)
                )
