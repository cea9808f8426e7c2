"""A real server for tests: `runwell up` as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

START_TIMEOUT_S = 40.0
STOP_TIMEOUT_S = 20.0

Found = TypeVar("Found")


def until(found: Callable[[], Found | None], what: str, timeout_s: float = START_TIMEOUT_S) -> Found:
    """Waits for what another process is about to do and returns it; fails, naming it, when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not (result := found()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)
    return result


def read_json(path: Path) -> dict | None:
    """What a process has announced in a file that it replaces atomically; None while it is not there."""
    return json.loads(path.read_text()) if path.exists() else None


@dataclass
class Server:
    """A running `runwell up`; `http` is its base address, `grpc` the collector's host and port."""

    directory: Path
    process: subprocess.Popen[bytes]
    http: str
    grpc: str

    @classmethod
    def start(cls, directory: Path, *arguments: str) -> "Server":
        ports = ["--http-port", "0", "--grpc-port", "0"]
        command = [sys.executable, "-m", "runwell", "up", "--dir", str(directory), *ports, *arguments]
        log = directory.parent / "up.log"
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)

        def announced() -> dict | None:
            assert process.poll() is None, f"runwell up ended:\n{log.read_text()}"
            return read_json(directory / "server.json")

        said = until(announced, f"server.json in {directory}")
        return cls(directory, process, said["http"], said["grpc"])

    def pid(self, component: str) -> int:
        """The process that is the collector, projector or dashboard right now."""
        said = until(lambda: read_json(self.directory / "components" / f"{component}.json"), f"{component} serves")
        return int(said["pid"])

    def kill(self, component: str) -> None:
        """SIGKILL to a component; returns when its successor serves."""
        before = self.pid(component)
        os.kill(before, signal.SIGKILL)
        until(lambda: self.pid(component) != before, f"{component} was started again")

    def close(self) -> None:
        """Stops it as Ctrl-C would; fails where it does not end by itself with status 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(STOP_TIMEOUT_S) in (0, -signal.SIGKILL)
        finally:
            self.process.kill()
            self.process.wait()
