"""A sender for tests: builds batches the way a forwarder does, and talks real gRPC."""

import asyncio
import os
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import grpc

from runwell.core.frames import advance_chain
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import collector_pb2_grpc, event_pb2

ANSWER_TIMEOUT_S = 20.0


def rows(values: Sequence[float], index: int = 0, key: str = "loss") -> event_pb2.Event:
    """Rows of one number each."""
    column = event_pb2.Column(key=key, f64=event_pb2.F64Values(values=values))
    steps, times = range(len(values)), [1.5] * len(values)
    metrics = event_pb2.MetricLogged(rows=len(values), steps=steps, times=times, columns=[column])
    return event_pb2.Event(index=index, time=1.5, metric_logged=metrics)


def encoded(*events: event_pb2.Event) -> bytes:
    return event_pb2.Events(events=events).SerializeToString()


@dataclass
class Writer:
    """One writer's side: what it has cut so far. ``salt`` makes its records differ from those of a copy."""

    run_id: str = "r1"
    id: bytes = field(default_factory=lambda: os.urandom(16))
    salt: int = 0
    _chains: list[int] = field(default_factory=lambda: [0])

    def open(self) -> wire.Request:
        run = event_pb2.RunKey(entity="lab", project="digits", run_id=self.run_id)
        return wire.Request(open=wire.Open(writer_id=self.id, run=run, client_version="test"))

    def chain(self, durable: int) -> int:
        """The CRC chain over the first records, which are told apart by their number and ``salt``."""
        while len(self._chains) <= durable:
            crc = zlib.crc32(f"{self.salt}:{len(self._chains)}".encode())
            self._chains.append(advance_chain(self._chains[-1], crc))
        return self._chains[durable]

    def batch(self, first: int, count: int = 1, events: bytes | None = None) -> wire.Request:
        """Records ``first`` to ``first + count - 1``; their values are their numbers."""
        if events is None:
            events = encoded(rows([float(record) for record in range(first, first + count)]))
        batch = wire.Batch(
            writer_id=self.id,
            first=first,
            count=count,
            chain_before=self.chain(first - 1),
            chain=self.chain(first + count - 1),
            codec=wire.CODEC_NONE,
            events=events,
        )
        return wire.Request(batch=batch)

    def end(self, last: int) -> wire.Request:
        return wire.Request(end=wire.End(writer_id=self.id, last=last))


class Stream:
    """One Publish stream."""

    def __init__(self, address: object) -> None:
        self._channel = grpc.aio.insecure_channel(str(address))
        self._call = collector_pb2_grpc.CollectorServiceStub(self._channel).Publish()
        self._unread: deque[wire.Response] = deque()
        self.answers_at_once = 0
        """The most answers that came in one message."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._channel.close()

    async def send(self, *requests: wire.Request) -> None:
        for request in requests:
            await self._call.write(wire.PublishRequest(requests=[request]))

    async def send_as_one(self, *requests: wire.Request) -> None:
        await self._call.write(wire.PublishRequest(requests=requests))

    async def answer(self) -> tuple[str, Any]:
        """The next answer's kind and message; ("over", status) at the stream's end."""
        while not self._unread:
            try:
                message = await asyncio.wait_for(self._call.read(), ANSWER_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                return "over", error.code()
            if message is grpc.aio.EOF:
                return "over", await self._call.code()
            self._unread.extend(message.responses)
            self.answers_at_once = max(self.answers_at_once, len(message.responses))
        response = self._unread.popleft()
        kind = response.WhichOneof("response")
        return kind, getattr(response, kind)

    async def expect(self, expected: str) -> Any:
        """The next answer, which must be of that kind."""
        kind, message = await self.answer()
        assert kind == expected, f"{kind} instead of {expected}: {message}"
        return message

    async def opened(self, writer: Writer) -> wire.Welcome:
        await self.send(writer.open())
        return await self.expect("welcome")

    async def acked(self, durable: int) -> None:
        """Reads acks until that record is durable."""
        while (await self.expect("ack")).durable < durable:
            pass

    async def no_more_requests(self) -> None:
        await self._call.done_writing()
