"""The way between forwarders and the collector: streams that are cut, hang, hold up, repeat and mix up messages.

``ForwarderStream`` is what a forwarder sees (runwell.forwarder.surroundings.PublishStream); on the other side the real
service's ``Publish`` is called with an iterator of requests and a ``ServerContext``, as gRPC does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from runwell.forwarder.address import CollectorAddress, ServerUnreachableError
from runwell.v1 import collector_pb2 as wire
from tests.simulation.faults import Fault, Faults, Killed

Message = Any
LATENCY_S_MAX = 0.02
HELD_UP_S_MAX = 12.0
NOTICED_AFTER_S_MAX = 3.0
"""Each side notices a cut this late at most."""


class Lane:
    """One direction of a stream: messages arrive in order, but for what goes wrong."""

    def __init__(self, connection: "Connection", parse: Callable[[bytes], Message]) -> None:
        self._connection = connection
        self._parse = parse
        self._arrived: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._next_at = 0.0
        self.broken = False
        self.ended = False

    def send(self, message: Message) -> None:
        """It arrives after a while."""
        faults, loop = self._connection.faults, asyncio.get_running_loop()
        data = message.SerializeToString()
        at = loop.time() + faults.chance.random() * LATENCY_S_MAX
        if faults.strikes(self._connection.unkindness):
            faults.happen(Fault.DELAYED)
            at += faults.chance.random() * HELD_UP_S_MAX
        if faults.strikes(self._connection.unkindness):
            faults.happen(Fault.REORDERED)
        else:
            at = self._next_at = max(at, self._next_at)
        loop.call_at(at, self._arrive, data)
        if faults.strikes(self._connection.unkindness):
            faults.happen(Fault.DUPLICATED)
            loop.call_at(at + faults.chance.random() * HELD_UP_S_MAX, self._arrive, data)

    def _arrive(self, data: bytes) -> None:
        if not self._connection.hangs and not self.broken:
            self._arrived.append(data)
            self._changed.set()

    def stop(self, *, broken: bool) -> None:
        """Nothing more comes."""
        self.broken, self.ended = self.broken or broken, True
        self._changed.set()

    async def receive(self) -> Message | None:
        """The next message; None at the end."""
        while not self._arrived:
            if self.ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._parse(self._arrived.popleft())


class Connection:
    """One stream."""

    def __init__(self, faults: Faults, unkindness: float) -> None:
        self.faults = faults
        self.unkindness = unkindness
        self.hangs = False
        self.to_server = Lane(self, wire.PublishRequest.FromString)
        self.to_forwarder = Lane(self, wire.PublishResponse.FromString)
        self.handler: asyncio.Task[None] | None = None
        self.open = True

    def cut(self) -> None:
        """Both sides notice, but not at once; what is on its way may still arrive meanwhile."""
        if not self.open:
            return
        self.open = False
        loop, chance = asyncio.get_running_loop(), self.faults.chance
        for side in (self._forwarder_notices, self._server_notices):
            loop.call_later(0.0 if self.faults.over else chance.random() * NOTICED_AFTER_S_MAX, side)

    def _forwarder_notices(self) -> None:
        self.to_forwarder.stop(broken=True)

    def _server_notices(self) -> None:
        self.to_server.stop(broken=True)
        if self.handler is not None:
            self.handler.cancel()


class AbortedError(Exception):
    """The service ended the stream with a status."""


class ServerContext:
    """The part of gRPC's context that the service uses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, response: wire.PublishResponse) -> None:
        self._connection.to_forwarder.send(response)
        # As over a network, others may go on meanwhile.
        await asyncio.sleep(0)

    async def abort(self, code: object, details: str) -> None:
        raise AbortedError(details)


class Network:
    """``serve`` is the collector's Publish, None while there is none."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.serve: Callable[..., Any] | None = None
        self.heard: Callable[[Connection, wire.PublishRequest], None] = lambda connection, request: None
        self.unkindness = 0.0
        self.away = False
        self.error: BaseException | None = None
        """What a service failed at that nobody expects."""
        self.connections: list[Connection] = []

    def connect(self) -> Connection:
        """Raises ServerUnreachableError."""
        if self.serve is None or self.away:
            if self.away:
                self.faults.happen(Fault.SERVER_AWAY)
            raise ServerUnreachableError("nobody listens")
        connection = Connection(self.faults, self.unkindness)
        connection.handler = asyncio.get_running_loop().create_task(self._handle(connection))
        self.connections = [other for other in self.connections if other.open]
        self.connections.append(connection)
        return connection

    async def _handle(self, connection: Connection) -> None:
        assert self.serve is not None
        try:
            with suppress(AbortedError, asyncio.CancelledError, OSError, Killed):
                await self.serve(self._requests(connection), ServerContext(connection))
        except BaseExceptionGroup as errors:
            self.error = self.error or errors.split((OSError, Killed))[1]
        except Exception as error:  # noqa: BLE001 - the schedule ends with it
            self.error = error
        finally:
            connection.open = False
            connection.to_forwarder.stop(broken=False)

    async def _requests(self, connection: Connection) -> AsyncIterator[wire.PublishRequest]:
        while (request := await connection.to_server.receive()) is not None:
            self.heard(connection, request)
            yield request


class ForwarderStream:
    """A stream from the forwarder's side. ``dead`` says whether its process was killed."""

    answers: asyncio.Task[None]

    def __init__(
        self,
        network: Network,
        dead: Callable[[], bool],
        address: CollectorAddress,
        received: Callable[[wire.PublishResponse], None],
    ) -> None:
        self._network = network
        self._dead = dead
        self._received = received
        self.connection: Connection | None = None
        self._connected = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.answers = asyncio.get_running_loop().create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        if self.connection is not None:
            self.connection.cut()
        self.answers.cancel()
        await asyncio.wait([self.answers])
        if not self.answers.cancelled():
            self.answers.exception()

    async def _read(self) -> None:
        await asyncio.sleep(self._network.faults.chance.random() * LATENCY_S_MAX)
        try:
            self.connection = self._network.connect()
        finally:
            self._connected.set()
        while (response := await self.connection.to_forwarder.receive()) is not None:
            if not self._dead():
                self._received(response)
        raise ServerUnreachableError("the stream ended")

    async def send(self, request: wire.PublishRequest) -> None:
        if self.connection is None:
            await self._connected.wait()
        if self.answers.done():
            await self.answers
        if self.connection is None:
            raise ServerUnreachableError("nobody listens")
        if self.connection.open and not self._dead():
            self.connection.to_server.send(request)
        await asyncio.sleep(0)
