"""What a training process has to do with its forwarder: start it, and at the end wait for the word that all has arrived.

The standard library only: neither gRPC nor protobuf is ever loaded into a training process.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runwell.forwarder.presence import Presence, private_directory

ASK_INTERVAL_S = 0.25
"""A datagram may get lost with the forwarder that it was sent to; asking again is cheap."""

UNREACHABLE_PATIENCE_S = 5.0
"""A server that cannot be reached for this long is not waited for: the spool keeps everything."""

START_GRACE_S = 3.0
"""A forwarder that was started says where it listens within this time, else it is started once more."""

STARTS_MAX = 3

DATAGRAM_BYTES_MAX = 4096

_started_at: dict[Path, float] = {}
"""When this process last started a forwarder, by its lock: one that is on its way is not started again."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """``acked``: the server has records up to this one. ``reason`` says why the delivery is not complete."""

    acked: int
    complete: bool
    reason: str = ""


def ensure_forwarder(spool_directory: Path, base_url: str) -> None:
    """Starts the forwarder of ``ROOT/spool`` for that server unless it runs, and tells it to look around. Takes about a
    millisecond, raises nothing and waits for nothing: what cannot be sent now is in the spool.
    """
    presence = Presence(spool_directory, base_url)
    with contextlib.suppress(OSError):
        # One that holds the lock and does not listen is beginning or ending; in doubt two are started and one stays.
        if not presence.held() or not _wake(presence):
            _start(spool_directory, base_url)


def _wake(presence: Presence) -> bool:
    """Makes the forwarder look around; False when it does not listen."""
    path = presence.socket_path()
    if path is None:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(b"{}", str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def deliver(
    spool_directory: Path, base_url: str, writer_hex: str, last_record: int, timeout_s: float
) -> DeliveryReport:
    """Waits until the server has the writer's records up to ``last_record``, at most ``timeout_s``; raises nothing.

    Asks the forwarder, which is started again when it is gone. Returns early when the server cannot be reached.
    """
    began = time.monotonic()
    delivery = _Delivery(spool_directory, base_url, writer_hex, last_record)
    try:
        with _mailbox() as mailbox:
            return delivery.wait(mailbox, began, timeout_s)
    except OSError as error:
        return delivery.report(f"the forwarder could not be asked: {error}")


class _Delivery:
    def __init__(self, spool_directory: Path, base_url: str, writer_hex: str, last_record: int) -> None:
        self._presence = Presence(spool_directory, base_url)
        self._spool_directory = spool_directory
        self._base_url = base_url
        self._question = json.dumps({"writer": writer_hex, "record": last_record}).encode()
        self._last_record = last_record
        self._acked = 0
        self._problem = ""
        self._starts = 0

    def report(self, reason: str = "") -> DeliveryReport:
        """What is known now."""
        return DeliveryReport(self._acked, self._acked >= self._last_record, reason)

    def wait(self, mailbox: socket.socket, began: float, timeout_s: float) -> DeliveryReport:
        """Asks until the answer is final or the time is over."""
        ask_at = began
        while (now := time.monotonic()) < began + timeout_s:
            if now >= ask_at:
                if not self._ask(mailbox, now):
                    if self._starts > STARTS_MAX:
                        return self.report(f"the forwarder does not stay alive: see {self._presence.log_path}")
                    time.sleep(0.01)
                    continue
                ask_at = now + ASK_INTERVAL_S
            answer = _receive(mailbox, min(ask_at, began + timeout_s) - now)
            if answer is None:
                continue
            self._acked = max(self._acked, int(answer.get("durable", 0)))
            self._problem = str(answer.get("problem") or "")
            if self._acked >= self._last_record:
                return self.report()
            if answer.get("final"):
                return self.report(self._problem)
            if answer.get("unreachable") and time.monotonic() - began >= UNREACHABLE_PATIENCE_S:
                return self.report(self._problem)
        return self.report(self._problem or f"the server did not confirm everything within {timeout_s:g} s")

    def _ask(self, mailbox: socket.socket, now: float) -> bool:
        """Sends the question; False when there is nobody yet to ask."""
        path = self._presence.socket_path()
        if path is not None:
            with contextlib.suppress(OSError):
                mailbox.sendto(self._question, str(path))
                return True
        started_at = _started_at.get(self._presence.lock_path, float("-inf"))
        if now - started_at >= START_GRACE_S and not self._presence.held():
            self._starts += 1
            if self._starts <= STARTS_MAX:
                _start(self._spool_directory, self._base_url)
        return False


def _start(spool_directory: Path, base_url: str) -> None:
    """Starts the forwarder, which leaves this process's session by itself. Raises OSError."""
    if not sys.executable:
        raise OSError("no Python interpreter is known to this process")
    _started_at[Presence(spool_directory, base_url).lock_path] = time.monotonic()
    here = Path(__file__).parent
    paths = [path for path in (os.environ.get("PYTHONPATH"), str(here.parent.parent)) if path]
    # -P: a module beside the training script must not stand in for one that the forwarder imports.
    launcher = [sys.executable, "-P", str(here / "launch.py")]
    command = [*launcher, "sync", "--follow", "--base-url", base_url, str(spool_directory)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    # It ends at once, with the forwarder as an orphan; whoever does not wait for it leaves a zombie in the training process.
    threading.Thread(target=process.wait, name="runwell-forwarder-start", daemon=True).start()


@contextlib.contextmanager
def _mailbox() -> Iterator[socket.socket]:
    """A socket that the forwarder can answer to."""
    directory = private_directory()
    if directory is None:
        raise OSError("no temporary directory of this user for a socket: set TMPDIR to a short path")
    path = directory / f"{os.getpid()}-{os.urandom(4).hex()}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mailbox:
        mailbox.bind(str(path))
        try:
            mailbox.setblocking(False)
            yield mailbox
        finally:
            path.unlink(missing_ok=True)


def _receive(mailbox: socket.socket, timeout_s: float) -> dict[str, Any] | None:
    """The next answer; None when none comes in time."""
    # Not by select(): a training process may have more than its 1,024 descriptors.
    mailbox.settimeout(max(timeout_s, 0.0))
    try:
        answer = json.loads(mailbox.recv(DATAGRAM_BYTES_MAX))
    except (OSError, ValueError):
        return None
    finally:
        mailbox.setblocking(False)
    return answer if isinstance(answer, dict) else None
