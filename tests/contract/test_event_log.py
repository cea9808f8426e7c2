"""What every event log does: the same claims for the one in memory and the one on disk."""

import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runwell_collector.log import Appended, Conflict, EventLog, NewBatch, RunId, WriterMark, WriterPosition
from runwell_collector.log.memory import MemoryEventLog
from runwell_collector.log.sqlite import open_event_log

RUN = RunId("lab", "digits", "r1")
A, B, C = (bytes([number]) * 16 for number in (1, 2, 3))
TINY_SEGMENT_BYTES = 80 << 10
"""An empty segment has nearly as many, so a few batches fill it."""

OpenLog = Callable[[], AbstractAsyncContextManager[EventLog]]


def batch(writer: bytes, first: int, count: int = 1, **changes: object) -> NewBatch:
    """A batch in its place; its chain is told by its last record's number."""
    defaults = {
        "run": RUN,
        "chain_before": chain(first - 1),
        "chain": chain(first + count - 1),
        "received_at": 1.5,
        "codec": 1,
        "events": b"events",
    }
    return NewBatch(writer=writer, first=first, count=count, **{**defaults, **changes})


def chain(durable: int) -> int:
    return zlib.crc32(str(durable).encode()) if durable else 0


def control(writer: bytes, durable: int, mark: WriterMark) -> NewBatch:
    return batch(writer, durable + 1, 0, chain_before=chain(durable), chain=chain(durable), mark=mark)


def position(durable: int, mark: WriterMark = WriterMark.NONE) -> WriterPosition:
    return WriterPosition(RUN, durable, chain(durable), mark)


@pytest.fixture(params=["memory", "sqlite", "sqlite in tiny segments"])
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> OpenLog:
    """Opens the test's one log; opened again it holds what it held."""
    if request.param == "memory":
        return memory_log(MemoryEventLog("a log"))
    segment_bytes_max = TINY_SEGMENT_BYTES if "tiny" in request.param else 1 << 30
    return lambda: open_event_log(tmp_path / "log", segment_bytes_max)


def memory_log(log: MemoryEventLog) -> OpenLog:
    @asynccontextmanager
    async def opened() -> AsyncIterator[EventLog]:
        yield log

    return opened


async def everything(log: EventLog) -> list[tuple[int, bytes, int, int]]:
    """The whole log, read three batches at a time."""
    found: list[tuple[int, bytes, int, int]] = []
    while batches := await log.read(len(found), 3, 1 << 20):
        found += [(stored.offset, stored.writer, stored.first, stored.count) for stored in batches]
    return found


async def test_offsets_count_over_all_writers(open_log: OpenLog):
    """Batches of any writers have the offsets 1, 2, 3, … in the order of the calls, and are read back as they were."""
    async with open_log() as log:
        assert await log.end() == 0
        assert await log.read(0, 10, 1 << 20) == []
        assert await log.append([batch(A, 1, 3), batch(B, 1)]) == [Appended(1), Appended(2)]
        assert await log.append([batch(A, 4, events=b"other", codec=2, received_at=7.25)]) == [Appended(3)]
        assert await everything(log) == [(1, A, 1, 3), (2, B, 1, 1), (3, A, 4, 1)]
        (last,) = await log.read(2, 10, 1 << 20)
        assert (last.run, last.events, last.codec, last.received_at) == (RUN, b"other", 2, 7.25)
        assert await log.end() == 3


async def test_a_batch_sees_those_before_it_in_the_same_call(open_log: OpenLog):
    """Batches of one writer may follow one another in one call; one that skips a record is not taken, the others are."""
    async with open_log() as log:
        results = await log.append([batch(A, 1, 2), batch(A, 3), batch(A, 5), batch(B, 1), batch(A, 4)])
        assert results == [Appended(1), Appended(2), Conflict(position(3)), Appended(3), Appended(4)]
        assert await log.position(A) == position(4)


async def test_what_does_not_follow_is_answered_with_the_position(open_log: OpenLog):
    """A repeated batch, a gap, another chain and another run are conflicts that tell the position, and change nothing."""
    async with open_log() as log:
        assert await log.append([batch(A, 2)]) == [Conflict(None)]
        await log.append([batch(A, 1, 5)])
        wrong = [
            batch(A, 1, 5),
            batch(A, 5),
            batch(A, 7),
            batch(A, 6, chain_before=1),
            batch(A, 6, run=RunId("lab", "digits", "r2")),
        ]
        assert await log.append(wrong) == [Conflict(position(5))] * len(wrong)
        assert await log.end() == 1


async def test_control_entries_move_nothing(open_log: OpenLog):
    """WriterEnded and WriterSilent have an offset and mark the writer; the next record revives it, but a finish stays."""
    async with open_log() as log:
        assert await log.append([control(A, 0, WriterMark.SILENT)]) == [Conflict(None)]
        await log.append([batch(A, 1), batch(B, 1, mark=WriterMark.FINISHED), batch(C, 1)])
        assert set(await log.living()) == {A, C}
        await log.append([control(A, 1, WriterMark.SILENT), control(C, 1, WriterMark.ENDED)])
        assert await log.living() == {}
        assert await log.position(A) == position(1, WriterMark.SILENT)
        await log.append([batch(A, 2), batch(B, 2)])
        assert await log.living() == {A: position(2)}
        assert await log.position(B) == position(2, WriterMark.FINISHED)
        assert [entry[2:] for entry in await everything(log)] == [
            (1, 1),
            (1, 1),
            (1, 1),
            (2, 0),
            (2, 0),
            (2, 1),
            (2, 1),
        ]


async def test_a_read_is_bounded(open_log: OpenLog):
    """A read ends before either limit is exceeded, but never before its first batch."""
    async with open_log() as log:
        await log.append([batch(A, number, events=bytes(100)) for number in range(1, 8)])
        assert len(await log.read(0, 3, 1 << 20)) == 3
        assert len(await log.read(0, 100, 250)) == 2
        assert [stored.offset for stored in await log.read(4, 100, 1)] == [5]


async def test_a_log_opened_again_goes_on(open_log: OpenLog):
    """After a close the log has the same identity, batches and positions, and takes what follows, once."""
    async with open_log() as log:
        log_id = log.log_id
        await log.append([batch(A, 1, 3), batch(B, 1, mark=WriterMark.FINISHED)])
    async with open_log() as log:
        assert log.log_id == log_id
        assert (await log.position(A), await log.position(C)) == (position(3), None)
        assert await log.append([batch(A, 1, 3), batch(A, 4)]) == [Conflict(position(3)), Appended(3)]
        assert await log.living() == {A: position(4)}


attempts = st.lists(
    st.lists(
        st.tuples(st.sampled_from([A, B, C]), st.integers(1, 9), st.integers(1, 3), st.integers(0, 30_000)), max_size=6
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=attempts, closes=st.sets(st.integers(0, 8)))
async def test_any_calls_leave_each_record_once(
    calls: list[list[tuple[bytes, int, int, int]]], closes: set[int], tmp_path_factory: pytest.TempPathFactory
):
    """Whatever is offered in whatever groups, over segments and restarts, SQLite holds what the plain log in memory holds."""
    model = MemoryEventLog("model")
    directory = tmp_path_factory.mktemp("log")
    pending = list(calls)
    while pending:
        async with open_event_log(directory, TINY_SEGMENT_BYTES) as log:
            while pending:
                group = [
                    batch(writer, first, count, events=bytes(size)) for writer, first, count, size in pending.pop(0)
                ]
                assert await log.append(group) == await model.append(group)
                if len(pending) in closes:
                    break
            assert await everything(log) == await everything(model)
            assert await log.living() == await model.living()
