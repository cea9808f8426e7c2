"""The Publish streams: reads requests, asks the intake, writes replies."""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator

import grpc

from runwell.core import limits
from runwell.v1 import collector_pb2, collector_pb2_grpc
from runwell_collector.admission import InvalidBatchError, admit
from runwell_collector.appender import Appender, Clock
from runwell_collector.blobs.service import BlobService, StoreContext
from runwell_collector.counters import Counters
from runwell_collector.intake import Intake
from runwell_collector.log import EventLog, WriterMark
from runwell_collector.replies import Reply

PublishContext = grpc.aio.ServicerContext[collector_pb2.PublishRequest, collector_pb2.PublishResponse]


TURN_REQUESTS = 16
"""Of one message, before other streams have their turn: a message is as long as its sender likes."""


class _Outbox:
    """Replies that wait for one stream's client; what waits together goes as one message."""

    def __init__(self) -> None:
        self._replies: deque[collector_pb2.Response] = deque()
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    def put(self, response: collector_pb2.Response) -> None:
        self._replies.append(response)
        self._filled.set()

    @property
    def is_full(self) -> bool:
        """Whether the client should be asked for nothing more before it has taken some."""
        return len(self._replies) >= limits.UNSENT_REPLIES_MAX

    async def shorter_than(self, count: int) -> None:
        """Returns when fewer replies than that wait."""
        while len(self._replies) >= count:
            self._taken.clear()
            await self._taken.wait()

    async def send_for_ever(self, context: PublishContext) -> None:
        while True:
            await self._filled.wait()
            while self._replies:
                first = list(itertools.islice(self._replies, limits.MESSAGE_PARTS_MAX))
                await context.write(collector_pb2.PublishResponse(responses=first))
                for _ in first:
                    self._replies.popleft()
                self._taken.set()
            self._filled.clear()


class CollectorService(collector_pb2_grpc.CollectorServiceServicer):
    """One for all streams. ``stop`` ends their reading; what was taken by then is still committed and acknowledged."""

    def __init__(
        self,
        intake: Intake,
        log: EventLog,
        counters: Counters,
        clock: Clock,
        commit_pauses_s: tuple[float, float],
        blobs: BlobService | None = None,
    ) -> None:
        self._blobs = blobs
        self._intake = intake
        self._log = log
        self._counters = counters
        self._clock = clock
        self.appender = Appender(intake, log, counters, self._deliver, commit_pauses_s)
        self._numbers = itertools.count(1)
        self._outboxes: dict[int, _Outbox] = {}
        self._readings: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def Publish(  # noqa: N802  The name is the wire's.
        self, request_iterator: AsyncIterator[collector_pb2.PublishRequest], context: PublishContext
    ) -> None:
        """Serves one stream until its client has said everything and everything is answered, or the collector stops."""
        if not self._stopping:
            await self._serve(request_iterator, context)
        if self._stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the collector is stopping; try again")

    async def FindBlobs(  # noqa: N802  The name is the wire's.
        self, request: collector_pb2.FindBlobsRequest, context: StoreContext
    ) -> collector_pb2.FindBlobsResponse:
        """Says which blobs are missing."""
        assert self._blobs is not None
        return await self._blobs.find(request)

    async def StoreBlobs(  # noqa: N802  The name is the wire's.
        self, request_iterator: AsyncIterator[collector_pb2.StoreBlobsRequest], context: StoreContext
    ) -> None:
        """Takes blobs in, until its client has said everything or the collector stops."""
        assert self._blobs is not None
        if not self._stopping:
            await self._blobs.store(request_iterator, context)

    async def _serve(self, requests: AsyncIterator[collector_pb2.PublishRequest], context: PublishContext) -> None:
        stream = next(self._numbers)
        outbox = self._outboxes[stream] = _Outbox()
        self._intake.connected(stream, self._clock.monotonic())
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(outbox.send_for_ever(context))
                reading = tasks.create_task(self._read(stream, requests, outbox))
                self._readings.add(reading)
                await asyncio.wait([reading])
                self._readings.discard(reading)
                # It may have ended in the middle of a message.
                self.appender.wake()
                await self.appender.until(lambda: self._intake.is_settled(stream))
                await outbox.shorter_than(1)
                sending.cancel()
        finally:
            self._intake.disconnected(stream)
            del self._outboxes[stream]

    def stop(self) -> None:
        """Takes nothing more. May be called twice."""
        self._stopping = True
        if self._blobs is not None:
            self._blobs.stop()
        for reading in self._readings:
            reading.cancel()

    async def _read(self, stream: int, messages: AsyncIterator[collector_pb2.PublishRequest], outbox: _Outbox) -> None:
        async for message in messages:
            self._intake.heard(stream, self._clock.monotonic())
            for number, request in enumerate(message.requests, 1):
                if number % TURN_REQUESTS == 0:
                    await asyncio.sleep(0)
                if not self._intake.has_room or outbox.is_full:
                    self.appender.wake()
                    await self.appender.until(lambda: self._intake.has_room)
                    await outbox.shorter_than(limits.UNSENT_REPLIES_MAX)
                    self._intake.heard(stream, self._clock.monotonic())
                if answers := await self._answers(stream, request):
                    self._deliver(answers)
            self.appender.wake()

    async def _answers(self, stream: int, request: collector_pb2.Request) -> list[Reply]:
        match request.WhichOneof("request"):
            case "batch":
                admission = await _admission(request.batch)
                return self._intake.batch(stream, request.batch, admission, self._clock.wall())
            case "open":
                writer = request.open.writer_id
                position = None if self._intake.knows(writer) else await self._log.position(writer)
                return self._intake.open(stream, request.open, position, self._clock.monotonic())
            case "end":
                return self._intake.end(stream, request.end, self._clock.wall())
        return []

    def _deliver(self, answers: list[Reply]) -> None:
        self._counters.answered(answers)
        for answer in answers:
            if outbox := self._outboxes.get(answer.stream):
                outbox.put(answer.response)


async def _admission(batch: collector_pb2.Batch) -> WriterMark | InvalidBatchError:
    try:
        if len(batch.events) > limits.ADMIT_BESIDE_BYTES:
            return await asyncio.to_thread(admit, batch)
        return admit(batch)
    except InvalidBatchError as error:
        return error
