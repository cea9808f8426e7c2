"""The forwarder as a process of its own: it answers training processes, writes a log, and ends by itself."""

import asyncio
import contextlib
import os
import signal
import time

from runwell.forwarder.errand import Errand
from runwell.forwarder.forwarder import Forwarder
from runwell.forwarder.mailbox import Mailbox
from runwell.forwarder.presence import Presence


def run_in_background(errand: Errand, presence: Presence) -> int:
    """Runs until there is nothing to do for a minute, or a signal says so. ``presence`` is acquired. Returns 0."""
    mailbox = _mailbox(presence)
    try:
        presence.announce(mailbox.path if mailbox else None)
        _log(f"forwarder {os.getpid()} looks after {errand.places[0]} for {errand.base_url}")
        asyncio.run(_run(errand, mailbox))
        _log(f"forwarder {os.getpid()} ends")
    finally:
        if mailbox is not None:
            mailbox.close()
        presence.release()
    return 0


async def _run(errand: Errand, mailbox: Mailbox | None) -> None:
    forwarder = Forwarder(errand, mailbox, _Log())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, forwarder.stop)
    await forwarder.run()


def _mailbox(presence: Presence) -> Mailbox | None:
    """Without one, spools are sent all the same; only nobody can ask."""
    path = presence.new_socket_path()
    if path is not None:
        with contextlib.suppress(OSError):
            return Mailbox(path)
    _log("no socket: set TMPDIR to a short path")
    return None


class _Log:
    """Writes what is wrong once, until it changes."""

    def __init__(self) -> None:
        self._said: tuple[str, ...] = ()

    def __call__(self, forwarder: Forwarder) -> None:
        told = {forwarder.problem, *(problem.message for problem in forwarder.lookout.problems.values())}
        told |= {f"{courier.spool.run}: {courier.problem}" for courier in forwarder.session.couriers if courier.problem}
        said = tuple(sorted(told - {""}))
        if said != self._said:
            for problem in said or ("all is well again",):
                _log(problem)
            self._said = said


def _log(words: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S"), words, flush=True)
