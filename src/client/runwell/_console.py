"""Captures what the program writes to standard output and standard error, behind its back and never in its way.

``write`` of the streams is wrapped, not the streams replaced: the program's output goes out first, as it would without us.
What was written is only put into a queue; the thread that syncs makes lines of it, so that printing costs a microsecond.
"""

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from runwell._terminal import Numbering, Screen

ConsoleMode = Literal["auto", "wrap", "wrap_raw", "wrap_emu", "redirect", "off"]

WAITING_CHARACTERS_MAX = 4 << 20
"""Written and not yet made lines; what comes beyond is counted and left out."""

OWN_LINES = "runwell: "
"""What we say ourselves is no part of the program's output."""

LINES_AT_ONCE_MAX = 5_000
EVENT_CHARACTERS_MAX = 256 << 10

Put = Callable[[dict[str, Any]], bool]
"""Keeps one ConsoleLogged; False when there will be no more."""


class Console:
    """The lines of one writer. ``wake`` has ``flush`` called soon, from another thread."""

    def __init__(self, put: Put, wake: Callable[[], None]) -> None:
        self._put = put
        self._wake = wake
        self._written: deque[tuple[bool, str, float]] = deque()
        self._waiting = 0
        self._omitted = 0
        self._number = Numbering()
        self._screens = (Screen(), Screen())

    def take(self, stderr: bool, text: str) -> None:
        """Something was written. Cheap, and from any thread or signal handler."""
        if self._waiting > WAITING_CHARACTERS_MAX:
            self._omitted += text.count("\n")
            return
        self._waiting += len(text)
        first = not self._written
        self._written.append((stderr, text, time.time()))
        if first:
            self._wake()

    def flush(self) -> None:
        """Makes lines of what was written, and keeps them."""
        written = []
        while self._written:
            written.append(self._written.popleft())
        self._waiting = 0
        if not written:
            return
        changed: tuple[dict[int, str], dict[int, str]] = ({}, {})
        begun: dict[int, float] = {}
        for stderr, text, at in written:
            before = self._number.next
            self._screens[stderr].write(text, self._number, changed[stderr])
            for number in range(before, self._number.next):
                begun[number] = at
        self._keep(changed, begun, written[-1][2])

    def _keep(self, changed: tuple[dict[int, str], dict[int, str]], begun: dict[int, float], last: float) -> None:
        lines = sorted((number, bool(stderr), text) for stderr in (0, 1) for number, text in changed[stderr].items())
        omitted, self._omitted = self._omitted, 0
        if len(lines) > LINES_AT_ONCE_MAX:
            # The beginning and the end say most.
            half = LINES_AT_ONCE_MAX // 2
            omitted += len(lines) - 2 * half
            self._send(lines[:half], begun, last, 0)
            lines = lines[-half:]
        self._send(lines, begun, last, omitted)

    def _send(self, lines: list[tuple[int, bool, str]], begun: dict[int, float], last: float, omitted: int) -> None:
        start, size = 0, 0
        for place, (number, stderr, text) in enumerate(lines):
            size += len(text)
            following = lines[place + 1] if place + 1 < len(lines) else None
            if following is not None and following[:2] == (number + 1, stderr) and size < EVENT_CHARACTERS_MAX:
                continue
            piece = lines[start : place + 1]
            fields: dict[str, Any] = {
                "stderr": stderr,
                "first_line": piece[0][0],
                "lines": [text for *_, text in piece],
                "times": [begun.get(number, last) for number, *_ in piece],
            }
            if omitted:
                fields["omitted"], omitted = omitted, 0
            if not self._put(fields):
                return
            start, size = place + 1, 0


# ---- The streams of the process

_consoles: list[Console] = []
_wrapped: list[tuple[Any, Any, Any]] = []
"""Stream, what its ``write`` was, and what it is."""


def capture(console: Console) -> None:
    """From here on the console hears what is written."""
    if not _wrapped:
        for stderr, stream in enumerate((sys.stdout, sys.stderr)):
            _wrap(bool(stderr), stream)
    _consoles.append(console)


def release(console: Console) -> None:
    """No more. May be called twice."""
    if console in _consoles:
        _consoles.remove(console)
    if _consoles:
        return
    while _wrapped:
        stream, before, wrapper = _wrapped.pop()
        # Somebody else may have wrapped it since; then ours stays beneath, and does nothing.
        if stream.__dict__.get("write") is wrapper:
            if before is None:
                del stream.write
            else:
                stream.write = before


def forget_all() -> None:
    """In a forked child: what it writes is its own until it has a writer of its own."""
    _consoles.clear()


def _wrap(stderr: bool, stream: Any) -> None:
    try:
        before = stream.__dict__.get("write")
        write = stream.write

        def captured(text: str, /) -> Any:
            written = write(text)
            if type(text) is str and not text.startswith(OWN_LINES):
                for console in _consoles:
                    console.take(stderr, text)
            return written

        stream.write = captured
        _wrapped.append((stream, before, captured))
    except (AttributeError, TypeError):
        # There is no stream, or one that lets nobody listen.
        return
