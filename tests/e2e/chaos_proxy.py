"""A gRPC proxy between forwarders and the collector that cuts streams, delays messages and sends batches twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Self

import grpc

from runwell.v1 import collector_pb2

METHOD = "/runwell.v1.CollectorService/Publish"
CUT_SHARE, DELAY_SHARE, DUPLICATE_SHARE = 0.02, 0.1, 0.3
DELAY_S_MAX = 0.05


class ChaosProxy(grpc.GenericRpcHandler):
    """Forwards Publish streams to ``upstream``; ``faults`` counts what it did to them by name."""

    def __init__(self, upstream: str, seed: int) -> None:
        self.upstream = upstream
        self.faults: Counter[str] = Counter()
        self.calm = False
        """Set to let everything through untouched."""
        self._random = random.Random(seed)
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if handler_call_details.method != METHOD:
            return None
        return grpc.stream_stream_rpc_method_handler(self._publish)

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(grace=0)

    async def _publish(self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        async with grpc.aio.insecure_channel(self.upstream, options=options) as channel:
            upstream = channel.stream_stream(METHOD)()
            pump = asyncio.create_task(self._pump(requests, upstream))
            try:
                while (response := await upstream.read()) is not grpc.aio.EOF:
                    if await self._meddle():
                        break
                    await context.write(response)
            except grpc.aio.AioRpcError:
                self.faults["upstream gone"] += 1
            finally:
                pump.cancel()
                await asyncio.gather(pump, return_exceptions=True)
                upstream.cancel()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")

    async def _pump(self, requests: AsyncIterator[bytes], upstream: grpc.aio.StreamStreamCall) -> None:
        async for request in requests:
            if await self._meddle():
                upstream.cancel()
                return
            await upstream.write(request)
            parts = collector_pb2.PublishRequest.FromString(request).requests
            has_batch = any(part.HasField("batch") for part in parts)
            if has_batch and not self.calm and self._random.random() < DUPLICATE_SHARE:
                self.faults["duplicate"] += 1
                await upstream.write(request)
        await upstream.done_writing()

    async def _meddle(self) -> bool:
        """Perhaps delays; tells whether to cut the stream here."""
        dice = 1.0 if self.calm else self._random.random()
        if dice < CUT_SHARE:
            self.faults["cut"] += 1
            return True
        if dice < CUT_SHARE + DELAY_SHARE:
            self.faults["delay"] += 1
            await asyncio.sleep(self._random.uniform(0, DELAY_S_MAX))
        return False
