"""A training process whose server is none: it ends in time, and keeps what could not be sent."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from runwell._settings import Settings
from runwell.v1 import collector_pb2 as wire
from tests.client.spool_reading import events, read_rows, spools
from tests.forwarder.adverse_collector import (
    AdverseCollector,
    Answers,
    Behaviour,
    changed,
    hanging,
    honest,
    in_background,
)
from tests.forwarder.collector_process import URL, Forwarders
from tests.forwarder.model_collector import ModelCollector

ROWS = 200
ENDS_WITHIN_S = 30.0
WAIT_S = 1.0

TRAINER = f"""
import runwell
run = runwell.init(project="p", id="r", settings={{"git": False, "finish_timeout_s": {WAIT_S}}})
for number in range({ROWS}):
    run.log({{"a": number}})
input()
run.finish()
"""

Serve = Callable[[AsyncExitStack, asyncio.Event], Awaitable[int]]
"""Begins to serve until the stack is closed; returns the port, and sets the event when somebody came."""


def grpc(make: Callable[[], Behaviour]) -> Serve:
    """A gRPC server that speaks the protocol, badly."""

    async def serve(stack: AsyncExitStack, met: asyncio.Event) -> int:
        behaviour = make()

        def noticing(requests: AsyncIterator[wire.Request], context: object) -> Answers:
            met.set()
            return behaviour(requests, context)

        return (await stack.enter_async_context(AdverseCollector(noticing))).port

    return serve


def raw(answer: bytes) -> Serve:
    """Something else that listens: says ``answer`` to everybody and leaves the connection open."""

    async def serve(stack: AsyncExitStack, met: asyncio.Event) -> int:
        over = asyncio.Event()
        stack.callback(over.set)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            met.set()
            writer.write(answer)
            await over.wait()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    return serve


def _of_another(response: wire.Response) -> wire.Response:
    if response.HasField("ack"):
        response.ack.writer_id = b"stranger"
        response.ack.durable = 10**9
    return response


def _forgetful(requests: AsyncIterator[wire.Request], context: object) -> Answers:
    """On every stream it begins with nothing, so that no Welcome can show that all is well."""
    return changed(_of_another, ModelCollector())(requests, context)


async def _shouting(requests: AsyncIterator[wire.Request], context: object) -> AsyncIterator[wire.Response]:
    async for _ in requests:
        yield wire.Response()


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(grpc(lambda: hanging(after=0)), id="says nothing"),
        pytest.param(grpc(lambda: hanging(after=1)), id="stops after Welcome"),
        pytest.param(grpc(lambda: _forgetful), id="acks of another writer"),
        pytest.param(grpc(lambda: _shouting), id="empty answers"),
        pytest.param(raw(b""), id="accepts and is silent"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n\r\n\xff\x00garbage" * 100), id="another protocol"),
    ],
)
async def test_finish_ends_in_time_and_the_rest_stays_in_the_spool(serve: Serve, runwell_dir: Path) -> None:
    """Whatever answers in the collector's place: finish() ends within its time with a message that says where the records
    are and how to send them; all are in the spool, and an honest collector gets each once."""
    assert Settings().finish_timeout_s <= ENDS_WITHIN_S - 5
    async with AsyncExitStack() as stack:
        met = asyncio.Event()
        announce(runwell_dir, await serve(stack, met))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", TRAINER, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(ENDS_WITHIN_S):
            await met.wait()
        async with asyncio.timeout(ENDS_WITHIN_S):
            said = (await process.communicate(b"\n"))[1].decode()
    assert process.returncode == 0, said
    (spool,) = (path for path in spools(runwell_dir) if not path.name.startswith("."))
    assert f"of {ROWS + 2} records of tester/p/r are with the server" in said
    assert str(spool) in said
    assert "runwell sync" in said
    assert read_rows(spool) == [(number, {"a": number}) for number in range(ROWS)]
    assert events(spool, "run_finished") == [{"exit_code": 0}]
    Forwarders(runwell_dir / "spool").kill()
    model = ModelCollector()
    async with AdverseCollector(honest(model)) as collector:
        announce(runwell_dir, collector.port)
        finished = await in_background([sys.executable, "-m", "runwell", "sync", str(runwell_dir)])
    assert finished[0] == 0, finished
    (writer,) = model.writers.values()
    assert writer.steps() == list(range(ROWS))


def announce(root: Path, port: int) -> None:
    """What `runwell up` would write for a collector there."""
    (root / "server").mkdir(exist_ok=True)
    said = {"http": URL, "grpc": f"127.0.0.1:{port}", "pid": 1}
    (root / "server" / "server.json").write_text(json.dumps(said))
