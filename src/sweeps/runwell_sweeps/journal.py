"""A sweep's stream, as its only writer sees it: events are appended through the collector, in order, each once.

Whoever opens the stream anew fences the one before: the collector says how far the stream is durable once nothing of a
predecessor is on its way, and takes nothing more from it. Events that wait while a batch is on its way go as the next batch.
"""

import asyncio
import contextlib
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from typing import Any

import grpc

from runwell.core.frames import advance_chain
from runwell.core.limits import BATCH_RECORDS_MAX, HEARTBEAT_INTERVAL_S
from runwell.core.sweeps.stream import SweepName
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import collector_pb2_grpc, event_pb2

OPEN_TIMEOUT_S = 10.0
RETRY_S = 0.2
RETRY_S_MAX = 5.0


class JournalError(Exception):
    """The stream cannot be appended to by this process any more."""


class Journal:
    """Appends one sweep's events. ``address`` gives the collector's host and port, or None while it is not known."""

    def __init__(self, name: SweepName, address: Callable[[], str | None]) -> None:
        self._name = name
        self._address = address
        self._waiting: deque[event_pb2.Event] = deque()
        """Events that are not durable yet; the first of them is record ``durable + 1``."""
        self._news = asyncio.Event()
        self._settled = asyncio.Condition()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.durable = 0
        """Records of the stream that are durable."""

    async def open(self) -> int:
        """Takes the stream over; returns how many records it has. Raises JournalError when no collector answers."""
        opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._append_for_ever(opened))
        try:
            return await asyncio.wait_for(opened, OPEN_TIMEOUT_S)
        except TimeoutError:
            await self.close()
            raise JournalError("the collector does not answer; try again") from None

    def put(self, event: event_pb2.Event) -> None:
        """Appends an event behind those before it; ``settled`` tells when it is durable."""
        self._waiting.append(event)
        self._news.set()

    @property
    def is_broken(self) -> bool:
        """Whether nothing more can be appended."""
        return self._failure is not None

    async def settled(self) -> None:
        """Returns when everything that was put so far is durable. Raises JournalError when it will not be."""
        wanted = self.durable + len(self._waiting)
        async with self._settled:
            await self._settled.wait_for(lambda: self._failure is not None or self.durable >= wanted)
        if self.durable < wanted:
            raise JournalError(self._failure)

    async def close(self) -> None:
        """Gives up what is not durable. May be called twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._fail("the controller lets go of the sweep; try again")

    async def _append_for_ever(self, opened: "asyncio.Future[int]") -> None:
        wait_s = RETRY_S
        while True:
            try:
                await self._append(opened)
            except JournalError as error:
                await self._fail(str(error))
                if not opened.done():
                    opened.set_exception(error)
                return
            except (grpc.aio.AioRpcError, TimeoutError, OSError):
                # The collector is gone or starts: what waits is sent once it serves, from where it is durable.
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_S_MAX)
            else:
                wait_s = RETRY_S

    async def _append(self, opened: "asyncio.Future[int]") -> None:
        """Opens the stream and appends until the connection ends."""
        address = self._address()
        if address is None:
            raise OSError("no collector has announced itself")
        async with grpc.aio.insecure_channel(address) as channel:
            call = collector_pb2_grpc.CollectorServiceStub(channel).Publish()  # type: ignore[no-untyped-call]
            answers = _answers(call)
            entity, project, run_id = self._name.stream
            run = event_pb2.RunKey(entity=entity, project=project, run_id=run_id)
            opening = wire.Open(writer_id=self._name.writer, run=run, client_version=version("runwell"))
            await _send(call, open=opening)
            welcome = (await _expected(answers, "welcome")).welcome
            await self._take_position(welcome.durable, first=not opened.done())
            if not opened.done():
                opened.set_result(welcome.durable)
            chain = welcome.chain
            while True:
                chain = await self._append_next(call, answers, chain)

    async def _take_position(self, durable: int, *, first: bool) -> None:
        """The collector says how far the stream is durable: what waited may be among it."""
        if first:
            self.durable = durable
        elif not self.durable <= durable <= self.durable + len(self._waiting):
            raise JournalError("the sweep's stream was written or restored by others")
        else:
            await self._advance(durable)

    async def _append_next(self, call: Any, answers: AsyncIterator[wire.Response], chain: int) -> int:
        """Appends what waits, or says that the writer lives; returns the chain after it."""
        if not self._waiting:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), HEARTBEAT_INTERVAL_S)
        count = min(len(self._waiting), BATCH_RECORDS_MAX)
        if count == 0:
            await _send(call, heartbeat=wire.Heartbeat())
            return chain
        events = event_pb2.Events()
        for index in range(count):
            events.events.append(self._waiting[index])
            events.events[index].index = index
        data = events.SerializeToString()
        after = advance_chain(chain, zlib.crc32(data))
        batch = wire.Batch(
            writer_id=self._name.writer,
            first=self.durable + 1,
            count=count,
            chain_before=chain,
            chain=after,
            codec=wire.CODEC_NONE,
            events=data,
        )
        wanted = self.durable + count
        await _send(call, batch=batch)
        await _expected(answers, "ack")
        await self._advance(wanted)
        return after

    async def _advance(self, durable: int) -> None:
        async with self._settled:
            for _ in range(durable - self.durable):
                self._waiting.popleft()
            self.durable = durable
            self._settled.notify_all()

    async def _fail(self, reason: str) -> None:
        async with self._settled:
            self._failure = self._failure or reason
            self._settled.notify_all()


async def _send(call: Any, **request: Any) -> None:
    await call.write(wire.PublishRequest(requests=[wire.Request(**request)]))


async def _answers(call: Any) -> AsyncIterator[wire.Response]:
    while (message := await call.read()) is not grpc.aio.EOF:
        for response in message.responses:
            yield response


async def _expected(answers: AsyncIterator[wire.Response], kind: str) -> wire.Response:
    """The next answer of a kind. Raises JournalError for a final refusal, OSError when the connection ends."""
    async for response in answers:
        found = response.WhichOneof("response")
        if found == kind:
            return response
        if found == "fenced":
            raise JournalError("another controller has taken the sweep over")
        if found == "refused" and response.refused.final:
            raise JournalError(response.refused.message)
        if found in ("refused", "rewind"):
            break
    raise OSError("the collector ended the connection")
