"""Following a run: server-sent events with the rows that are new, and the run's state."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runwell.core.history import Selection, select
from runwell_dashboard import parameters
from runwell_dashboard.answers import RequestError, encoded
from runwell_dashboard.counters import Counters
from runwell_dashboard.reader import Reader
from runwell_dashboard.runs import POSITION_HEADER, find_run, reader_of, run_name
from runwell_dashboard.settings import TAIL_KEEP_ALIVE_S, TAIL_POLL_S, TAILS_MAX

RUN_FIELDS = ("state", "exit_code", "updated_at", "duration_s", "last_step", "records")
"""What is sent of the run itself whenever it changes."""

RUNS_MAX = 50
"""Runs that one answer follows; more are refused."""

POSITION_DIGITS = 19
"""A position has fewer; what is longer is none of ours."""

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


async def follow_run(request: Request) -> Response:
    """Server-sent events: "rows" (``{"run", "position", "writer", "attempt", "rows"}``), where position is that after
    them; and "run". With ``console=1`` also "console" (``{"run", "position", "lines"}``); a line that comes again replaces
    the one of its writer and number.

    Begins after the position ``after`` (0: with the first row), or where ``Last-Event-ID`` says a broken-off answer ended;
    without either with what comes from now on. Comments keep a quiet connection alive.
    """
    refuse_too_many(request)
    _, headers = await find_run(request)
    return _followed(request, [run_name(request)], int(headers[POSITION_HEADER]))


async def follow_runs(request: Request) -> Response:
    """Like ``follow_run`` for each ``run=ENTITY/PROJECT/RUN_ID``; "run" in an event is the place in that list."""
    refuse_too_many(request)
    names = [_name(text) for text in request.query_params.getlist("run")]
    if not 0 < len(names) <= RUNS_MAX:
        raise parameters.invalid("run", f"{len(names)} runs; 1 to {RUNS_MAX} are followed at once")
    position = await reader_of(request).ask(lambda views: views.position())
    return _followed(request, names, position)


async def follow_changes(request: Request) -> Response:
    """Server-sent events "moved" (``{"position"}``), whenever the views have moved on."""
    refuse_too_many(request)
    return _streamed(_moves(request.app.state.tails, reader_of(request)))


def refuse_too_many(request: Request) -> None:
    """Raises RequestError when there are too many followers already."""
    request.app.state.tails.refuse_too_many()


def _name(text: str) -> RunName:
    parts = text.split("/")
    if len(parts) != 3:
        raise parameters.invalid("run", f"{text[:100]!r} is not ENTITY/PROJECT/RUN_ID")
    return parts[0], parts[1], parts[2]


def _followed(request: Request, names: Sequence[RunName], position: int) -> Response:
    after, query = _start(request), request.query_params
    wanted = select(parameters.keys(query), stream=parameters.stream(query))
    console = parameters.flag(query, "console")
    start = position if after is None else after
    return _streamed(_events(request.app.state.tails, reader_of(request), names, wanted, start, console=console))


def _streamed(events: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _start(request: Request) -> int | None:
    last = request.headers.get("last-event-id", "")
    if last.isascii() and last.isdecimal() and len(last) < POSITION_DIGITS:
        return int(last)
    return parameters.whole(request.query_params, "after")


async def _moves(tails: Tails, reader: Reader) -> AsyncIterator[bytes]:
    position = -1
    async with tails.following():
        while not tails.stopping:
            moved = asyncio.create_task(tails.moved(TAIL_KEEP_ALIVE_S))
            try:
                now = await reader.ask(lambda views: views.checkpoint()[1])
                if now != position:
                    position = now
                    yield _event("moved", {"position": now})
                if not await moved:
                    yield b": keep-alive\n\n"
            finally:
                moved.cancel()


async def _events(
    tails: Tails, reader: Reader, names: Sequence[RunName], wanted: Selection, after: int, *, console: bool
) -> AsyncIterator[bytes]:
    """Each run is read on from a position of its own; an event's id is one from which none of them misses anything."""
    states: list[dict[str, Any] | None] = [None] * len(names)
    reached, lines_reached = [after] * len(names), [after] * len(names)
    async with tails.following():
        while not tails.stopping:
            moved = asyncio.create_task(tails.moved(TAIL_KEEP_ALIVE_S))
            try:
                for place, name in enumerate(names):
                    # Before what is new: whoever hears that the run has ended has heard everything of it.
                    view = await reader.ask(lambda views: views.run(*name))  # noqa: B023
                    async for lines, position in _fresh_lines(reader, name, lines_reached[place], asked=console):
                        lines_reached[place] = position
                        if lines:
                            yield _event("console", {"run": place, "position": position, "lines": lines})
                    async for parts, position in _fresh(reader, name, wanted, reached[place]):
                        reached[place] = position
                        for part in parts:
                            known = min(*reached, *lines_reached) if console else min(reached)
                            yield _event("rows", {"run": place, "position": position, **part}, known)
                    state = None if view is None else {"run": place, **{field: view[field] for field in RUN_FIELDS}}
                    if state != states[place]:
                        states[place] = state
                        yield _event("run", state)
                if not await moved:
                    yield b": keep-alive\n\n"
            finally:
                moved.cancel()


async def _fresh(
    reader: Reader, name: RunName, wanted: Selection, after: int
) -> AsyncIterator[tuple[list[dict[str, Any]], int]]:
    """What came after a position, a bounded number of rows at a time, each with the position after them."""
    while True:
        start = after
        parts, after = await reader.ask(
            lambda views: views.tail(*name, start, wanted, parameters.ROWS_LIMIT)  # noqa: B023
        )
        yield parts, after
        if not parts:
            return


async def _fresh_lines(
    reader: Reader, name: RunName, after: int, *, asked: bool
) -> AsyncIterator[tuple[list[dict[str, Any]], int]]:
    """As ``_fresh``, of the console."""
    while asked:
        start = after
        lines, after = await reader.ask(lambda views: views.new_lines(*name, start))  # noqa: B023
        yield lines, after
        if not lines:
            return


def _event(kind: str, content: Any, position: int | None = None) -> bytes:
    """One event; the JSON is ASCII on one line, as the protocol needs."""
    place = b"" if position is None else f"id: {position}\n".encode("ascii")
    return b"event: " + kind.encode("ascii") + b"\n" + place + b"data: " + encoded(content) + b"\n\n"
