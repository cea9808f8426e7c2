"""The socket between training processes and their forwarder."""

import json
import socket
from pathlib import Path

from runwell.forwarder.mailbox import Answer, Mailbox
from runwell.forwarder.presence import private_directory


def _asking(path: Path, writer: bytes, record: int, mailbox: Mailbox) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.bind(str(path))
    client.setblocking(False)
    client.sendto(json.dumps({"writer": writer.hex(), "record": record}).encode(), str(mailbox.path))
    return client


def _answers(client: socket.socket) -> list[int]:
    found: list[int] = []
    while True:
        try:
            found.append(json.loads(client.recv(4096))["durable"])
        except BlockingIOError:
            return found


def test_who_asks_is_answered_now_and_when_it_is_certain(tmp_path: Path) -> None:
    """A question is answered at once, again when its record is acked, and never by a mere change of another writer."""
    mailbox = Mailbox(tmp_path / "m.sock")
    with _asking(tmp_path / "c.sock", b"a" * 16, 5, mailbox) as client:
        asked = mailbox.read(0.0)
        assert (asked.writers, asked.anew) == ({b"a" * 16}, {b"a" * 16})
        mailbox.answer(lambda _: Answer(3), 0.0, asked.writers)
        mailbox.answer(lambda _: Answer(4), 0.1)
        mailbox.answer(lambda _: Answer(5), 0.2)
        mailbox.answer(lambda _: Answer(6), 0.3)
        assert _answers(client) == [3, 5]
    mailbox.close()


def test_senseless_datagrams_are_passed_over(tmp_path: Path) -> None:
    """What is no question wakes the forwarder and does nothing else."""
    mailbox = Mailbox(tmp_path / "m.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        for words in (
            b"{}",
            b"",
            b"[1",
            b'{"writer": "zz", "record": 1}',
            b'{"writer": 7, "record": []}',
            b"\xff" * 4096,
        ):
            client.sendto(words, str(mailbox.path))
    assert mailbox.read(0.0).writers == set()
    mailbox.close()


def test_sockets_of_killed_processes_are_removed(tmp_path: Path) -> None:
    """A new forwarder clears away sockets that nobody has open, and no others."""
    dead, alive = tmp_path / "dead.sock", Mailbox(tmp_path / "alive.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(dead))
    mailbox = Mailbox(tmp_path / "m.sock")
    assert not dead.exists()
    assert alive.path.exists()
    mailbox.close()
    alive.close()


def test_the_directory_of_sockets_is_private() -> None:
    """Others can neither enter it nor have made it."""
    directory = private_directory()
    assert directory is not None
    assert directory.stat().st_mode & 0o777 == 0o700
