"""The forwarder's socket: training processes ask there how far their spool is sent, and wake it by asking."""

import contextlib
import json
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

DATAGRAM_BYTES_MAX = 4096

QUESTION_LIFE_S = 1.0
"""Who waits asks again well before this, so what is older is not waited for any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How far a writer's records have arrived; ``final``: they never will from here. ``unreachable``: no server."""

    durable: int
    problem: str = ""
    final: bool = False
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    writer: bytes
    record: int
    asked_at: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Writers asked about, and those of them that were not before; none for a datagram that only wakes."""

    writers: set[bytes]
    anew: set[bytes]


class Mailbox:
    """A datagram socket at ``path``. Raises OSError when it cannot be there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self._questions: dict[str, _Question] = {}
        _remove_abandoned(path.parent)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self.socket.bind(str(path))

    def read(self, now: float) -> Asked:
        """Takes in what has come."""
        asked = Asked(set(), set())
        while True:
            try:
                data, sender = self.socket.recvfrom(DATAGRAM_BYTES_MAX)
            except OSError:
                return asked
            with contextlib.suppress(ValueError, KeyError, TypeError):
                fields = json.loads(data)
                question = _Question(bytes.fromhex(fields["writer"]), int(fields["record"]), now)
                asked.writers.add(question.writer)
                if sender not in self._questions:
                    asked.anew.add(question.writer)
                self._questions[sender] = question

    def answer(self, how_far: Callable[[bytes], Answer], now: float, asked: Collection[bytes] = ()) -> None:
        """Answers who has just asked, and who waits for what is now certain."""
        for sender, question in list(self._questions.items()):
            answer = how_far(question.writer)
            certain = answer.durable >= question.record or answer.final
            if certain or question.writer in asked:
                self._send(sender, answer)
            if certain or now - question.asked_at > QUESTION_LIFE_S:
                del self._questions[sender]

    def _send(self, sender: str, answer: Answer) -> None:
        fields = {
            "durable": answer.durable,
            "problem": answer.problem[:1000],
            "final": answer.final,
            "unreachable": answer.unreachable,
        }
        with contextlib.suppress(OSError):
            self.socket.sendto(json.dumps(fields).encode(), sender)

    def close(self) -> None:
        self.socket.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


def _remove_abandoned(directory: Path) -> None:
    """Removes the sockets of processes that were killed: nobody can be reached there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as caller:
        for path in directory.glob("*.sock"):
            try:
                caller.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue
