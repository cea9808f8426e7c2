"""Following a run: server-sent events with the rows that are new or have changed, and the run's state."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runwell_dashboard import parameters
from runwell_dashboard.answers import RequestError, encoded
from runwell_dashboard.counters import Counters
from runwell_dashboard.reader import Reader
from runwell_dashboard.runs import absent, reader_of, run_name
from runwell_dashboard.settings import TAIL_KEEP_ALIVE_S, TAIL_POLL_S, TAILS_MAX

RUN_FIELDS = ("state", "exit_code", "updated_at", "duration_s", "last_step", "records")
"""What is sent of the run itself whenever it changes."""

RunName = tuple[str, str, str]


class Tails:
    """Wakes all followers when the views have moved on. One look at the views serves them all."""

    def __init__(self, reader: Reader, counters: Counters, stopping: asyncio.Event) -> None:
        self._reader = reader
        self._counters = counters
        self._stopping = stopping
        self._followers = 0
        self._moved = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Counts a follower; the first one starts the watch and the last one ends it."""
        self._followers += 1
        self._counters.tails.set(self._followers)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_position())
        try:
            yield
        finally:
            self._followers -= 1
            self._counters.tails.set(self._followers)
            if self._followers == 0:
                self._watch.cancel()
                self._watch = None

    def refuse_too_many(self) -> None:
        """Raises RequestError when there are too many followers already."""
        if self._followers >= TAILS_MAX:
            raise RequestError(503, "too_many_followers", f"{TAILS_MAX} follow runs already", retry_after_s=10)

    async def _watch_position(self) -> None:
        position = -1
        while not self._stopping.is_set():
            now = await self._reader.ask(lambda views: views.position())
            if now != position:
                position = now
                self._wake()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TAIL_POLL_S)
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def moved(self, timeout_s: float) -> bool:
        """Waits until the views have moved on; False when they have not within the time."""
        try:
            await asyncio.wait_for(self._moved.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    @property
    def stopping(self) -> bool:
        """Whether the process is about to end."""
        return self._stopping.is_set()


class TailedRows:
    """The rows that one follower has not had yet.

    ``cursor`` is before the last page; of that page the rows as they were sent are kept, so that a row to which a value
    was added is sent again, and no other.
    """

    def __init__(self, name: RunName, keys: list[str] | None, cursor: str | None) -> None:
        self._question: dict[str, Any] = {"keys": keys, "limit": parameters.ROWS_LIMIT}
        self._name = name
        self.cursor = cursor
        self._sent: list[dict[str, Any]] = []

    async def fresh(self, reader: Reader) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of rows that are new or have changed."""
        more = True
        while more:
            after = self.cursor
            rows, following = await reader.ask(lambda views: views.history(*self._name, **self._question, after=after))  # noqa: B023
            known = self._sent
            new = [row for place, row in enumerate(rows) if place >= len(known) or row != known[place]]
            more = following is not None
            self.cursor, self._sent = (following, []) if more else (self.cursor, rows)
            if new:
                yield new


async def follow_run(request: Request) -> Response:
    """Server-sent events: "rows" ``{"rows"}`` with a cursor as id, and "run" with its state; comments keep it alive."""
    name, keys = run_name(request), parameters.keys(request.query_params)
    cursor = request.headers.get("last-event-id") or request.query_params.get("after") or None
    tails: Tails = request.app.state.tails
    tails.refuse_too_many()
    if await reader_of(request).ask(lambda views: views.run(*name), consistent=True) is None:
        raise absent(name)
    events = _events(reader_of(request), tails, name, TailedRows(name, keys, cursor))
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _events(reader: Reader, tails: Tails, name: RunName, rows: TailedRows) -> AsyncIterator[bytes]:
    state: dict[str, Any] | None = None
    async with tails.following():
        while not tails.stopping:
            moved = asyncio.create_task(tails.moved(TAIL_KEEP_ALIVE_S))
            try:
                async for page in rows.fresh(reader):
                    yield _event("rows", {"rows": page}, rows.cursor)
                view = await reader.ask(lambda views: views.run(*name))
                fresh_state = None if view is None else {field: view[field] for field in RUN_FIELDS}
                if fresh_state != state:
                    state = fresh_state
                    yield _event("run", state)
                if not await moved:
                    yield b": keep-alive\n\n"
            finally:
                moved.cancel()


def _event(kind: str, content: Any, cursor: str | None = None) -> bytes:
    """One event; the JSON is ASCII on one line, as the protocol needs."""
    position = b"" if cursor is None else b"id: " + cursor.encode("ascii") + b"\n"
    return b"event: " + kind.encode("ascii") + b"\n" + position + b"data: " + encoded(content) + b"\n\n"
