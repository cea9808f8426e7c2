"""The collector over real gRPC and a real log."""

import asyncio
import sqlite3
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from runwell.core import limits
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import event_pb2
from runwell_collector.collector import Collector
from runwell_collector.log import StoredBatch, decode_events
from runwell_collector.log.files import compressed_offsets
from runwell_collector.log.segment import first_offsets
from tests.collector.conftest import StartCollector, Surroundings
from tests.collector.sender import Stream, Writer, encoded, rows

PATIENCE_S = 20.0
HEARTBEAT = wire.Request(heartbeat=wire.Heartbeat())


async def stored_of(collector: Collector, writer: Writer) -> list[StoredBatch]:
    """The writer's batches and control entries, in the order of the log."""
    found: list[StoredBatch] = []
    while batches := await collector.log.read(found[-1].offset if found else 0, 1_000, 1 << 24):
        found += batches
    return [batch for batch in found if batch.writer == writer.id]


async def records(collector: Collector, writer: Writer) -> list[int]:
    """Numbers of the writer's records, as the log has them."""
    stored = await stored_of(collector, writer)
    return [number for batch in stored for number in range(batch.first, batch.first + batch.count)]


async def controls(collector: Collector, writer: Writer) -> list[str]:
    """Kinds of the control entries about the writer."""
    about = [batch for batch in await stored_of(collector, writer) if batch.count == 0]
    return [str(decode_events(batch.codec, batch.events).events[0].WhichOneof("event")) for batch in about]


async def fetched(collector: Collector, path: str) -> tuple[int, str]:
    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{collector.http}{path}", timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(fetch)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what the collector does by itself."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  There is no event to wait for.
            await asyncio.sleep(0.005)


async def until_silent(collector: Collector, writer: Writer) -> None:
    """Waits until the log says that the writer is silent, and nothing else about it."""
    async with asyncio.timeout(PATIENCE_S):
        while await controls(collector, writer) != ["writer_silent"]:  # noqa: ASYNC110  As above.
            await asyncio.sleep(0.005)


async def begun(condition: Callable[[], bool]) -> None:
    """Returns in the very turn in which the collector has come so far."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  There is no event to wait for.
            await asyncio.sleep(0)


async def test_records_are_acknowledged_and_stored(collector: Collector):
    """Pipelined batches of two writers of one stream are in the log, with what was sent, when their acks come."""
    async with Stream(collector.grpc) as stream:
        first, second = Writer("first"), Writer("second")
        welcome = await stream.opened(first)
        assert (welcome.durable, welcome.chain, welcome.log_id) == (0, 0, collector.log.log_id)
        await stream.opened(second)
        await stream.send(first.batch(1, 3), first.batch(4, 2), second.batch(1, 1))
        ends = {first.id: 0, second.id: 0}
        while ends != {first.id: 5, second.id: 1}:
            ack = await stream.expect("ack")
            ends[ack.writer_id] = ack.durable
        assert await records(collector, first) == [1, 2, 3, 4, 5]
        assert await records(collector, second) == [1]
        (stored, *_) = await collector.log.read(0, 10, 1 << 20)
        assert tuple(stored.run) == ("lab", "digits", "first")
        assert decode_events(stored.codec, stored.events).events[0].metric_logged.columns[0].f64.values == [
            1.0,
            2.0,
            3.0,
        ]


async def test_compressed_batches_are_stored_as_sent(collector: Collector):
    """A zlib batch, also one beyond the size that is checked beside the loop, is kept in its compressed form."""
    async with Stream(collector.grpc) as stream:
        writer = Writer()
        await stream.opened(writer)
        values = [zlib.crc32(str(number).encode()) / 7 for number in range(65_000 * 4)]
        events = [rows(values[start : start + 65_000], index=0, key=str(start)) for start in range(0, 260_000, 65_000)]
        columns = [event.metric_logged.columns[0] for event in events]
        events[0].metric_logged.columns.extend(columns[1:])
        request = writer.batch(1, 65_000, events=zlib.compress(encoded(events[0]), 1))
        request.batch.codec = wire.CODEC_ZLIB
        assert len(request.batch.events) > limits.ADMIT_BESIDE_BYTES
        await stream.send(request)
        await stream.acked(65_000)
        (stored,) = await collector.log.read(0, 10, 1 << 30)
        assert stored.events == request.batch.events


async def test_the_latest_stream_wins(collector: Collector):
    """Two streams of one writer at the same time: the older one is fenced, and no record is stored twice."""
    writer = Writer()
    async with Stream(collector.grpc) as older, Stream(collector.grpc) as newer:
        await older.opened(writer)
        await older.send(writer.batch(1, 2))
        await older.acked(2)
        assert (await newer.opened(writer)).durable == 2
        await older.expect("fenced")
        await older.send(writer.batch(3), writer.batch(4))
        await newer.send(writer.batch(3, 2))
        await newer.acked(4)
        other = Writer("other")
        await older.opened(other)
        await older.send(other.batch(1))
        await older.acked(1)
        assert await records(collector, writer) == [1, 2, 3, 4]


async def test_a_copy_is_told_that_it_forked(collector: Collector):
    """A sender with another past is refused for good by its chain; the true one goes on."""
    writer = Writer()
    copy = Writer(id=writer.id, salt=1)
    async with Stream(collector.grpc) as first, Stream(collector.grpc) as second:
        await first.opened(writer)
        await first.send(writer.batch(1, 2))
        await first.acked(2)
        assert (await second.opened(copy)).chain == writer.chain(2) != copy.chain(2)
        await first.expect("fenced")
        await second.send(copy.batch(3))
        refused = await second.expect("refused")
        assert (refused.reason, refused.final) == (wire.REFUSAL_REASON_WRITER_FORKED, True)
        assert "new writer" in refused.message
        await first.opened(writer)
        await first.send(writer.batch(3))
        await first.acked(3)
    assert await records(collector, writer) == [1, 2, 3]


async def test_a_bad_record_is_found_by_bisection(collector: Collector):
    """A batch with one bad record is refused with its number; halves find it, and RecordRefused takes its place."""
    writer, bad = Writer(), 5
    async with Stream(collector.grpc) as stream:
        await stream.opened(writer)
        first, count = 1, 8
        while first <= 8:
            count = min(count, 9 - first)
            await stream.send(writer.batch(first, count, encoded(*single_records(first, count, bad))))
            kind, answer = await stream.answer()
            if kind == "ack":
                first, count = first + count, 8
            elif count > 1:
                assert (kind, answer.reason, answer.final) == ("refused", wire.REFUSAL_REASON_INVALID, True)
                assert answer.message.startswith(f"record {bad} (config_set)")
                count //= 2
            else:
                assert first == bad
                place = event_pb2.Event(record_refused=event_pb2.RecordRefused(reason=answer.message, bytes=3))
                await stream.send(writer.batch(first, 1, encoded(place)))
                await stream.acked(bad)
                first, count = first + 1, 8
    assert await records(collector, writer) == list(range(1, 9))


def single_records(first: int, count: int, bad: int) -> list[event_pb2.Event]:
    return [
        event_pb2.Event(index=record - first, config_set=event_pb2.ConfigSet(set_json="{" if record == bad else "{}"))
        for record in range(first, first + count)
    ]


async def test_a_refused_writer_stalls_nobody(collector: Collector):
    """While one writer's batches are refused over and over, another of the same stream is acknowledged."""
    good, bad = Writer("good"), Writer("bad")
    async with Stream(collector.grpc) as stream:
        await stream.opened(good)
        await stream.opened(bad)
        for record in range(1, 20):
            await stream.send(bad.batch(1, 1, b"\xff"), good.batch(record), bad.batch(7))
        refusals, durable = 0, 0
        while durable < 19 or refusals < 19:
            kind, answer = await stream.answer()
            refusals += kind == "refused"
            durable = answer.durable if kind == "ack" else durable
    assert await records(collector, good) == list(range(1, 20))


async def test_a_message_beyond_the_limit_is_answered(collector: Collector):
    """A batch of more bytes than are taken comes back as invalid, so that the sender can bisect; the stream lives on."""
    writer = Writer()
    async with Stream(collector.grpc) as stream:
        await stream.opened(writer)
        await stream.send(writer.batch(1, 1, bytes(limits.BATCH_BYTES_MAX + 1)))
        assert (await stream.expect("refused")).reason == wire.REFUSAL_REASON_INVALID
        await stream.send(writer.batch(1))
        await stream.acked(1)


async def test_everything_sent_before_the_end_of_a_stream_is_answered(collector: Collector):
    """A client that has said everything still gets every ack, and then a regular end."""
    writer = Writer()
    async with Stream(collector.grpc) as stream:
        await stream.opened(writer)
        await stream.send(*[writer.batch(record) for record in range(1, 30)])
        await stream.no_more_requests()
        await stream.acked(29)
        assert await stream.answer() == ("over", grpc.StatusCode.OK)


async def test_a_graceful_stop_acknowledges_what_was_taken(start_collector: StartCollector):
    """At a stop the stream ends as unavailable, and what was acknowledged or not is in the log after the next start."""
    writer = Writer()
    async with start_collector() as collector:
        stream = Stream(collector.grpc)
        await stream.opened(writer)
        await stream.send(*[writer.batch(record) for record in range(1, 50)])
        await stream.acked(1)
    durable = 1
    while (answer := await stream.answer())[0] == "ack":
        durable = answer[1].durable
    assert answer == ("over", grpc.StatusCode.UNAVAILABLE)
    await stream.__aexit__()
    async with start_collector() as collector, Stream(collector.grpc) as stream:
        assert (await stream.opened(writer)).durable == durable
        await stream.send(writer.batch(durable + 1))
        await stream.acked(durable + 1)
        assert await records(collector, writer) == list(range(1, durable + 2))


async def test_segments_rotate_under_senders(start_collector: StartCollector):
    """With segments of a few batches each, two writers are acknowledged over many rotations and a restart."""
    writers = [Writer("a"), Writer("b")]
    for first in (1, 31):
        async with start_collector(segment_bytes_max=150 << 10) as collector, Stream(collector.grpc) as stream:
            for writer in writers:
                assert (await stream.opened(writer)).durable == first - 1
            for record in range(first, first + 30):
                events = encoded(event_pb2.Event(run_annotated=event_pb2.RunAnnotated(by="x" * 9000)))
                await stream.send(*[writer.batch(record, 1, events) for writer in writers])
            ends = {writer.id: 0 for writer in writers}
            while min(ends.values()) < first + 29:
                ack = await stream.expect("ack")
                ends[ack.writer_id] = ack.durable
            for writer in writers:
                assert await records(collector, writer) == list(range(1, first + 30))


async def test_closed_segments_are_compressed_by_themselves(start_collector: StartCollector, tmp_path: Path):
    """After rotations only the segment that is appended to is left as it was written, and every record is read as before."""
    writer = Writer()
    events = encoded(event_pb2.Event(run_annotated=event_pb2.RunAnnotated(by="x" * 9000)))
    async with start_collector(segment_bytes_max=100 << 10) as collector, Stream(collector.grpc) as stream:
        await stream.opened(writer)
        for record in range(1, 41):
            await stream.send(writer.batch(record, 1, events))
            await stream.acked(record)
        (log_dir,) = tmp_path.rglob("log")
        await until(lambda: len(first_offsets(log_dir)) == 1 and len(compressed_offsets(log_dir)) >= 3)
        assert await records(collector, writer) == list(range(1, 41))


async def test_a_full_disk_refuses_and_recovers(start_collector: StartCollector, surroundings: Surroundings):
    """Below the limit batches are refused with a time to retry and nothing is ready; with space again all goes on."""
    writer = Writer()
    async with start_collector() as collector, Stream(collector.grpc) as stream:
        await stream.opened(writer)
        await stream.send(writer.batch(1))
        await stream.acked(1)
        surroundings.free_bytes = limits.LOG_FREE_BYTES_MIN - 1
        await until(lambda: not collector.intake.has_space)
        await stream.send(writer.batch(2))
        refused = await stream.expect("refused")
        assert (refused.reason, refused.final, refused.first) == (wire.REFUSAL_REASON_NO_SPACE, False, 2)
        assert refused.retry_after_s == limits.RETRY_AFTER_S
        assert (await fetched(collector, "/-/healthy"))[0] == 200
        status, text = await fetched(collector, "/-/ready")
        assert (status, "disk" in text) == (503, True)
        surroundings.free_bytes = limits.LOG_FREE_BYTES_MIN
        await until(lambda: collector.intake.has_space)
        assert (await fetched(collector, "/-/ready"))[0] == 200
        await stream.send(writer.batch(2))
        await stream.acked(2)
        assert await records(collector, writer) == [1, 2]


async def test_a_full_database_refuses_and_recovers(collector: Collector):
    """When SQLite itself finds the disk full, its senders are told, nothing is acknowledged, and a retry is taken."""
    writer = Writer()
    async with Stream(collector.grpc) as stream:
        await stream.opened(writer)
        await collector.log._appender.execute("PRAGMA max_page_count = 1")
        await stream.send(
            writer.batch(1, 1, encoded(event_pb2.Event(run_annotated=event_pb2.RunAnnotated(by="x" * 99_999))))
        )
        assert (await stream.expect("refused")).reason == wire.REFUSAL_REASON_NO_SPACE
        await collector.log._appender.execute("PRAGMA max_page_count = 100000")
        await until(lambda: collector.intake.has_space)
        await stream.send(writer.batch(1))
        await stream.acked(1)
    assert await records(collector, writer) == [1]


async def test_an_error_of_the_log_ends_the_collector(start_collector: StartCollector):
    """When a commit fails and nobody knows what is on disk, nothing is acknowledged and the collector ends with the error."""
    writer = Writer()
    with pytest.raises(BaseExceptionGroup, match="unhandled errors") as caught:
        async with start_collector() as collector, Stream(collector.grpc) as stream:
            await stream.opened(writer)
            await collector.log._appender.execute("PRAGMA query_only = ON")
            await stream.send(writer.batch(1))
            assert (await stream.answer())[0] == "over"
    assert caught.group_contains(sqlite3.OperationalError, match="readonly")


async def test_liveness_by_an_injected_clock(start_collector: StartCollector, surroundings: Surroundings):
    """A writer that is not heard of is stated silent after a full time-out, heartbeats prevent that, a record revives."""
    silent, alive = Writer("silent"), Writer("alive")
    async with start_collector() as collector, Stream(collector.grpc) as stream:
        async with Stream(collector.grpc) as lost:
            await lost.opened(silent)
            await lost.send(silent.batch(1))
            await lost.acked(1)
        await stream.opened(alive)
        await stream.send(alive.batch(1))
        await stream.acked(1)
        await until(lambda: collector.intake.streams == 1)
        surroundings.now += limits.SILENT_AFTER_S - 1
        await stream.send(wire.Request(heartbeat=wire.Heartbeat()))
        await stream.opened(alive)
        surroundings.now += 2
        await until_silent(collector, silent)
        assert await controls(collector, alive) == []
        assert (await stream.opened(silent)).durable == 1
        await stream.send(silent.batch(2))
        await stream.acked(2)
        assert set(await collector.log.living()) == {silent.id, alive.id}
    async with start_collector() as collector:
        surroundings.now += limits.SILENT_AFTER_S - 1
        collector.intake.state_silent(surroundings.now, 0.0)
        assert collector.intake.queued_batches == 0
        surroundings.now += 2
        await until_silent(collector, alive)


async def test_an_end_is_logged_once(start_collector: StartCollector):
    """End is answered with Ended after WriterEnded is in the log; repeated, also after a restart, it adds nothing."""
    writer = Writer()
    for _ in range(2):
        async with start_collector() as collector, Stream(collector.grpc) as stream:
            if (await stream.opened(writer)).durable == 0:
                await stream.send(writer.batch(1, 3))
                await stream.acked(3)
            await stream.send(writer.end(3))
            await stream.expect("ended")
            await stream.opened(writer)
            await stream.send(writer.end(3))
            await stream.expect("ended")
            assert await controls(collector, writer) == ["writer_ended"]


async def test_health_and_reflection(collector: Collector):
    """The standard services say that the collector serves, and what."""
    async with grpc.aio.insecure_channel(str(collector.grpc)) as channel:
        check = health_pb2.HealthCheckRequest(service="runwell.v1.CollectorService")
        answer = await health_pb2_grpc.HealthStub(channel).Check(check)  # type: ignore[attr-defined]
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([ask]))  # type: ignore[operator]
        listed = [service.name async for reply in call for service in reply.list_services_response.service]
        assert "runwell.v1.CollectorService" in listed


async def test_metrics_count_what_happened(collector: Collector):
    """Batches, records, bytes, refusals by reason, open writers and free disk are exposed for Prometheus."""
    writer = Writer()
    async with Stream(collector.grpc) as stream:
        await stream.opened(writer)
        await stream.send(writer.batch(1, 3))
        await stream.acked(3)
        await stream.send(writer.batch(4, 1, b"\xff"))
        await stream.expect("refused")
        status, text = await fetched(collector, "/metrics")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert status == 200
    assert float(values["runwell_collector_batches_total"]) == 1
    assert float(values["runwell_collector_records_total"]) == 3
    assert float(values["runwell_collector_bytes_total"]) == len(writer.batch(1, 3).batch.events)
    assert float(values['runwell_collector_refused_total{reason="invalid"}']) == 1
    assert float(values["runwell_collector_commit_seconds_count"]) == 1
    assert float(values["runwell_collector_open_writers"]) == 1
    assert float(values["runwell_collector_streams"]) == 1
    assert float(values["runwell_collector_disk_free_bytes"]) == 1 << 40


async def test_many_writers_share_a_message(start_collector: StartCollector, monkeypatch: pytest.MonkeyPatch):
    """Requests of many writers in one message are taken as if each had come alone, and their answers share messages."""
    monkeypatch.setattr(limits, "MESSAGE_PARTS_MAX", 3)
    writers = [Writer(f"r{number}") for number in range(8)]
    async with start_collector() as collector, Stream(collector.grpc) as stream:
        await stream.send_as_one(*(part for writer in writers for part in (writer.open(), writer.batch(1, 5))))
        answers = [await stream.answer() for _ in range(2 * len(writers))]
        for kind in ("welcome", "ack"):
            assert {answer.writer_id for said, answer in answers if said == kind} == {writer.id for writer in writers}
        assert stream.answers_at_once <= limits.MESSAGE_PARTS_MAX
        for writer in writers:
            assert await records(collector, writer) == [1, 2, 3, 4, 5]


async def test_a_long_message_keeps_nobody_waiting(collector: Collector):
    """While a message of very many requests is gone through, another stream is answered."""
    first, last, other = Writer("first"), Writer("last"), Writer("other")
    answered: list[Writer] = []

    async def answer_to(stream: Stream, writer: Writer) -> None:
        await stream.expect("welcome")
        answered.append(writer)

    async with Stream(collector.grpc) as long, Stream(collector.grpc) as short:
        await long.send_as_one(first.open(), *[HEARTBEAT] * 200_000, last.open())
        await begun(lambda: collector.intake.knows(first.id))
        await short.send(other.open())
        await answer_to(long, first)
        await asyncio.gather(answer_to(long, last), answer_to(short, other))
    assert answered == [first, other, last]


async def test_a_stop_within_a_message_acknowledges_what_was_taken(start_collector: StartCollector):
    """What a stopping collector has taken of a message is committed and acknowledged, though the rest is not read."""
    writer = Writer()
    async with start_collector(liveness_interval_s=1_000.0) as collector:
        stream = Stream(collector.grpc)
        await stream.opened(writer)
        await stream.send_as_one(writer.batch(1), *[HEARTBEAT] * 200_000, writer.batch(2))
        await begun(lambda: collector.intake.queued_batches > 0)
    await stream.acked(1)
    assert await stream.answer() == ("over", grpc.StatusCode.UNAVAILABLE)
    await stream.__aexit__()
