"""Blobs on their way in. A blob that comes in one part goes straight to the store, a longer one first to a file of its own.

Order of durability: a content is compared with its digest, put into the store durably, entered in the index, and only then
answered for. What a broken stream leaves of a longer blob stays in ``incoming`` and is gone on with from there; it is read
once more for its digest. Memory holds what is being stored at present, at most ``IN_HAND_BYTES_MAX`` and one message more
for each stream.
"""

import asyncio
import errno
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from runwell.core import limits
from runwell.core.blobs import Blob
from runwell.v1 import collector_pb2 as wire
from runwell_collector.blobs.index import BlobIndex
from runwell_collector.blobs.store import PIECE_BYTES, BlobStore, StoreError, StoreFullError

IN_HAND_BYTES_MAX = 32 << 20
"""Of contents that are being stored, over all streams; at the limit streams are read no further."""

STORING_MAX = 32
"""Puts at once: enough for a bucket that takes a tenth of a second for each, and few enough for a disk."""

Answer = wire.BlobAnswer
Result = TypeVar("Result")


class Budget:
    """How much may be in hand at once; who wants more waits until others are done. One that is larger than all comes alone."""

    def __init__(self, bytes_max: int = IN_HAND_BYTES_MAX, count_max: int = STORING_MAX) -> None:
        self._bytes_max, self._count_max = bytes_max, count_max
        self._bytes = self._count = 0
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        while self._count and (self._bytes + size > self._bytes_max or self._count >= self._count_max):
            self._freed.clear()
            await self._freed.wait()
        self._bytes += size
        self._count += 1

    def give_back(self, size: int) -> None:
        self._bytes -= size
        self._count -= 1
        self._freed.set()


class Entries:
    """Enters what was stored, in one transaction for all that wait: each costs a sync of the disk."""

    def __init__(self, index: BlobIndex) -> None:
        self._index = index
        self.stored: Callable[[Sequence[Blob]], None] = lambda blobs: None
        """Told of what was entered."""
        self._waiting: list[tuple[Blob, asyncio.Future[None]]] = []
        self._entering: asyncio.Task[None] | None = None

    async def enter(self, blob: Blob) -> None:
        """Returns once the index has it durably."""
        entered = asyncio.get_running_loop().create_future()
        self._waiting.append((blob, entered))
        if self._entering is None or self._entering.done():
            # A task of its own: the stream of whoever came first may end while others wait.
            self._entering = asyncio.create_task(self._enter_all())
        await entered

    async def _enter_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await self._enter(group)

    async def _enter(self, group: list[tuple[Blob, asyncio.Future[None]]]) -> None:
        blobs, waiting = zip(*group, strict=True)
        try:
            await asyncio.to_thread(self._index.add, blobs)
        except sqlite3.Error as error:
            for entered in waiting:
                if not entered.done():
                    entered.set_exception(StoreError(f"the index of blobs failed: {error}"))
            return
        self.stored(blobs)
        for entered in waiting:
            if not entered.done():
                entered.set_result(None)


@dataclass(slots=True)
class _Arriving:
    """A blob of which there is a file in ``incoming``."""

    path: Path
    file: FileIO
    digest: Any
    size: int


class Arrivals:
    """What all streams share: the folder of blobs that are not whole yet, and who is sending which."""

    def __init__(self, directory: Path, store: BlobStore, index: BlobIndex) -> None:
        self.store = store
        self.index = index
        self.budget = Budget()
        self.entries = Entries(index)
        self.held: set[bytes] = set()
        """Blobs that some stream is sending in parts."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: bytes) -> Path:
        """Where a blob gathers."""
        return self._directory / sha256.hex()

    def arrived(self, sha256: bytes) -> int:
        """How much of it is there already."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def remove_abandoned(self) -> None:
        """Removes what nobody has gone on with for as long as a sender tries."""
        for path in [*self._directory.iterdir(), *self.store.asides()]:
            if time.time() - path.stat().st_mtime > limits.GIVE_UP_AFTER_S:
                path.unlink()


class Reception:
    """What one stream sends. ``answer`` is called with the outcome of each blob."""

    def __init__(self, arrivals: Arrivals, tasks: asyncio.TaskGroup, answer: Callable[[Answer], None]) -> None:
        self._arrivals = arrivals
        self._tasks = tasks
        self._answer = answer
        self._arriving: dict[bytes, _Arriving] = {}
        self._refused_to: dict[bytes, int] = {}
        """Where the last refused part of a blob ended: what follows it was on its way when it was refused."""

    async def take(self, part: wire.BlobPart) -> None:
        """Takes one part in. Returns when more may come."""
        digest, size = part.blob.sha256, part.blob.bytes
        if len(digest) != 32 or size > limits.BLOB_BYTES_MAX or part.offset + len(part.data) > size:
            self._refuse(digest, wire.BLOB_OUTCOME_INVALID, f"at most {limits.BLOB_BYTES_MAX:,} bytes make a blob")
            return
        if part.offset == 0 and len(part.data) == size:
            await self._arrivals.budget.take(size)
            storing = self._tasks.create_task(self._store(Blob(digest.hex(), size), part.data))
            storing.add_done_callback(lambda _: self._arrivals.budget.give_back(size))
            return
        try:
            arriving = await self._followed(part)
            if arriving is not None:
                await _in_thread(_append, arriving, part.data)
                if arriving.size == size:
                    self._let_go(digest)
                    await self._complete(Blob(digest.hex(), size), arriving)
        except (StoreError, OSError) as error:
            self._let_go(digest)
            self._refused_to[digest] = part.offset + len(part.data)
            self._fail(digest, error)

    async def _followed(self, part: wire.BlobPart) -> _Arriving | None:
        """The blob when the part goes on from where it is; else None, and that is answered."""
        digest = part.blob.sha256
        arriving = self._arriving.get(digest)
        if arriving is None:
            if digest in self._arrivals.held:
                self._refused_to[digest] = part.offset + len(part.data)
                self._refuse(digest, wire.BLOB_OUTCOME_UNAVAILABLE, "somebody else is sending this blob")
                return None
            if self._arrivals.arrived(digest) != part.offset:
                self._out_of_place(part)
                return None
            arriving = await self._opened(part.blob)
        if arriving.size != part.offset:
            self._let_go(digest)
            self._out_of_place(part)
            return None
        self._refused_to.pop(digest, None)
        return arriving

    async def _opened(self, blob: wire.Blob) -> _Arriving:
        """The blob, which from now on no other stream sends."""
        self._arrivals.store.require_room(blob.bytes)
        self._arrivals.held.add(blob.sha256)
        try:
            await _in_thread(self._open, blob.sha256)
        except BaseException:
            self._let_go(blob.sha256)
            self._arrivals.held.discard(blob.sha256)
            raise
        return self._arriving[blob.sha256]

    def _open(self, digest: bytes) -> None:
        self._arriving[digest] = _opened(self._arrivals.path(digest))

    def _out_of_place(self, part: wire.BlobPart) -> None:
        """Answers once for all parts that were on their way."""
        digest = part.blob.sha256
        follows = bool(part.data) and self._refused_to.get(digest) == part.offset
        self._refused_to[digest] = part.offset + len(part.data)
        if not follows:
            self._refuse(digest, wire.BLOB_OUTCOME_OUT_OF_PLACE, "this is not where the blob goes on")

    async def _complete(self, blob: Blob, arrived: _Arriving) -> None:
        key = bytes.fromhex(blob.sha256)
        if arrived.digest.hexdigest() != blob.sha256:
            arrived.path.unlink()
            self._refuse(key, wire.BLOB_OUTCOME_CORRUPT, CORRUPT)
            return
        await self._arrivals.store.adopt(blob, arrived.path)
        await self._arrivals.entries.enter(blob)
        self._answer(Answer(sha256=key, outcome=wire.BLOB_OUTCOME_STORED))

    async def _store(self, blob: Blob, data: bytes) -> None:
        key = bytes.fromhex(blob.sha256)
        try:
            if hashlib.sha256(data).digest() != key:
                self._refuse(key, wire.BLOB_OUTCOME_CORRUPT, CORRUPT)
                return
            await self._arrivals.store.put(blob, data)
            await self._arrivals.entries.enter(blob)
            self._answer(Answer(sha256=key, outcome=wire.BLOB_OUTCOME_STORED))
        except (StoreError, OSError) as error:
            self._fail(key, error)

    def _fail(self, digest: bytes, error: Exception) -> None:
        full = isinstance(error, StoreFullError) or (isinstance(error, OSError) and error.errno == errno.ENOSPC)
        self._refuse(digest, wire.BLOB_OUTCOME_NO_SPACE if full else wire.BLOB_OUTCOME_UNAVAILABLE, str(error))

    def _refuse(self, digest: bytes, outcome: "wire.BlobOutcome", message: str) -> None:
        retry_after_s = (
            limits.RETRY_AFTER_S if outcome in (wire.BLOB_OUTCOME_NO_SPACE, wire.BLOB_OUTCOME_UNAVAILABLE) else 0
        )
        self._answer(Answer(sha256=digest, outcome=outcome, message=message, retry_after_s=retry_after_s))

    def _let_go(self, digest: bytes) -> None:
        arriving = self._arriving.pop(digest, None)
        if arriving is not None:
            arriving.file.close()
            self._arrivals.held.discard(digest)

    def close(self) -> None:
        """The stream is over: what is not whole stays for the next one."""
        for digest in list(self._arriving):
            self._let_go(digest)


CORRUPT = "what came is not what its digest says"


async def _in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """What it returns; also a stream that ends waits for it, since nobody else may go on with the file before."""
    working = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


def _opened(path: Path) -> _Arriving:
    file = FileIO(path, "ab+")
    try:
        digest = hashlib.sha256()
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
        return _Arriving(path, file, digest, file.tell())
    except BaseException:
        file.close()
        raise


def _append(arriving: _Arriving, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(arriving.file.fileno(), view) :]
    except OSError:
        os.ftruncate(arriving.file.fileno(), arriving.size)
        raise
    arriving.digest.update(data)
    arriving.size += len(data)
