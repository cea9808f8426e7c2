"""Queries over the views, off the event loop, and the wait that makes them consistent."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from runwell_dashboard.answers import RequestError
from runwell_dashboard.settings import CONSISTENT_READ_S, QUERY_THREADS
from runwell_projector.query import Views, wait_for_log_end

Answer = TypeVar("Answer")


class LogEnd:
    """Waits until the views include what the log held when the question was asked.

    One wait runs at a time. It serves all who asked before it began; who asks later is served by the next one.
    """

    def __init__(self, data_dir: Path, timeout_s: float = CONSISTENT_READ_S) -> None:
        self._data_dir = data_dir
        self._timeout_s = timeout_s
        self._thread = ThreadPoolExecutor(1, "log-end")
        self._running: asyncio.Task[bool] | None = None
        self._next: asyncio.Task[bool] | None = None

    async def reached(self) -> None:
        """Raises RequestError when that takes too long."""
        if self._next is None:
            self._next = asyncio.create_task(self._wait_after(self._running))
        try:
            reached = await asyncio.wait_for(asyncio.shield(self._next), self._timeout_s)
        except TimeoutError:
            reached = False
        if not reached:
            raise RequestError(
                503,
                "behind",
                f"the views did not reach the log's end within {self._timeout_s:g} s; is the projector running? "
                "consistent=0 reads what there is",
                retry_after_s=1,
            )

    async def _wait_after(self, previous: "asyncio.Task[bool] | None") -> bool:
        if previous is not None:
            await asyncio.wait([previous])
        self._running, self._next = self._next, None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, wait_for_log_end, self._data_dir, self._timeout_s)

    def close(self) -> None:
        """Lets the wait that is under way end by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class Reader:
    """Asks the views in a few threads, each with a read-only connection of its own."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._threads = ThreadPoolExecutor(QUERY_THREADS, "query")
        self._table_thread = ThreadPoolExecutor(1, "table")
        self._local = threading.local()
        self.log_end = LogEnd(data_dir)

    async def ask(self, question: Callable[[Views], Answer], *, consistent: bool = False) -> Answer:
        """The question's answer; ``consistent`` waits for the log's end first."""
        if consistent:
            await self.log_end.reached()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._asked, question)

    async def ask_table(self, question: Callable[[Views], Answer], *, consistent: bool = False) -> Answer:
        """Like ``ask``, for questions about many runs: one at a time, since each thread's views would keep fields of them."""
        if consistent:
            await self.log_end.reached()
        return await asyncio.get_running_loop().run_in_executor(self._table_thread, self._asked, question)

    def _asked(self, question: Callable[[Views], Answer]) -> Answer:
        if not hasattr(self._local, "views"):
            self._local.views = Views.open(self._data_dir)
        views: Views = self._local.views
        return question(views)

    def close(self) -> None:
        """Ends the threads once their queries are done."""
        self.log_end.close()
        for threads in (self._threads, self._table_thread):
            threads.shutdown(wait=False, cancel_futures=True)
