"""A real collector as a process of its own, and what its log holds."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from runwell_collector.log import decode_events, open_log_reader
from tests.server import read_json, until

URL = "http://127.0.0.1:9"
"""Stands for the server: the collector is known from server.json, and nobody answers HTTP."""


class CollectorProcess:
    """``python -m runwell_collector`` on ``ROOT/server``, started and killed at will, each time on another port."""

    def __init__(self, root: Path) -> None:
        self.data_dir = root / "server"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        announced = self.data_dir / "components" / "collector.json"
        announced.unlink(missing_ok=True)
        command = [sys.executable, "-m", "runwell_collector", "--data-dir", str(self.data_dir)]
        with (self.data_dir / "collector.log").open("ab") as log:
            self.process = subprocess.Popen([*command, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"], stderr=log)
        said = until(lambda: read_json(announced), "the collector serves")
        fresh = self.data_dir / "server.json.new"
        fresh.write_text(json.dumps({"http": URL, "grpc": said["grpc"], "pid": said["pid"]}))
        fresh.rename(self.data_dir / "server.json")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def rows(self) -> dict[str, list[int]]:
        """Run id to the steps of all its rows, in the order of writer and record; a row stored twice is there twice."""
        found: dict[str, list[tuple[bytes, int, int]]] = {}
        with contextlib.closing(open_log_reader(self.data_dir)) as reader:
            after = 0
            while batches := reader.read(after):
                after = batches[-1].offset
                for batch in batches:
                    for event in decode_events(batch.codec, batch.events).events:
                        logged = event.metric_logged
                        places = logged.indexes or range(event.index, event.index + logged.rows)
                        rows = zip(places, logged.steps, strict=True)
                        numbered = [(batch.writer, batch.first + place, step) for place, step in rows]
                        found.setdefault(batch.run.run_id, []).extend(numbered)
        return {run: [step for _, _, step in sorted(rows)] for run, rows in found.items()}


class Forwarders:
    """The forwarders of a spool directory, known by what they say in their lock file."""

    def __init__(self, spool_directory: Path) -> None:
        self._directory = spool_directory / ".forwarder"

    def pid(self) -> int | None:
        for lock in self._directory.glob("*.lock"):
            with contextlib.suppress(ValueError, KeyError):
                pid = int(json.loads(lock.read_text())["pid"])
                if self._is_forwarder(pid):
                    return pid
        return None

    def kill(self, number: int = signal.SIGKILL) -> bool:
        """Ends the one that is there; False when there is none."""
        pid = self.pid()
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        until(self.are_gone, f"forwarder {pid} ends")
        return True

    def are_gone(self) -> bool:
        """Whether nobody holds a lock any more, which a killed process does a moment longer than it has a command line."""
        for path in self._directory.glob("*.lock"):
            with path.open("rb") as lock:
                try:
                    fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
        return True

    @staticmethod
    def _is_forwarder(pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"--follow" in words
