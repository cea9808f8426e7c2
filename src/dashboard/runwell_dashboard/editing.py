"""What people change: each edit is an event that the collector makes durable, sent by a writer of its own.

The views are never written here. An edit is answered once it is in the views, so whoever made it sees it.
"""

import asyncio
import contextlib
import os
import time
import zlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import grpc

from runwell.core.frames import advance_chain
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import collector_pb2_grpc, event_pb2
from runwell_dashboard.answers import RequestError

EDIT_TIMEOUT_S = 10.0
"""An edit that the collector has not answered by then is given up; it may still have been stored."""

RunName = tuple[str, str, str]


async def store(address: str, name: RunName, event: event_pb2.Event, writer: bytes | None = None) -> bytes:
    """Makes one event durable, now unless it has a time; returns the id of its writer.

    Raises RequestError when the collector refuses it or cannot be reached.
    """
    writer = writer or os.urandom(16)
    try:
        async with asyncio.timeout(EDIT_TIMEOUT_S), grpc.aio.insecure_channel(address) as channel:
            await _store(channel, writer, name, event)
    except (grpc.aio.AioRpcError, TimeoutError) as error:
        problem = error.details() if isinstance(error, grpc.aio.AioRpcError) else "it did not answer in time"
        message = f"the collector at {address} did not take the change: {problem}; try again"
        raise RequestError(503, "collector_unreachable", message, retry_after_s=1) from None
    return writer


async def _store(channel: grpc.aio.Channel, writer: bytes, name: RunName, event: event_pb2.Event) -> None:
    call = collector_pb2_grpc.CollectorServiceStub(channel).Publish()  # type: ignore[no-untyped-call]
    answers = _answers(call)
    run = event_pb2.RunKey(entity=name[0], project=name[1], run_id=name[2])
    opening = wire.Open(writer_id=writer, run=run, client_version=version("runwell"))
    await call.write(wire.PublishRequest(requests=[wire.Request(open=opening)]))
    await _expected(answers, "welcome")
    await call.write(wire.PublishRequest(requests=[wire.Request(batch=_batch(writer, event))]))
    await _expected(answers, "ack")
    # The edit is stored; that its writer is over is only said so that nobody waits for more of it.
    await call.write(wire.PublishRequest(requests=[wire.Request(end=wire.End(writer_id=writer, last=1))]))
    with contextlib.suppress(RequestError):
        await _expected(answers, "ended")
    await call.done_writing()


def _batch(writer: bytes, event: event_pb2.Event) -> wire.Batch:
    event.time = event.time or time.time()
    events = event_pb2.Events(events=[event]).SerializeToString()
    chain = advance_chain(0, zlib.crc32(events))
    return wire.Batch(
        writer_id=writer, first=1, count=1, chain_before=0, chain=chain, codec=wire.CODEC_NONE, events=events
    )


async def _answers(call: Any) -> AsyncIterator[wire.Response]:
    while (message := await call.read()) is not grpc.aio.EOF:
        for response in message.responses:
            yield response


async def _expected(answers: AsyncIterator[wire.Response], kind: str) -> None:
    async for response in answers:
        found = response.WhichOneof("response")
        if found == kind:
            return
        if found == "refused":
            status = 400 if response.refused.final else 503
            raise RequestError(status, "edit_refused", response.refused.message)
    raise RequestError(503, "collector_unreachable", "the collector ended the connection; try again", retry_after_s=1)
