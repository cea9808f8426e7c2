"""A real gRPC server that answers as no collector should."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import grpc.aio

from runwell.v1 import collector_pb2 as wire
from runwell.v1.collector_pb2_grpc import CollectorServiceServicer, add_CollectorServiceServicer_to_server
from tests.forwarder.model_collector import ModelCollector

Answers = AsyncIterator[wire.Response]
Behaviour = Callable[[AsyncIterator[wire.Request], Any], Answers]


class AdverseCollector(CollectorServiceServicer):
    """Serves on a free port; ``behaviour`` answers each stream, and may be changed between streams."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.streams = 0
        self.messages = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server()
        add_CollectorServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._server.stop(0)

    async def Publish(  # noqa: N802
        self, request_iterator: AsyncIterator[wire.PublishRequest], context: Any
    ) -> AsyncIterator[wire.PublishResponse]:
        self.streams += 1
        async for response in self.behaviour(self._single(request_iterator), context):
            yield wire.PublishResponse(responses=[response])

    async def _single(self, messages: AsyncIterator[wire.PublishRequest]) -> AsyncIterator[wire.Request]:
        async for message in messages:
            self.messages += 1
            for request in message.requests:
                yield request


def honest(model: ModelCollector) -> Behaviour:
    """Answers as the model does."""

    async def behaviour(requests: AsyncIterator[wire.Request], context: Any) -> Answers:
        stream: dict[bytes, int] = {}
        async for request in requests:
            for response in model.answer(stream, request):
                yield response

    return behaviour


def hanging(after: int) -> Behaviour:
    """Takes everything and says nothing after so many answers of an honest one."""
    model = ModelCollector()

    async def behaviour(requests: AsyncIterator[wire.Request], context: Any) -> Answers:
        stream: dict[bytes, int] = {}
        answered = 0
        async for request in requests:
            for response in model.answer(stream, request):
                answered += 1
                if answered <= after:
                    yield response

    return behaviour


def changed(change: Callable[[wire.Response], wire.Response], model: ModelCollector) -> Behaviour:
    """Answers as the model does, with every answer changed."""

    async def behaviour(requests: AsyncIterator[wire.Request], context: Any) -> Answers:
        stream: dict[bytes, int] = {}
        async for request in requests:
            for response in model.answer(stream, request):
                yield change(response)

    return behaviour


async def in_background(command: list[str], **options: Any) -> tuple[int, str, str]:
    """Runs a process to its end without stopping the loop that serves it: status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, **options
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


Run = Callable[..., Awaitable[tuple[int, str, str]]]
