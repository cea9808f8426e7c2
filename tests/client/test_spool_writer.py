"""The writer on a disk that fills up, tears, forgets and refuses, and on a clock that jumps."""

import errno
import os
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from runwell._lane import Lane
from runwell._segments import WriterIdentity
from runwell._spool import SpoolWriter
from runwell.core.steps import StepCursor
from tests.client.memory_disk import ManualClock, MemoryDisk
from tests.client.spool_reading import Record, read_segments

IDENTITY = WriterIdentity(bytes(range(16)), "me", "p", "r")


def open_lane(disk: MemoryDisk, clock: ManualClock | None = None, **options: Any) -> tuple[Lane, list[str]]:
    """A started lane, and where its warnings go."""
    lane_options = {name: options.pop(name) for name in ("when_full",) if name in options}
    writer = SpoolWriter(disk, clock or ManualClock(), IDENTITY, **options)
    writer.start("run_started", {})
    told: list[str] = []
    return Lane(writer, StepCursor(), warn=told.append, **lane_options), told


def rows(records: list[Record]) -> list[Any]:
    return [record.values["a"] for record in records if record.event is None]


def found(records: list[Record], kind: str) -> list[dict[str, Any]]:
    return [record.event[kind] for record in records if record.event is not None and kind in record.event]


def test_segments_are_closed_at_their_size():
    """Rows go on in further segments, each with its own schemas; no record is lost, repeated or without a schema."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk, segment_bytes=2_000)
    for number in range(500):
        lane.log({"a": number})
        lane.log({"a": float(number), "text": "x"})
    lane.finish(0, "over")
    assert len(disk.files) > 10
    assert rows(read_segments(disk.segments())) == [value for number in range(500) for value in (number, number)]
    assert all(file.closed for file in disk.files.values())


@pytest.mark.parametrize("capacity", range(700, 1_100, 7))
def test_a_disk_that_is_full_at_any_byte_loses_only_what_it_says(capacity: int):
    """Whatever byte the disk ends at, whole records stay, later rows are dropped before they get a number, the step goes
    on, the training is told once, and RecordsDropped says how many there were when space is back."""
    disk = MemoryDisk()
    lane, told = open_lane(disk)
    disk.capacity = capacity
    for number in range(40):
        lane.log({"a": number} if number % 3 else {"a": number, "text": "x"})
    lane.put_event("config_set", {"set_json": "{}"})
    assert lane.cursor.step == 40
    kept = len(rows(read_segments(disk.segments())))
    assert sum("takes no more rows" in text for text in told) == 1
    disk.capacity = 1 << 30
    lane.log({"a": 40})
    lane.finish(0, "over")
    records = read_segments(disk.segments())
    assert rows(records) == [*range(kept), 40]
    assert found(records, "records_dropped") == [{"count": 40 - kept, "reason": "No space left on device"}]
    assert len(found(records, "config_set")) == len(found(records, "run_finished")) == 1


def test_a_spool_at_its_own_limit_drops_rows_and_still_ends():
    """Its limit concerns rows: how many were dropped and how the run ended is written all the same."""
    disk = MemoryDisk()
    lane, told = open_lane(disk, bytes_max=5_000)
    for number in range(1_000):
        lane.log({"a": number})
    lane.finish(3, "over")
    records = read_segments(disk.segments())
    kept = rows(records)
    assert kept == list(range(len(kept)))
    assert 0 < len(kept) < 200
    assert found(records, "records_dropped")[0]["count"] == 1_000 - len(kept)
    assert found(records, "run_finished") == [{"exit_code": 3}]
    assert any("limit of 5,000 bytes" in text for text in told)


def test_a_full_spool_may_raise_or_block():
    """`raise` raises and writes nothing; `block` returns when there is space, and nothing is dropped."""
    from runwell.errors import SpoolFullError

    disk = MemoryDisk()
    lane, _ = open_lane(disk, when_full="raise")
    disk.capacity = disk.used_bytes()
    with pytest.raises(SpoolFullError, match="No space left"):
        lane.log({"a": 1})
    lane.finish(0, "over")

    disk = MemoryDisk()
    lane, told = open_lane(disk, when_full="block")
    disk.capacity = disk.used_bytes()
    logging = threading.Thread(target=lane.log, args=({"a": 1},))
    logging.start()
    while not lane.writer.notices and not told:
        assert logging.is_alive()
    disk.capacity = 1 << 30
    logging.join(timeout=10)
    lane.finish(0, "over")
    records = read_segments(disk.segments())
    assert rows(records) == [1]
    assert not found(records, "records_dropped")


def test_a_sync_that_fails_on_a_full_disk_is_made_up_for():
    """When a sync fails and there is no space to write its rows again either, they are written and synced once there is."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk)
    lane.log({"a": 0})
    disk.failing_syncs, disk.capacity = 1, 0
    lane.sync()
    disk.capacity = 1 << 30
    lane.log({"a": 1})
    lane.sync()
    assert rows(read_segments(disk.after_power_loss())) == [0, 1]
    lane.finish(0, "over")


@pytest.mark.parametrize("whole", [0.0, 0.3, 0.99, 1.0])
@pytest.mark.parametrize("make", [lambda number: {"a": number}, lambda number: {"a": number, "text": "x"}])
def test_an_interrupt_within_a_write_leaves_whole_records(whole: float, make: Callable[[int], dict[str, Any]]):
    """Ctrl-C in the middle of log() cuts off half a row or keeps a whole one; numbers and lock are as they should be."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk)
    lane.log(make(0))
    disk.interrupt_after = whole
    with pytest.raises(KeyboardInterrupt):
        lane.log(make(1))
    assert not lane.held_here
    lane.log(make(2))
    assert rows(read_segments(disk.segments())) == ([0, 1, 2] if whole == 1.0 else [0, 2])


def test_a_torn_write_that_cannot_be_cut_off_is_left_behind():
    """When even truncating fails the writer goes on in a new segment; the torn bytes end the old one."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk)
    lane.log({"a": 0})
    disk.capacity, disk.truncation_fails = disk.used_bytes() + 10, True
    lane.log({"a": 1})
    disk.capacity, disk.truncation_fails = 1 << 30, False
    lane.log({"a": 2})
    lane.finish(0, "over")
    assert rows(read_segments(disk.segments())) == [0, 2]
    assert len(disk.files) == 2


def test_what_a_failed_sync_lost_is_written_again():
    """After a sync that failed, and threw away what it should have kept, everything is there and synced."""
    disk = MemoryDisk()
    lane, told = open_lane(disk)
    lane.log({"a": 0})
    lane.sync()
    lane.log({"a": 1})
    lane.log({"a": 2, "b": 1.0})
    disk.failing_syncs = 1
    lane.sync()
    lane.log({"a": 3})
    lane.sync()
    assert len(disk.files) == 2
    assert rows(read_segments(disk.after_power_loss())) == [0, 1, 2, 3]
    assert any("could not be synced" in text for text in told)
    lane.finish(0, "over")


def test_a_disk_that_never_syncs_is_told_once_and_does_not_fill_up():
    """A second failure in a row ends the rewriting: rows are still written, and the promise that is gone is named."""
    disk = MemoryDisk()
    lane, told = open_lane(disk)
    for number in range(5):
        lane.log({"a": number})
        disk.failing_syncs = 1
        lane.sync()
    assert len(disk.files) <= 2
    assert any("not a power loss" in text for text in told)
    disk.failing_syncs = 0
    lane.finish(0, "over")


def test_a_full_segment_goes_on_while_there_can_be_no_new_one(monkeypatch: pytest.MonkeyPatch):
    """Without a file descriptor for the next segment nothing is dropped; it begins when there is one again."""
    disk = MemoryDisk()
    lane, told = open_lane(disk, segment_bytes=1_000)

    def refuse(name: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(disk, "create", refuse)
        for number in range(100):
            lane.log({"a": number} if number % 2 else {"a": number, "text": "x"})
        lane.sync()
        assert len(disk.files) == 1
    lane.log({"a": 100})
    lane.finish(0, "over")
    assert len(disk.files) == 2
    assert rows(read_segments(disk.segments())) == list(range(101))
    assert not told


def test_synced_rows_survive_power_loss_and_always_means_always():
    """What a sync covered is left after a power loss; with durability "always" that is every row whose log() returned."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk, durability="always")
    for number in range(10):
        lane.log({"a": number})
        assert rows(read_segments(disk.after_power_loss())) == list(range(number + 1))
    lane.finish(0, "over")


def test_unsynced_rows_in_memory_are_bounded():
    """At half of the limit log() syncs by itself, so that no more than the limit is ever kept."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk, unsynced_bytes_max=4_000)
    for number in range(2_000):
        lane.log({"a": number})
        assert sum(map(len, lane.writer.tail)) < 2_100
    lane.finish(0, "over")
    assert rows(read_segments(disk.segments())) == list(range(2_000))


def test_a_jump_of_the_clock_is_followed_by_an_event():
    """Rows keep going by the steady clock until the jump is seen; then an event says how far it was. Small steps are not."""
    clock, disk = ManualClock(), MemoryDisk()
    lane, _ = open_lane(disk, clock)
    lane.log({"a": 0})
    clock.wall_s += 0.9
    lane.sync()
    clock.wall_s -= 3600.9
    clock.monotonic_s += 5
    lane.log({"a": 1})
    lane.sync()
    lane.log({"a": 2})
    lane.finish(0, "over")
    records = read_segments(disk.segments())
    times = [record.time for record in records if record.event is None]
    assert times == pytest.approx([1_700_000_000, 1_700_000_005, 1_700_000_000 - 3600])
    assert found(records, "clock_adjusted") == [{"jump_s": pytest.approx(-3605)}]


def test_the_fast_path_writes_what_the_general_one_does():
    """The same rows through both give the same bytes, steps and last values, whatever the order of shapes and steps."""
    chance = random.Random(7)
    makers: list[Callable[[], dict[str, Any]]] = [
        lambda: {"a": chance.random()},
        lambda: {"a": chance.randrange(-(1 << 63), 1 << 63)},
        lambda: {"b": chance.random() < 0.5, "a": chance.random()},
        lambda: {f"m{n}": chance.random() for n in range(20)},
        lambda: {"a": 1 << 70},
        dict,
    ]
    fast_disk, plain_disk = MemoryDisk(), MemoryDisk()
    fast, _ = open_lane(fast_disk, segment_bytes=20_000)
    plain, _ = open_lane(plain_disk, segment_bytes=20_000)
    for _ in range(2_000):
        row = chance.choice(makers)()
        step = None if chance.random() < 0.5 else fast.cursor.step + chance.randrange(-2, 4)
        commit = chance.choice([None, None, None, True, False])
        fast.log(row, step, commit)
        plain.log_any(row, step, commit)
        assert fast.cursor.step == plain.cursor.step
    assert fast_disk.segments() == plain_disk.segments()
    assert fast.summary_leaves() == plain.summary_leaves()
    fast.finish(0, "over")
    plain.finish(0, "over")


def test_threads_share_a_lane():
    """Rows of many threads are all there, each with its own number."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk, segment_bytes=10_000)

    def work(first: int) -> None:
        for number in range(first, first + 500):
            lane.log({"a": number} if number % 7 else {"a": number, "t": "x"})

    threads = [threading.Thread(target=work, args=(500 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lane.finish(0, "over")
    records = read_segments(disk.segments())
    assert sorted(rows(records)) == list(range(3_000))
    assert sorted(record.step for record in records if record.event is None) == list(range(3_000))
