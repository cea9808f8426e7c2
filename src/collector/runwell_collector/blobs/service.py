"""The calls of the wire about blobs: which are missing, and taking in what comes."""

import asyncio
from collections.abc import AsyncIterator

import grpc

from runwell.core import limits
from runwell.v1 import collector_pb2 as wire
from runwell_collector.blobs.arrivals import Arrivals, Reception

StoreContext = grpc.aio.ServicerContext[wire.StoreBlobsRequest, wire.StoreBlobsResponse]


class BlobService:
    """Serves FindBlobs and StoreBlobs."""

    def __init__(self, arrivals: Arrivals, log_id: str) -> None:
        self._arrivals = arrivals
        self._log_id = log_id
        self._streams: set[asyncio.Task[None]] = set()

    async def find(self, request: wire.FindBlobsRequest) -> wire.FindBlobsResponse:
        """What of these is not stored."""
        asked = request.blobs[: limits.BLOBS_ASKED_MAX]
        missing = await asyncio.to_thread(self._missing, [(blob.sha256, blob.bytes) for blob in asked])
        return wire.FindBlobsResponse(log_id=self._log_id, missing=missing)

    def _missing(self, asked: list[tuple[bytes, int]]) -> list[wire.MissingBlob]:
        known = self._arrivals.index.known([digest for digest, _ in asked])
        return [
            wire.MissingBlob(index=index, offset=min(self._arrivals.arrived(digest), size))
            for index, (digest, size) in enumerate(asked)
            if digest not in known and len(digest) == 32
        ]

    async def store(self, requests: AsyncIterator[wire.StoreBlobsRequest], context: StoreContext) -> None:
        """Serves one stream until its client has said everything and everything is answered, or the collector stops."""
        reading = asyncio.current_task()
        assert reading is not None
        self._streams.add(reading)
        answers: asyncio.Queue[wire.BlobAnswer] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as answering:
                sending = answering.create_task(_send_for_ever(answers, context))
                await self._take_in(requests, answers)
                await answers.join()
                sending.cancel()
        finally:
            self._streams.discard(reading)

    async def _take_in(
        self, requests: AsyncIterator[wire.StoreBlobsRequest], answers: "asyncio.Queue[wire.BlobAnswer]"
    ) -> None:
        async with asyncio.TaskGroup() as storing:
            reception = Reception(self._arrivals, storing, answers.put_nowait)
            try:
                async for message in requests:
                    for part in message.parts:
                        await reception.take(part)
            finally:
                reception.close()

    def stop(self) -> None:
        """Ends all streams: what is not answered for is sent again."""
        for stream in self._streams:
            stream.cancel()


async def _send_for_ever(answers: "asyncio.Queue[wire.BlobAnswer]", context: StoreContext) -> None:
    while True:
        ready = [await answers.get()]
        while not answers.empty():
            ready.append(answers.get_nowait())
        await context.write(wire.StoreBlobsResponse(answers=ready))
        for _ in ready:
            answers.task_done()
