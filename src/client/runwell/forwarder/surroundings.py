"""What a forwarder asks of the world around it: the seam at which the simulator puts a world of its own."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random, SystemRandom
from types import TracebackType
from typing import Protocol, Self

from runwell.forwarder.address import CollectorAddress, find_collector
from runwell.forwarder.disk import Disk, LocalDisk
from runwell.forwarder.errand import Errand
from runwell.forwarder.stream import Stream
from runwell.v1 import collector_pb2 as wire


class PublishStream(Protocol):
    """A stream to a collector, for the length of an ``async with``."""

    answers: asyncio.Task[None]
    """Ends with the stream; raises ServerUnreachableError, or what ``received`` raised."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

    async def send(self, message: wire.PublishRequest) -> None:
        """Raises ServerUnreachableError."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Disk, chance, time in seconds and the way to a server."""

    disk: Disk
    random: Random
    monotonic: Callable[[], float]
    wall_time: Callable[[], float]
    find: Callable[[Errand], CollectorAddress]
    """Blocks, so it is called in a thread. Raises ServerUnreachableError."""
    connect: Callable[[CollectorAddress, Callable[[wire.PublishResponse], None]], PublishStream]
    send_blobs: bool = False
    """Whether files that records name are sent too."""


def this_machine() -> Surroundings:
    """The real ones."""
    return Surroundings(
        LocalDisk(),
        SystemRandom(),
        time.monotonic,
        time.time,
        lambda errand: find_collector(errand.base_url, errand.root),
        Stream,
        send_blobs=True,
    )
