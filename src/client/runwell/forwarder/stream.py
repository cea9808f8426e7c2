"""The one place that speaks gRPC: a Publish stream to a collector."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import grpc
import grpc.aio

from runwell.forwarder.address import CollectorAddress, ServerUnreachableError
from runwell.v1 import collector_pb2 as wire
from runwell.v1.collector_pb2_grpc import CollectorServiceStub

WRITE_TIMEOUT_S = 30.0
"""A collector that takes no bytes for this long hangs."""

KEEPALIVE_INTERVAL_MS = 30_000
"""A connection over a network that says nothing is probed this often, so that a vanished server is noticed."""

OPTIONS: list[tuple[str, Any]] = [
    # Each stream connects by itself: the pauses between attempts are the session's, not a shared channel's.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", KEEPALIVE_INTERVAL_MS),
    ("grpc.max_receive_message_length", 4 << 20),
]


class Stream:
    """Use it as an async context manager. ``received`` is called for every message; it may raise, which ends the stream."""

    def __init__(self, address: CollectorAddress, received: Callable[[wire.PublishResponse], None]) -> None:
        self._address = address
        self._received = received

    async def __aenter__(self) -> Self:
        options = [*OPTIONS, ("grpc.enable_http_proxy", 0)] if self._address.loopback else OPTIONS
        self._channel = grpc.aio.insecure_channel(self._address.target, options=options)
        self._call = CollectorServiceStub(self._channel).Publish()  # type: ignore[no-untyped-call]
        self.answers = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._call.cancel()
        await asyncio.wait([self.answers])
        if not self.answers.cancelled():
            self.answers.exception()
        await self._channel.close()

    async def _read(self) -> None:
        """Hands on answers until the stream ends. Raises ServerUnreachableError when the server ends it."""
        try:
            async for message in self._call:
                self._received(message)
        except grpc.aio.AioRpcError as error:
            raise ServerUnreachableError(f"{self._address.target}: {error.details() or error.code().name}") from None
        raise ServerUnreachableError(f"{self._address.target} ended the stream")

    async def send(self, message: wire.PublishRequest) -> None:
        """Raises ServerUnreachableError when the stream is over or takes nothing."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._call.write(message)
        except TimeoutError:
            raise ServerUnreachableError(f"{self._address.target} takes nothing for {WRITE_TIMEOUT_S:.0f} s") from None
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # Why it is over is what reading it says.
            await self.answers
