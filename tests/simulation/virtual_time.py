"""An asyncio event loop without a clock: when nobody can go on, time jumps to the next timer."""

import asyncio
from asyncio import base_events
from collections.abc import Callable
from typing import Any

TICKS_PER_S = 1024
"""Clocks tell whole ticks, so that sums and differences of times are exact whatever their order."""


class StuckError(Exception):
    """Everything waits and no timer is set: nothing will ever happen again."""


class VirtualTimeLoop(base_events.BaseEventLoop):
    """Runs callbacks in asyncio's own order, with threads that are none: what is sent to one is done at once."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._clock_resolution = 1e-9
        self._selector = self
        self.set_exception_handler(self._keep_error)
        self.error: BaseException | None = None

    def time(self) -> float:
        return self._now_s

    def ticking(self) -> float:
        """The time in whole ticks, seconds since the loop began."""
        return int(self._now_s * TICKS_PER_S) / TICKS_PER_S

    def select(self, timeout_s: float | None) -> tuple[()]:
        """What the loop does when nothing is ready."""
        if timeout_s is None:
            raise StuckError
        self._now_s += timeout_s
        return ()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(func(*arguments))
        except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
            done.set_exception(error)
        return done

    def _keep_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.error = self.error or context.get("exception") or AssertionError(context["message"])

    def _process_events(self, events: tuple[()]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits in another thread."""
