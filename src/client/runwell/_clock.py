"""Time as an argument: what the writer asks of a clock, and the machine's own."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds: since the epoch, and since some fixed moment."""

    def wall(self) -> float: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clock. The two are builtins, since log() calls one of them each time."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
