"""What an agent notes on its machine, so that one that comes after its death gives its trials back at once."""

import contextlib
import fcntl
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil

from runwell.core.sweeps.stream import SweepName
from runwell.sweeps.calls import Given

_own: set[Path] = set()
"""Those of this process: to open and close one of them would release its lock."""


class AgentRecord:
    """A locked file as long as the agent lives: whoever gets the lock knows that it does not."""

    def __init__(self, root: Path, agent: str, sweep: SweepName) -> None:
        self._directory = root / "agents"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._path = self._directory / f"{agent}.json"
        self._sweep = sweep
        self._trials: dict[tuple[int, int], dict[str, Any]] = {}
        unlocked = self._path.with_suffix(".new")
        self._file = unlocked.open("w")
        fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._write()
        _own.add(self._path)
        # Others see it once it is locked.
        unlocked.replace(self._path)

    def begin(self, given: Given) -> None:
        """A trial was taken."""
        self._trials[given.trial, given.attempt] = {"trial": given.trial, "attempt": given.attempt}
        self._write()

    def started(self, given: Given, pid: int) -> None:
        """Its process runs."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._trials[given.trial, given.attempt] |= {"pid": pid, "since": psutil.Process(pid).create_time()}
        self._write()

    def end(self, given: Given) -> None:
        """The trial is over for this agent."""
        self._trials.pop((given.trial, given.attempt), None)
        self._write()

    def close(self) -> None:
        """The agent ends well."""
        self._path.unlink(missing_ok=True)
        self._file.close()
        _own.discard(self._path)

    def _write(self) -> None:
        said = {"sweep": list(self._sweep), "host": socket.gethostname(), "trials": list(self._trials.values())}
        self._file.seek(0)
        self._file.write(json.dumps(said))
        self._file.truncate()
        self._file.flush()

    def claim_orphans(self) -> Iterator[Given]:
        """The trials of this sweep that dead agents of this machine left; what still runs of them is ended."""
        for path in self._directory.glob("*.json"):
            if path in _own:
                continue
            with contextlib.suppress(OSError, ValueError, KeyError), path.open("r+") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                said = json.load(file)
                if said["host"] != socket.gethostname() or said["sweep"] != list(self._sweep):
                    continue
                yield from self._given_back(file, said)
                path.unlink(missing_ok=True)

    def _given_back(self, file: IO[str], said: dict[str, Any]) -> Iterator[Given]:
        for trial in said["trials"]:
            _end_process(trial)
            yield Given(trial["trial"], trial["attempt"], {})


def is_dead(root: Path, agent: str) -> bool:
    """Whether an agent of this machine works no more; what still runs of a dead one's trials is ended."""
    path = root / "agents" / f"{agent}.json"
    if path in _own:
        return False
    try:
        with path.open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(ValueError, KeyError):
                for trial in json.load(file)["trials"]:
                    _end_process(trial)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _end_process(trial: dict[str, Any]) -> None:
    """Ends the trial's process group, when it is still that of the trial."""
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
        if "pid" in trial and psutil.Process(trial["pid"]).create_time() == trial["since"]:
            os.killpg(trial["pid"], signal.SIGKILL)
