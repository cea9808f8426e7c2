"""Decisions about artifacts in a real collector's log: each wish has one, once all of its files are there."""

import asyncio
from contextlib import closing
from pathlib import Path

from runwell.core.artifacts.manifest import Entry, digest_of, manifest_bytes
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import event_pb2
from runwell_collector.collector import Collector
from runwell_collector.log import decode_events, open_log_reader
from tests.collector.conftest import StartCollector
from tests.collector.sender import Stream, Writer, encoded
from tests.collector.test_blobs import digest, part, sender
from tests.server import until

ASSIGNED = "artifact_version_assigned"


def manifest_of(content: bytes) -> tuple[str, bytes]:
    """Digest and manifest of an artifact of one file."""
    entries = [Entry("x", digest(content).hex(), len(content))]
    return digest_of(entries), manifest_bytes(entries)


def wish(content: bytes) -> event_pb2.Event:
    """That content, logged as "data"."""
    whole, manifest = manifest_of(content)
    logged = event_pb2.ArtifactLogged(
        id=whole[:16], name="data", type="dataset", sha256=whole, file_count=1, bytes=len(content)
    )
    logged.files.add(path="manifest", sha256=digest(manifest).hex(), bytes=len(manifest))
    return event_pb2.Event(time=1.5, artifact_logged=logged)


async def store(collector: Collector, *contents: bytes) -> None:
    async with sender(collector) as to:
        await to.send(*map(part, contents))
        assert set((await to.outcomes(len(contents))).values()) == {wire.BLOB_OUTCOME_STORED}


def decisions(data_dir: Path) -> list[tuple[str, int]]:
    """By the log: the digests of what was decided about, and the versions that they got."""
    with closing(open_log_reader(data_dir)) as log:
        batches = [batch for batch in log.read(0, 1_000, 1 << 20) if batch.count]
    events = [event for batch in batches for event in decode_events(batch.codec, batch.events).events]
    said = [getattr(event, ASSIGNED) for event in events if event.WhichOneof("event") == ASSIGNED]
    return [(its.sha256, its.version) for its in said]


async def decided(data_dir: Path, count: int) -> list[tuple[str, int]]:
    """Waits for so many decisions."""
    await asyncio.to_thread(until, lambda: len(decisions(data_dir)) >= count, f"{count} decisions")
    return decisions(data_dir)


async def test_a_decision_that_the_log_has_is_not_made_again(start_collector: StartCollector, tmp_path: Path):
    """Collectors that know nothing but the log, as after a kill before anything was noted, go on where the last one was."""
    data_dir, writer = tmp_path / "data", Writer()
    contents = [bytes([number]) for number in range(3)]
    versions = [(manifest_of(content)[0], number) for number, content in enumerate(contents)]
    for number, content in enumerate(contents):
        async with start_collector() as collector, Stream(collector.grpc) as stream:
            await store(collector, content, manifest_of(content)[1])
            await stream.opened(writer)
            await stream.send(writer.batch(number + 1, events=encoded(wish(content))))
            await stream.acked(number + 1)
            assert await decided(data_dir, number + 1) == versions[: number + 1]
        for path in data_dir.glob("catalogue.db*"):
            path.unlink()


async def test_no_version_before_everything_is_stored(collector: Collector, tmp_path: Path):
    """An artifact whose manifest is there waits for its file, while another one of the same name does not wait for it for ever."""
    late, early = b"late", b"early"
    data_dir, first, second = tmp_path / "data", Writer("r1"), Writer("r2")
    await store(collector, manifest_of(late)[1], manifest_of(early)[1], early)
    async with Stream(collector.grpc) as stream:
        for writer, content in ((first, late), (second, early)):
            await stream.opened(writer)
            await stream.send(writer.batch(1, events=encoded(wish(content))))
            await stream.acked(1)
        # The second writer's is decided although the first one's came before it.
        assert await decided(data_dir, 1) == [(manifest_of(early)[0], 0)]
        await store(collector, late)
        assert await decided(data_dir, 2) == [(manifest_of(early)[0], 0), (manifest_of(late)[0], 1)]
