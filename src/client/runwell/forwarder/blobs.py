"""Sends blobs, beside the records and over a connection of its own: a huge file never delays a metric.

What is listed is asked about first, so that nothing is sent that the server has; a blob that was cut off goes on where it
was. Nothing of a blob is kept in memory but the part that is being sent.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import grpc
import grpc.aio

from runwell.core import limits
from runwell.core.blobs import LIST_NAME
from runwell.forwarder.address import CollectorAddress, ServerUnreachableError
from runwell.forwarder.backoff import Backoff
from runwell.forwarder.blob_lists import BlobList, Entry
from runwell.forwarder.blob_plan import BlobPlan, PartPlan
from runwell.forwarder.blob_retention import BlobRetention
from runwell.forwarder.disk import Disk
from runwell.forwarder.stream import OPTIONS, WRITE_TIMEOUT_S
from runwell.v1 import collector_pb2 as wire
from runwell.v1.collector_pb2_grpc import CollectorServiceStub

LOOK_INTERVAL_S = 0.5
SAVE_INTERVAL_S = 1.0
PRUNE_INTERVAL_S = 60.0
FIND_TIMEOUT_S = 60.0
BACKOFF_MAX_S = 60.0
GONE = "its content is not on this disk any more, and the server does not have it"


class BlobSender:
    """``directories`` gives those of the writers that are looked after. ``problem`` says why nothing goes on, if so."""

    def __init__(
        self,
        disk: Disk,
        random: Random,
        now: Callable[[], float],
        find: Callable[[], CollectorAddress],
        directories: Callable[[], Iterable[Path]],
        places: Sequence[Path] = (),
    ) -> None:
        self.problem = ""
        self.progress = 0
        """Grows with everything that is sent or answered."""
        self._disk = disk
        self._now = now
        self._find = find
        self._directories = directories
        self._places = places
        self._plan = BlobPlan()
        self._backoff = Backoff(random, LOOK_INTERVAL_S, BACKOFF_MAX_S)
        self._stirred = asyncio.Event()
        self._paused_until = self._looked_at = self._saved_at = self._pruned_at = float("-inf")

    # ---- What others ask

    @property
    def pending(self) -> bool:
        """Whether anything is left to send, as of the last look."""
        return self._plan.pending

    @property
    def lost(self) -> dict[str, str]:
        """Blobs that are neither here nor with the server, and why."""
        return self._plan.lost

    def settled(self, directory: Path) -> bool:
        """Whether everything that a writer has listed by now is with the server."""
        its = self._plan.lists.get(directory)
        if its is None:
            return not self._disk.size(directory / LIST_NAME)
        with contextlib.suppress(OSError):
            its.look()
        return not its.pending

    def stir(self) -> None:
        """Somebody waits: looks around soon."""
        self._looked_at = float("-inf")
        self._stirred.set()

    def look(self) -> None:
        """Sees what was listed since."""
        self._looked_at = self._now()
        directories = set(self._directories())
        for gone in self._plan.lists.keys() - directories:
            del self._plan.lists[gone]
        for directory in directories:
            with contextlib.suppress(OSError):
                if directory not in self._plan.lists and self._disk.size(directory / LIST_NAME):
                    self._plan.lists[directory] = BlobList(self._disk, directory)
                if its := self._plan.lists.get(directory):
                    its.look()

    # ---- The work

    async def run(self) -> None:
        """Sends whatever is listed, until it is cancelled."""
        try:
            while True:
                self.look()
                if not self.pending:
                    await self._prune()
                    await self._wait(LOOK_INTERVAL_S)
                    continue
                try:
                    await self._connected()
                except ServerUnreachableError as error:
                    self.problem = str(error)
                    await self._wait(self._backoff.next_s())
        finally:
            self._plan.save()

    async def _prune(self) -> None:
        """Now and then what nobody waits for any more is removed; in a thread, since there may be many."""
        if self._now() < self._pruned_at + PRUNE_INTERVAL_S:
            return
        self._pruned_at = self._now()
        for place in self._places:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(BlobRetention(place).prune, time.time())

    async def _connected(self) -> None:
        address = await asyncio.to_thread(self._find)
        options = [*OPTIONS, ("grpc.enable_http_proxy", 0)] if address.loopback else OPTIONS
        try:
            async with grpc.aio.insecure_channel(address.target, options=options) as channel:
                await self._send_over(CollectorServiceStub(channel))  # type: ignore[no-untyped-call]
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            problem = error.details() if isinstance(error, grpc.aio.AioRpcError) else "the stream of blobs is over"
            raise ServerUnreachableError(f"{address.target}: {problem}") from None
        except TimeoutError:
            raise ServerUnreachableError(f"{address.target} takes no blobs for {WRITE_TIMEOUT_S:.0f} s") from None
        finally:
            self._plan.give_up()
            self._plan.save()

    async def _send_over(self, stub: Any) -> None:
        call = stub.StoreBlobs()
        reading = asyncio.create_task(self._read(call))
        reading.add_done_callback(lambda _: self._stirred.set())
        try:
            while self.pending:
                if reading.done():
                    await reading
                    raise ServerUnreachableError("the server ended the stream of blobs")
                if not await self._next_step(stub, call):
                    await self._wait(LOOK_INTERVAL_S)
                now = self._now()
                if now >= self._looked_at + LOOK_INTERVAL_S:
                    self.look()
                if now >= self._saved_at + SAVE_INTERVAL_S:
                    self._saved_at = now
                    self._plan.save()
        finally:
            call.cancel()
            await asyncio.wait([reading])
            if not reading.cancelled():
                reading.exception()

    async def _next_step(self, stub: Any, call: Any) -> bool:
        """Asks or sends something; False when there is nothing to do for now."""
        if self._now() < self._paused_until:
            return False
        if asked := self._plan.to_ask():
            await self._ask(stub, asked)
        parts = self._plan.next_parts()
        if not parts:
            return bool(asked)
        contents = await asyncio.to_thread(_read_parts, parts)
        message = wire.StoreBlobsRequest()
        for part, content in zip(parts, contents, strict=True):
            if content is None or len(content) != part.length:
                self._plan.lose(part.wanted, GONE)
            elif self._plan.is_wanted(part.wanted):
                blob = wire.Blob(sha256=part.wanted.sha256, bytes=part.wanted.size)
                message.parts.append(wire.BlobPart(blob=blob, offset=part.offset, data=content))
        if message.parts:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await call.write(message)
            self.progress += 1
        return True

    async def _ask(self, stub: Any, asked: dict[bytes, list[Entry]]) -> None:
        blobs = [wire.Blob(sha256=digest, bytes=its[0].listed.bytes) for digest, its in asked.items()]
        found = await stub.FindBlobs(wire.FindBlobsRequest(blobs=blobs), timeout=FIND_TIMEOUT_S)
        self.problem = ""
        self.progress += 1
        if self._plan.speak_to(found.log_id):
            self.look()
            return
        missing = {blobs[its.index].sha256: its.offset for its in found.missing if its.index < len(blobs)}
        self._plan.found(asked, missing)

    async def _read(self, call: Any) -> None:
        async for message in call:
            for answer in message.answers:
                self._answered(answer)
            self._stirred.set()

    def _answered(self, answer: wire.BlobAnswer) -> None:
        if answer.outcome in (wire.BLOB_OUTCOME_NO_SPACE, wire.BLOB_OUTCOME_UNAVAILABLE):
            self.problem = answer.message
            self._paused_until = self._now() + min(answer.retry_after_s or limits.RETRY_AFTER_S, BACKOFF_MAX_S)
        elif answer.outcome == wire.BLOB_OUTCOME_STORED:
            self.problem = ""
            self.progress += 1
            self._backoff.reset()
        self._plan.answered(answer)

    async def _wait(self, at_most_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._stirred.wait()
        self._stirred.clear()


def _read_parts(parts: list[PartPlan]) -> list[bytes | None]:
    """The contents; None for what is nowhere."""
    return [_read_part(part) for part in parts]


def _read_part(part: PartPlan) -> bytes | None:
    for path in part.wanted.paths():
        with contextlib.suppress(OSError), open(path, "rb", buffering=0) as file:
            file.seek(part.offset)
            content = file.read(part.length) or b""
            if len(content) == part.length:
                return content
    return None
