"""Blobs over real gRPC into a real folder: what is answered, and what is there afterwards."""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from runwell.core import limits
from runwell.core.blobs import Blob
from runwell.v1 import collector_pb2 as wire
from runwell.v1.collector_pb2_grpc import CollectorServiceStub
from runwell_collector.blobs import arrivals
from runwell_collector.blobs.arrivals import Budget, Entries
from runwell_collector.blobs.index import BlobIndex
from runwell_collector.collector import Collector
from tests.collector.conftest import StartCollector, Surroundings

PATIENCE_S = 20.0


def digest(content: bytes) -> bytes:
    """A content's name."""
    return hashlib.sha256(content).digest()


def blob(content: bytes) -> wire.Blob:
    """How a content is named on the wire."""
    return wire.Blob(sha256=digest(content), bytes=len(content))


def part(content: bytes, offset: int = 0, end: int | None = None) -> wire.BlobPart:
    """A part of a content."""
    return wire.BlobPart(blob=blob(content), offset=offset, data=content[offset:end])


class Sender:
    """A stream of blobs."""

    def __init__(self, stub: CollectorServiceStub) -> None:
        self._stub = stub
        self.call = stub.StoreBlobs()

    async def send(self, *parts: wire.BlobPart) -> None:
        await self.call.write(wire.StoreBlobsRequest(parts=parts))

    async def outcomes(self, count: int) -> dict[bytes, "wire.BlobOutcome"]:
        """The next answers."""
        found: dict[bytes, wire.BlobOutcome] = {}
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                message = await self.call.read()
                assert message is not grpc.aio.EOF
                found.update({answer.sha256: answer.outcome for answer in message.answers})
        return found

    async def missing(self, *contents: bytes) -> dict[int, int]:
        """Which of these are not there, and how much of each is."""
        found = await self._stub.FindBlobs(wire.FindBlobsRequest(blobs=map(blob, contents)))
        return {missing.index: missing.offset for missing in found.missing}


@asynccontextmanager
async def sender(collector: Collector) -> AsyncIterator[Sender]:
    """A connection with a stream."""
    async with grpc.aio.insecure_channel(str(collector.grpc)) as channel:
        its = Sender(CollectorServiceStub(channel))
        yield its
        its.call.cancel()


def stored(tmp_path: Path) -> dict[str, bytes]:
    """What the folder has."""
    return {path.name: path.read_bytes() for path in (tmp_path / "data" / "blobs").glob("??/*")}


async def test_small_and_large_blobs_alternate(collector: Collector, tmp_path: Path):
    """One that comes whole, one in parts with others between them, and an empty one: each is answered once and is there."""
    large = os.urandom(300_000)
    async with sender(collector) as to:
        assert await to.missing(b"small", large, b"") == {0: 0, 1: 0, 2: 0}
        await to.send(part(large, 0, 100_000), part(b"small"), part(large, 100_000, 200_000))
        await to.send(part(b""), part(large, 200_000))
        assert set((await to.outcomes(3)).values()) == {wire.BLOB_OUTCOME_STORED}
        assert await to.missing(b"small", large, b"", b"another") == {3: 0}
    assert stored(tmp_path) == {digest(content).hex(): content for content in (large, b"small", b"")}
    assert not list((tmp_path / "data" / "incoming").iterdir())


async def test_a_broken_stream_is_gone_on_with(start_collector: StartCollector, tmp_path: Path):
    """What came before a stream, or the collector, ended is there; the rest makes it whole."""
    content = os.urandom(300_000)
    async with start_collector() as collector, sender(collector) as to:
        await to.send(part(content, 0, 100_000), part(b"small"))
        await to.outcomes(1)
    async with start_collector() as collector, sender(collector) as to:
        assert await to.missing(content) == {0: 100_000}
        await to.send(part(content, 100_000))
        assert await to.outcomes(1) == {digest(content): wire.BLOB_OUTCOME_STORED}
    assert stored(tmp_path)[digest(content).hex()] == content


async def test_what_is_not_what_it_says_is_thrown_away(collector: Collector, tmp_path: Path):
    """A digest that does not match, in one part and in two: nothing of it stays, and the right content is taken then."""
    right, wrong = b"r" * 1000, b"w" * 1000
    named_wrong = [wire.BlobPart(blob=blob(right), offset=0, data=wrong)]
    halves = [wire.BlobPart(blob=blob(right), offset=offset, data=wrong[offset : offset + 500]) for offset in (0, 500)]
    async with sender(collector) as to:
        for parts in (named_wrong, halves):
            await to.send(*parts)
            assert await to.outcomes(1) == {digest(right): wire.BLOB_OUTCOME_CORRUPT}
            assert await to.missing(right) == {0: 0}
        await to.send(part(right))
        assert await to.outcomes(1) == {digest(right): wire.BLOB_OUTCOME_STORED}
    assert stored(tmp_path) == {digest(right).hex(): right}


async def test_a_part_out_of_place_is_answered_once(collector: Collector):
    """Parts after one that is missing are not taken, and the sender is told once where it is asked about."""
    content = os.urandom(1000)
    async with sender(collector) as to:
        await to.send(part(content, 0, 100), part(content, 200, 300), part(content, 300, 400), part(b"marker"))
        assert await to.outcomes(2) == {
            digest(content): wire.BLOB_OUTCOME_OUT_OF_PLACE,
            digest(b"marker"): wire.BLOB_OUTCOME_STORED,
        }
        assert await to.missing(content) == {0: 100}
        await to.send(part(content, 100))
        assert await to.outcomes(1) == {digest(content): wire.BLOB_OUTCOME_STORED}


async def test_two_senders_of_one_blob(collector: Collector, tmp_path: Path):
    """While one sends it in parts another is told to come later; when the first is gone the other goes on."""
    content = os.urandom(1000)
    async with sender(collector) as second:
        async with sender(collector) as first:
            await first.send(part(content, 0, 500), part(b"marker"))
            await first.outcomes(1)
            await second.send(part(content, 500))
            assert await second.outcomes(1) == {digest(content): wire.BLOB_OUTCOME_UNAVAILABLE}
        async with asyncio.timeout(PATIENCE_S):
            outcome = wire.BLOB_OUTCOME_UNAVAILABLE
            while outcome == wire.BLOB_OUTCOME_UNAVAILABLE:
                async with sender(collector) as third:
                    await third.send(part(content, 500))
                    outcome = (await third.outcomes(1))[digest(content)]
    assert outcome == wire.BLOB_OUTCOME_STORED
    assert stored(tmp_path)[digest(content).hex()] == content


async def test_a_full_store_is_waited_for(collector: Collector, surroundings: Surroundings, tmp_path: Path):
    """Without room blobs are refused for now, small and large; with room the same stream takes them."""
    small, large = b"small", os.urandom(1000)
    async with sender(collector) as to:
        surroundings.free_bytes = limits.LOG_FREE_BYTES_MIN
        await to.send(part(small), part(large, 0, 500))
        assert set((await to.outcomes(2)).values()) == {wire.BLOB_OUTCOME_NO_SPACE}
        surroundings.free_bytes = 1 << 40
        await to.send(part(small), part(large, 0, 500), part(large, 500))
        assert set((await to.outcomes(2)).values()) == {wire.BLOB_OUTCOME_STORED}
    assert set(stored(tmp_path)) == {digest(small).hex(), digest(large).hex()}


async def test_every_try_is_answered(collector: Collector, surroundings: Surroundings, tmp_path: Path):
    """However often a full disk, or another sender, refuses a blob: the same stream is told each time, and in the end takes it."""
    small, large, taken = b"small", os.urandom(1000), os.urandom(900)
    async with sender(collector) as other, sender(collector) as to:
        await other.send(part(taken, 0, 300), part(b"marker"))
        await other.outcomes(1)
        surroundings.free_bytes = limits.LOG_FREE_BYTES_MIN
        for _ in range(3):
            await to.send(part(small), part(large, 0, 500), part(large, 500), part(taken, 300))
            found = await to.outcomes(3)
            assert found.pop(digest(taken)) == wire.BLOB_OUTCOME_UNAVAILABLE
            assert set(found.values()) == {wire.BLOB_OUTCOME_NO_SPACE}
        surroundings.free_bytes = 1 << 40
        await other.send(part(taken, 300))
        await other.outcomes(1)
        await to.send(part(small), part(large, 0, 500), part(large, 500))
        assert set((await to.outcomes(2)).values()) == {wire.BLOB_OUTCOME_STORED}
    assert {digest(content).hex() for content in (small, large, taken)} < set(stored(tmp_path))


async def test_a_blob_that_could_not_be_begun_is_nobodys(collector: Collector, tmp_path: Path):
    """Where its file could not be opened, the next try is taken."""
    content, incoming = os.urandom(1000), tmp_path / "data" / "incoming"
    async with sender(collector) as to:
        incoming.rmdir()
        await to.send(part(content, 0, 500))
        assert await to.outcomes(1) == {digest(content): wire.BLOB_OUTCOME_UNAVAILABLE}
        incoming.mkdir()
        await to.send(part(content, 0, 500), part(content, 500))
        assert await to.outcomes(1) == {digest(content): wire.BLOB_OUTCOME_STORED}


@pytest.mark.parametrize("slow", ["_opened", "_append"])
async def test_a_stream_that_ends_while_the_disk_works(
    slow: str, collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nobody else goes on with its blob before the disk is done, and then somebody can: what is stored is what was named."""
    content, begun, go_on = os.urandom(1000), threading.Event(), threading.Event()
    function = getattr(arrivals, slow)

    def slowly(*arguments: object) -> object:
        if not begun.is_set():
            begun.set()
            go_on.wait(PATIENCE_S)
        return function(*arguments)

    monkeypatch.setattr(arrivals, slow, slowly)
    async with sender(collector) as first:
        await first.send(part(content, 0, 500))
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    try:
        async with sender(collector) as second:
            await second.send(part(content, 0, 500))
            assert await second.outcomes(1) == {digest(content): wire.BLOB_OUTCOME_UNAVAILABLE}
    finally:
        go_on.set()
    outcome = wire.BLOB_OUTCOME_UNAVAILABLE
    async with asyncio.timeout(PATIENCE_S), sender(collector) as third:
        while outcome != wire.BLOB_OUTCOME_STORED:
            offset = (await third.missing(content))[0]
            await third.send(part(content, offset))
            outcome = (await third.outcomes(1))[digest(content)]
            assert outcome != wire.BLOB_OUTCOME_CORRUPT
    assert stored(tmp_path) == {digest(content).hex(): content}


async def test_what_waits_for_the_index_does_not_depend_on_one_stream(tmp_path: Path):
    """The stream of the blob that came first ends while it is entered: those beside and behind it are entered all the same."""
    begun, go_on = threading.Event(), threading.Event()

    class SlowIndex(BlobIndex):
        def add(self, blobs: Iterable[Blob]) -> None:
            begun.set()
            go_on.wait(PATIENCE_S)
            super().add(blobs)

    index = SlowIndex(tmp_path / "blobs.db")
    entries = Entries(index)
    digests = [digest(bytes([number])) for number in range(3)]
    first, beside = (asyncio.create_task(entries.enter(Blob(one.hex(), 1))) for one in digests[:2])
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    behind = asyncio.create_task(entries.enter(Blob(digests[2].hex(), 1)))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    go_on.set()
    await asyncio.wait_for(asyncio.gather(beside, behind), PATIENCE_S)
    assert index.known(digests) == set(digests)
    index.close()


async def test_nothing_is_answered_for_before_it_is_entered(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    """While the disk of the index works, what came later and is wrong is answered, and what is right is not."""
    go_on, add = threading.Event(), BlobIndex.add

    def slowly(self: BlobIndex, blobs: Iterable[Blob]) -> None:
        go_on.wait(PATIENCE_S)
        add(self, blobs)

    monkeypatch.setattr(BlobIndex, "add", slowly)
    wrong = wire.BlobPart(blob=blob(b"right"), offset=0, data=b"wrong")
    async with sender(collector) as to:
        try:
            await to.send(part(b"small"))
            await to.send(wrong)
            assert await to.outcomes(1) == {digest(b"right"): wire.BLOB_OUTCOME_CORRUPT}
        finally:
            go_on.set()
        assert await to.outcomes(1) == {digest(b"small"): wire.BLOB_OUTCOME_STORED}


async def test_contents_and_folders_are_synced_before_a_blob_is_answered_for(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whatever gets a blob's name is on the disk by then, so that a power cut cannot leave an empty one, nor one instead of
    what was there; the name, and the folder that it is in, follow."""
    synced: set[int] = set()
    unsynced: list[Path] = []
    fsync, rename = os.fsync, Path.rename

    def note(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def check(self: Path, target: Path) -> Path:
        if self.stat().st_ino not in synced:
            unsynced.append(target)
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "rename", check)
    large = os.urandom(1000)
    async with sender(collector) as to:
        await to.send(part(b"small"), part(large, 0, 500), part(large, 500))
        assert set((await to.outcomes(2)).values()) == {wire.BLOB_OUTCOME_STORED}
    folder = tmp_path / "data" / "blobs"
    assert not unsynced
    blobs = list(folder.glob("??/*"))
    assert len(blobs) == 2
    assert {path.stat().st_ino for path in [folder, *blobs, *(blob.parent for blob in blobs)]} <= synced


@pytest.mark.parametrize(
    "wrong",
    [
        wire.BlobPart(blob=wire.Blob(sha256=b"../../etc/passwd", bytes=1), data=b"x"),
        wire.BlobPart(blob=wire.Blob(sha256=bytes(32), bytes=limits.BLOB_BYTES_MAX + 1), data=b"x"),
        wire.BlobPart(blob=wire.Blob(sha256=bytes(32), bytes=1), data=b"xx"),
        wire.BlobPart(blob=wire.Blob(sha256=bytes(32), bytes=10), offset=9, data=b"xx"),
    ],
    ids=["no digest", "too long", "more than it says", "beyond its end"],
)
async def test_what_is_no_blob_is_refused(wrong: wire.BlobPart, collector: Collector, tmp_path: Path):
    """It is answered as invalid, and nothing is written anywhere."""
    async with sender(collector) as to:
        await to.send(wrong)
        assert await to.outcomes(1) == {wrong.blob.sha256: wire.BLOB_OUTCOME_INVALID}
    assert not stored(tmp_path)
    assert not list((tmp_path / "data" / "incoming").iterdir())


async def test_a_question_is_bounded(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    """Of more blobs than the limit the first are answered for."""
    monkeypatch.setattr(limits, "BLOBS_ASKED_MAX", 2)
    async with sender(collector) as to:
        assert await to.missing(b"a", b"b", b"c") == {0: 0, 1: 0}


async def test_an_index_that_was_lost_is_made_again(start_collector: StartCollector, tmp_path: Path):
    """Without it the store is listed: what is there is not asked for again."""
    async with start_collector() as collector, sender(collector) as to:
        await to.send(part(b"kept"))
        await to.outcomes(1)
    for path in (tmp_path / "data").glob("blobs.db*"):
        path.unlink()
    async with start_collector() as collector, sender(collector) as to:
        assert await to.missing(b"kept", b"never") == {1: 0}


async def test_another_store_has_nothing_of_the_first(start_collector: StartCollector, tmp_path: Path):
    """The index speaks of one store: with another URL it is made anew."""
    async with start_collector() as collector, sender(collector) as to:
        await to.send(part(b"here"))
        await to.outcomes(1)
    other = tmp_path / "other place"
    async with start_collector(blobs=f"file://{other}".replace(" ", "%20")) as collector, sender(collector) as to:
        assert await to.missing(b"here") == {0: 0}
        await to.send(part(b"there"))
        await to.outcomes(1)
    assert [path.name for path in other.glob("??/*")] == [digest(b"there").hex()]


async def test_what_is_in_hand_is_bounded():
    """At the limit further ones wait for those before; one that is larger than the limit comes alone."""
    budget = Budget(bytes_max=100, count_max=2)
    await budget.take(1000)
    waiting = asyncio.create_task(budget.take(50))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.give_back(1000)
    await asyncio.wait_for(waiting, PATIENCE_S)
    await budget.take(50)
    third = asyncio.create_task(budget.take(0))
    await asyncio.sleep(0)
    assert not third.done()
    budget.give_back(50)
    await asyncio.wait_for(third, PATIENCE_S)


def test_an_index_takes_more_than_one_question_holds(tmp_path: Path):
    """Digests are asked for some hundreds at a time, and none is forgotten."""
    index = BlobIndex(tmp_path / "blobs.db")
    digests = [digest(str(number).encode()) for number in range(1_200)]
    index.add(Blob(one.hex(), 1) for one in digests[::2])
    assert index.known(digests) == set(digests[::2])
    index.close()
