"""Group commit: one task appends what the intake has queued, and gives the log's answers back to the streams."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from runwell.core import limits
from runwell_collector.counters import Counters
from runwell_collector.intake import NO_SPACE, Intake
from runwell_collector.log import Appended, EventLog, LogFullError
from runwell_collector.replies import Reply


@dataclass(frozen=True, slots=True)
class Clock:
    """``monotonic`` counts seconds from anywhere and never jumps, ``wall`` gives unix seconds."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


class Appender:
    """Replies go out through ``deliver``, after the commit that they speak of."""

    def __init__(
        self,
        intake: Intake,
        log: EventLog,
        counters: Counters,
        deliver: Callable[[list[Reply]], None],
        commit_pauses_s: tuple[float, float],
    ) -> None:
        """``commit_pauses_s``: how far apart commits begin, and how far while what waits is not worth one."""
        self._intake = intake
        self._log = log
        self._counters = counters
        self._deliver = deliver
        self._commit_pauses_s = commit_pauses_s
        self._queued = asyncio.Event()
        self._worthy = asyncio.Event()
        self._answered = asyncio.Event()
        self.follow: Callable[[int, list[int]], None] = lambda up_to, notable: None
        """Called after each commit with the log's end, and the offsets of batches that the catalogue follows."""

    def wake(self) -> None:
        """Something was queued."""
        if self._intake.queued_batches:
            self._queued.set()
        if self._intake.is_worth_a_commit:
            self._worthy.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when the condition holds, which is looked at now and after every commit."""
        while not condition():
            await self._answered.wait()

    async def append_for_ever(self) -> None:
        """Ends only by an error of the log, after which nobody knows what is on disk: the process must end too."""
        loop = asyncio.get_running_loop()
        while True:
            await self._queued.wait()
            began_at = loop.time()
            while group := self._intake.next_group():
                try:
                    results = await self._log.append(group)
                except LogFullError:
                    self._intake.has_space = False
                    answers = self._intake.group_failed(NO_SPACE)
                else:
                    self._counters.committed(group, loop.time() - began_at)
                    answers = self._intake.appended(results)
                    placed = [
                        (batch, result.offset)
                        for batch, result in zip(group, results, strict=True)
                        if isinstance(result, Appended)
                    ]
                    if placed:
                        self.follow(placed[-1][1], [offset for batch, offset in placed if batch.notable])
                self._deliver(answers)
                self._answered.set()
                self._answered = asyncio.Event()
                await self._let_batches_gather(began_at)
                began_at = loop.time()
            self._queued.clear()

    async def _let_batches_gather(self, began_at: float) -> None:
        if (
            self._intake.queued_batches >= limits.COMMIT_BATCHES_MAX
            or self._intake.queued_bytes >= limits.COMMIT_BYTES_MAX
        ):
            return
        interval_s, gather_s = (
            began_at + pause_s - asyncio.get_running_loop().time() for pause_s in self._commit_pauses_s
        )
        if interval_s > 0:
            await asyncio.sleep(interval_s)
        if gather_s > interval_s and not self._intake.is_worth_a_commit:
            self._worthy.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(gather_s - max(interval_s, 0)):
                    await self._worthy.wait()
