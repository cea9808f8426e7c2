"""The runs of this process: the current one behind the module's shortcuts, and what happens to all when it ends or forks."""

import atexit
import builtins
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, NoReturn

from runwell._console import forget_all
from runwell._run import Run, exit_code_of
from runwell.errors import Error
from runwell.system.sampler import importing

TERMINATED_EXIT_CODE = 128 + signal.SIGTERM
RETRY_S = 0.01

_runs: list[Run] = []
_hooked = False
_exit_code = 0
_forking = threading.local()


class NotStarted:
    """Stands for ``runwell.config`` and ``runwell.summary`` while no run is open."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise Error(f"You must call runwell.init() before runwell.{object.__getattribute__(self, '_name')}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    __call__ = __getitem__ = __setitem__ = __delitem__ = __setattr__ = __iter__ = __contains__ = update = _refuse

    def __repr__(self) -> str:
        return f"<runwell.{object.__getattribute__(self, '_name')}: no run is open>"


def current() -> Run | None:
    """The run behind the module's shortcuts."""
    return getattr(sys.modules["runwell"], "run", None)


def open_runs() -> tuple[Run, ...]:
    """All runs that this process has open."""
    return tuple(_runs)


def begin(run: Run, *, make_current: bool) -> None:
    """Enters a run that was just made."""
    global _exit_code
    # Whoever asked to exit before was held back.
    _exit_code = 0
    _install_hooks()
    _handle_sigterm()
    _runs.append(run)
    if make_current:
        _show(run)


def end(run: Run) -> None:
    """Takes out a run that has finished."""
    if run in _runs:
        _runs.remove(run)
    if current() is run:
        _show(None)


def attached(run: Run) -> None:
    """The run has a new writer, in a forked child."""
    if current() is run:
        _show(run)


def _show(run: Run | None) -> None:
    """Sets the shortcuts: plain attributes of the module, so that ``runwell.log`` costs nothing more than ``run.log``."""
    module: Any = sys.modules["runwell"]
    module.run = run
    module.log = NotStarted("log") if run is None else run.log
    module.config = NotStarted("config") if run is None else run.config
    module.summary = NotStarted("summary") if run is None else run.summary
    module.alert = NotStarted("alert") if run is None else run.alert
    module.watch = NotStarted("watch") if run is None else run.watch
    module.unwatch = NotStarted("unwatch") if run is None else run.unwatch
    module.mark_preempting = NotStarted("mark_preempting") if run is None else run.mark_preempting
    module.define_metric = NotStarted("define_metric") if run is None else run.define_metric


# ---- The end of the process


def _install_hooks() -> None:
    global _hooked
    if _hooked:
        return
    _hooked = True
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
    sys.exit = _recording_exit(sys.exit)
    quitter: Any = type(getattr(builtins, "exit", None))
    if quitter.__module__ == "_sitebuiltins":
        # What exit() and quit() are in scripts: they raise SystemExit by themselves.
        quitter.__call__ = _recording_quitter(quitter.__call__)
    sys.excepthook = _recording_excepthook(sys.excepthook)


def _handle_sigterm() -> None:
    """At every init(), since only the main thread may: the first one may have been elsewhere."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # A handler of the user's own, earlier or later, stays: it may mean to go on.
        signal.signal(signal.SIGTERM, _terminate)


def _recording_exit(exit_before: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    def exit_(status: Any = None, /) -> NoReturn:
        _note_exit(status)
        exit_before(status)

    return exit_


def _recording_quitter(call_before: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: object, code: Any = None) -> Any:
        _note_exit(code)
        return call_before(self, code)

    return call


def _note_exit(status: object) -> None:
    global _exit_code
    # In another thread it ends that thread alone.
    if threading.current_thread() is threading.main_thread():
        _exit_code = exit_code_of(SystemExit(status))


def _recording_excepthook(hook_before: Callable[..., Any]) -> Callable[..., Any]:
    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        global _exit_code
        _exit_code = exit_code_of(error)
        hook_before(kind, error, traceback)

    return excepthook


@atexit.register
def _finish_all() -> None:
    """Ends what the program left open. Registered with the import, so that what the program registers itself still logs."""
    interrupted = threading.Event()
    # Each ends, whatever becomes of the others.
    with contextlib.ExitStack() as ends:
        for run in open_runs():
            ends.callback(_finish, run, interrupted)


def _finish(run: Run, interrupted: threading.Event) -> None:
    """Ctrl-C ends the waiting for the server, also for all other runs; the process is ending already."""
    try:
        run._end(_exit_code, 0.0 if interrupted.is_set() else run.settings.finish_timeout_s)
    except KeyboardInterrupt:
        interrupted.set()


def _terminate(signal_number: int, frame: FrameType | None) -> None:
    """Ends all runs, waiting at most some seconds for the server, then lets the signal end the process."""
    if not all(run._terminate(TERMINATED_EXIT_CODE) for run in open_runs()):
        again = threading.Timer(RETRY_S, os.kill, (os.getpid(), signal_number))
        again.daemon = True
        again.start()
        return
    signal.signal(signal_number, signal.SIG_DFL)
    os.kill(os.getpid(), signal_number)


# ---- Forks


def _before_fork() -> None:
    # Another thread may begin or end a run meanwhile; what is released must be what was held.
    _forking.runs = open_runs()
    importing.acquire()
    for run in _forking.runs:
        run._hold()


def _after_fork() -> None:
    for run in _forking.runs:
        run._release()
    importing.release()


def _after_fork_in_child() -> None:
    forget_all()
    for run in _forking.runs:
        run._release()
        run._forked()
    importing.release()
