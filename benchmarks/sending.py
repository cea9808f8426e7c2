"""Forwarders as a collector sees them: each one stream that carries the writers of its machine."""

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from runwell.core import limits
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import collector_pb2_grpc, event_pb2


@dataclass(eq=False)
class Writer:
    """One writer and the batches of it that are not acknowledged."""

    id: bytes = field(default_factory=lambda: os.urandom(16))
    durable: int = 0
    sent: deque[tuple[int, float]] = field(default_factory=deque)

    def batch(self, events: bytes, count: int) -> wire.Request:
        """Its next records."""
        first = self.sent[-1][0] + 1 if self.sent else self.durable + 1
        last = first + count - 1
        self.sent.append((last, time.perf_counter()))
        batch = wire.Batch(
            writer_id=self.id,
            first=first,
            count=count,
            chain_before=(first - 1) & 0xFFFFFFFF,
            chain=last & 0xFFFFFFFF,
            codec=wire.CODEC_NONE,
            events=events,
        )
        return wire.Request(batch=batch)


class Sender:
    """One stream with its writers. Latency is from handing a batch to gRPC until its ack was read."""

    def __init__(self, address: str, writers: list[Writer], latencies_s: list[float]) -> None:
        self.writers = {writer.id: writer for writer in writers}
        self._latencies_s = latencies_s
        self._channel = grpc.aio.insecure_channel(address)
        self._call = collector_pb2_grpc.CollectorServiceStub(self._channel).Publish()
        self._writing = asyncio.Lock()
        self._opened = 0
        self.all_open = asyncio.Event()
        self.progress = asyncio.Event()

    async def open(self) -> None:
        openings = []
        for number, writer in enumerate(self.writers.values()):
            run = event_pb2.RunKey(entity="load", project="collector", run_id=f"{writer.id.hex()[:8]}-{number}")
            openings.append(wire.Request(open=wire.Open(writer_id=writer.id, run=run)))
        await self._send(openings)

    async def send(self, writers: Sequence[Writer], events: bytes, count: int) -> None:
        """A batch of each, in as many messages as a forwarder makes of them."""
        fitting = min(limits.MESSAGE_PARTS_MAX, -(-limits.BATCH_BYTES_TARGET // len(events)))
        for place in range(0, len(writers), fitting):
            await self._send([writer.batch(events, count) for writer in writers[place : place + fitting]])

    async def _send(self, requests: list[wire.Request]) -> None:
        """gRPC takes one message at a time."""
        async with self._writing:
            await self._call.write(wire.PublishRequest(requests=requests))

    async def heartbeat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(limits.HEARTBEAT_INTERVAL_S)
            await self._send([wire.Request(heartbeat=wire.Heartbeat())])

    async def read_for_ever(self) -> None:
        async for message in self._call:
            for response in message.responses:
                self._take(response)

    def _take(self, response: wire.Response) -> None:
        kind = response.WhichOneof("response")
        if kind == "welcome":
            self._opened += 1
            if self._opened == len(self.writers):
                self.all_open.set()
        elif kind == "ack":
            self._acked(self.writers[response.ack.writer_id], response.ack.durable)
        else:
            raise RuntimeError(f"the collector answered {response}")

    def _acked(self, writer: Writer, durable: int) -> None:
        now = time.perf_counter()
        writer.durable = durable
        while writer.sent and writer.sent[0][0] <= durable:
            self._latencies_s.append(now - writer.sent.popleft()[1])
        self.progress.set()

    async def drained(self) -> None:
        """Waits until every batch is acknowledged."""
        while any(writer.sent for writer in self.writers.values()):
            self.progress.clear()
            await self.progress.wait()

    async def close(self) -> None:
        await self._channel.close()


@asynccontextmanager
async def senders(address: str, writers: int, streams: int, latencies_s: list[float]) -> AsyncIterator[list[Sender]]:
    """All streams, with so many writers open on them."""
    made = [Writer() for _ in range(writers)]
    opened = [Sender(address, made[number::streams], latencies_s) for number in range(streams)]
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(work)
            for sender in opened
            for work in (sender.read_for_ever(), sender.heartbeat_for_ever())
        ]
        for sender in opened:
            await sender.open()
        for sender in opened:
            await sender.all_open.wait()
        try:
            yield opened
        finally:
            for task in running:
                task.cancel()
            for sender in opened:
                await sender.close()
