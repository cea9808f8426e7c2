"""One child process: its command, its announcement, its end."""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runwell.supervisor.checks import read_json

RESTART_WAIT_S = 0.5
RESTART_WAIT_S_MAX = 30.0
"""A component that keeps dying is started again after 0.5, 1, 2, … 30 s."""

STABLE_S = 60.0
"""A component that lived this long starts again at the shortest wait."""

STOP_TIMEOUT_S = 15.0
"""Asked to stop and still there after this long: it is killed. Everything acknowledged is on disk by then."""


class Component:
    """A program of the server; `arguments` are asked for at every start, since a port that was chosen is kept."""

    def __init__(self, name: str, directory: Path, arguments: Callable[[], Sequence[str]]) -> None:
        self.name = name
        self.restart_at: float | None = None
        self._arguments = arguments
        self._announcement = directory / "components" / f"{name}.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._deaths = 0

    def start(self, now: float, exited: Callable[["Component", int], None]) -> None:
        """Starts it; `exited` is called, in another thread, with its exit status."""
        command = [sys.executable, "-m", "runwell.supervisor.child", f"runwell_{self.name}", *self._arguments()]
        # A session of its own keeps Ctrl-C in the terminal from it: the supervisor stops its children in order.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        self._process, self._started_at, self.restart_at = process, now, None
        threading.Thread(target=lambda: exited(self, process.wait()), daemon=True).start()

    def announced(self) -> Any:
        """What it says of itself once it serves (pid, http, perhaps grpc); None before."""
        process, said = self._process, read_json(self._announcement)
        if process is None or said is None or process.poll() is not None:
            return None
        return said if said["pid"] == process.pid else None

    def schedule_restart(self, now: float) -> float:
        """Called at its death; returns the seconds until it is started again."""
        self._deaths = 1 if now - self._started_at >= STABLE_S else self._deaths + 1
        wait_s = min(RESTART_WAIT_S * 2.0 ** min(self._deaths - 1, 10), RESTART_WAIT_S_MAX)
        self.restart_at = now + wait_s
        return wait_s

    def forget(self) -> None:
        """Removes what a predecessor announced."""
        self._announcement.unlink(missing_ok=True)

    def stop(self) -> bool:
        """Asks it to stop and waits; returns False when it had to be killed."""
        self.restart_at = None
        if self._process is None:
            return True
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        finally:
            self.forget()
        return True

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
