"""Reading spools: every whole record once, whatever happened to the files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core import frames
from runwell.forwarder.disk import LocalDisk
from runwell.forwarder.packed import PackedRows
from runwell.forwarder.reader import Lost, Record, SpoolReader
from runwell.forwarder.segments import SpoolVersionError
from runwell.forwarder.spools import discover, list_writers
from runwell.forwarder.tail import DAMAGE_SETTLES_S
from runwell.v1 import event_pb2
from tests.forwarder.spool_writer import HeldLock, SpoolWriter

NewSpool = Callable[..., SpoolWriter]


def take_all(
    reader: SpoolReader, *, live: bool = False, now: float = 0.0, bytes_max: int = 1000
) -> list[Record | Lost]:
    """One item a record, or a stretch of lost ones."""
    records: list[Record | Lost] = []
    while taken := reader.take(live=live, now=now, bytes_max=bytes_max, records_max=100):
        for item in taken:
            records.extend(item.records() if isinstance(item, PackedRows) else [item])
    return records


def crcs(records: list[Record | Lost]) -> list[int | None]:
    """One item a record: its crc, or None for a lost one."""
    return [crc for record in records for crc in ([None] * record.count if isinstance(record, Lost) else [record[2]])]


@pytest.mark.parametrize("bytes_max", [1, 100, 1 << 20])
def test_every_record_is_read_once(new_spool: NewSpool, bytes_max: int) -> None:
    """Records of several segments arrive once and in order, however few are taken at a time."""
    spool = new_spool()
    spool.start()
    spool.rows_of(30)
    spool.start_segment()
    spool.json_row(30, {"loss": None})
    spool.rows_of(5)
    assert crcs(take_all(SpoolReader(LocalDisk(), spool.directory), bytes_max=bytes_max)) == spool.crcs


def test_a_live_writer_is_followed(new_spool: NewSpool) -> None:
    """Half a frame is not there yet, may be cut off and replaced, and reading goes on into a new segment."""
    spool = new_spool()
    spool.start()
    reader = SpoolReader(LocalDisk(), spool.directory)
    assert len(take_all(reader, live=True)) == 1
    spool.schema([("loss", "d")])
    whole = spool.path.read_bytes()
    spool.rows_of(1)
    half = spool.path.read_bytes()[:-5]
    spool.path.write_bytes(half)
    assert take_all(reader, live=True) == []
    spool.path.write_bytes(whole)
    spool.crcs.pop()
    spool.record -= 1
    spool.row(1, {"other": 2.0, "values": 3.0})
    assert crcs(take_all(reader, live=True)) == spool.crcs[1:]
    spool.start_segment()
    spool.rows_of(2)
    assert crcs(take_all(reader, live=True)) == spool.crcs[2:]


def test_damage_in_a_live_segment_is_believed_only_after_a_while(new_spool: NewSpool) -> None:
    """A writer whose fsync failed has the time to write its records again, and then nothing is lost."""
    spool = new_spool()
    spool.start()
    spool.rows_of(3)
    intact = spool.path.read_bytes()
    spool.path.write_bytes(intact[:-100] + bytes(20) + intact[-80:])
    reader = SpoolReader(LocalDisk(), spool.directory)
    before = take_all(reader, live=True, now=10.0)
    assert len(before) < 4 and Lost not in map(type, before)
    assert take_all(reader, live=True, now=10.0 + DAMAGE_SETTLES_S / 2) == []
    spool.record = 1
    del spool.crcs[1:]
    spool.start_segment()
    spool.rows_of(3)
    assert crcs(before + take_all(reader, live=True, now=11.0)) == spool.crcs


def test_settled_damage_of_a_live_writer_is_lost(new_spool: NewSpool) -> None:
    """A live writer's damaged record is told as lost in the end, so that the rest is not held up for ever."""
    spool = new_spool()
    spool.start()
    frame = spool.row(0, {"loss": 1.0})
    spool.rows_of(3)
    data = spool.path.read_bytes()
    spool.path.write_bytes(data.replace(frame, bytes(len(frame))))
    reader = SpoolReader(LocalDisk(), spool.directory)
    first = take_all(reader, live=True, now=0.0)
    rest = take_all(reader, live=True, now=DAMAGE_SETTLES_S)
    assert crcs(first + rest) == [spool.crcs[0], None, *spool.crcs[2:]]


def test_a_rewritten_segment_is_not_read_twice(new_spool: NewSpool) -> None:
    """Records that the next segment repeats count once; those that only it has whole are taken from there."""
    spool = new_spool()
    spool.start()
    spool.rows_of(4)
    lost_in_first = spool.row(9, {"loss": 9.0})
    spool.rows_of(2)
    first_path, expected = spool.path, list(spool.crcs)
    repeated = first_path.read_bytes()
    spool.start_segment(first_record=4)
    header_end = len(frames.SEGMENT_MAGIC)
    for frame in frames.scan(memoryview(repeated), header_end):
        assert isinstance(frame, frames.Frame)
        if frame.kind == frames.Kind.SCHEMA or (frame.kind in frames.NUMBERED and frame.record >= 4):
            spool.write(repeated[frame.end - len(frame.payload) - frames.FRAME_HEADER_BYTES : frame.end])
    first_path.write_bytes(repeated.replace(lost_in_first, bytes(len(lost_in_first))))
    spool.rows_of(1)
    reader = SpoolReader(LocalDisk(), spool.directory)
    assert crcs(take_all(reader)) == expected + spool.crcs[-1:]


def test_a_removed_beginning_is_told_as_lost(new_spool: NewSpool) -> None:
    """A spool whose first segments were removed begins with the loss of their records, in pieces that fit a batch."""
    spool = new_spool()
    spool.start()
    spool.rows_of(249)
    first = spool.path
    spool.start_segment()
    spool.rows_of(1)
    first.unlink()
    records = take_all(SpoolReader(LocalDisk(), spool.directory))
    assert crcs(records) == [None] * 250 + spool.crcs[-1:]
    assert [record.count for record in records if isinstance(record, Lost)] == [100, 100, 50]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_intact_record_is_read_once_and_the_others_are_counted(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Random damage and truncation of random segments: intact records arrive once, and numbers of the rest are told."""
    spool = SpoolWriter(tmp_path_factory.mktemp("spools"))
    intact: dict[int, list[bool]] = {}
    for _ in range(data.draw(st.integers(1, 3))):
        frames_of_segment: list[bytes] = []
        for _ in range(data.draw(st.integers(1, 12))):
            kind = data.draw(st.sampled_from([frames.Kind.ROW, frames.Kind.JSON_ROW, frames.Kind.EVENT]))
            frames_of_segment.append(spool.append(kind, data.draw(st.binary(max_size=40))))
            intact[spool.record] = []
        whole = spool.path.read_bytes()
        content = bytearray(whole)
        for _ in range(data.draw(st.integers(0, 2))):
            start = data.draw(st.integers(0, len(content)))
            length = data.draw(st.integers(0, 60))
            content[start : start + length] = data.draw(st.binary(min_size=length, max_size=length))
        del content[data.draw(st.integers(0, len(content)).filter(lambda at: at > 7)) :]
        if content[:7] == frames.SEGMENT_MAGIC[:7]:
            content[7:8] = frames.SEGMENT_MAGIC[7:8]
        spool.path.write_bytes(content)
        offset = len(whole) - sum(map(len, frames_of_segment))
        first = spool.record - len(frames_of_segment) + 1
        for number, frame in enumerate(frames_of_segment, first):
            intact[number].append(content[offset : offset + len(frame)] == frame)
            offset += len(frame)
        spool.start_segment()
    read = crcs(take_all(SpoolReader(LocalDisk(), spool.directory), bytes_max=data.draw(st.integers(1, 500))))
    expected = [crc if any(intact[number]) else None for number, crc in enumerate(spool.crcs, 1)]
    while expected and expected[-1] is None:
        expected.pop()
    assert read == expected


def test_a_newer_version_stops_only_its_own_spool(new_spool: NewSpool, tmp_path: Path) -> None:
    """A spool of a newer version is named with its version and what to do; the others are found."""
    newer, fine = new_spool("newer", version=frames.VERSION + 6), new_spool("fine")
    writers, problems = discover(LocalDisk(), tmp_path / "spool")
    assert [writer.writer for writer in writers] == [fine.writer]
    assert str(newer.directory) in problems[0].message
    assert f"version {frames.VERSION + 6}" in problems[0].message
    assert "upgrade runwell" in problems[0].message
    with pytest.raises(SpoolVersionError):
        take_all(SpoolReader(LocalDisk(), newer.directory))


def test_strange_entries_are_reported_or_passed_over(new_spool: NewSpool, tmp_path: Path) -> None:
    """Files, unfinished directories and spools without a header do not hide the spools beside them."""
    fine = new_spool("fine")
    root = tmp_path / "spool"
    (root / "notes.txt").write_text("mine")
    (root / ".new-1234").mkdir()
    (root / "empty").mkdir()
    broken = new_spool("broken")
    broken.path.write_bytes(b"RWSPOOL\x01" + bytes(50))
    writers, problems = discover(LocalDisk(), root)
    assert [writer.run.run_id for writer in writers] == [fine.run_id]
    assert [problem.directory for problem in problems] == [broken.directory]


def test_identity_survives_a_damaged_first_header(new_spool: NewSpool, tmp_path: Path) -> None:
    """The run is known from any segment's header."""
    spool = new_spool()
    spool.start()
    spool.start_segment()
    first = spool.directory / "00000001.seg"
    first.write_bytes(first.read_bytes()[:20])
    assert list_writers(tmp_path / "spool")[0].run == ("ada", "digits", "r1")


def test_live_follows_the_lock(new_spool: NewSpool, tmp_path: Path, hold_lock: Callable[[Path], HeldLock]) -> None:
    """A writer is live as long as another process holds its lock."""
    spool = new_spool()
    (writer,) = list_writers(tmp_path / "spool")
    assert not writer.live
    lock = hold_lock(spool.directory)
    assert writer.live
    lock.release()
    assert not writer.live


def test_batches_read_all_that_is_there(new_spool: NewSpool, tmp_path: Path) -> None:
    """A spool read locally gives the records and the chain of its frames."""
    spool = new_spool()
    spool.start()
    spool.rows_of(10)
    spool.finish()
    (writer,) = list_writers(tmp_path / "spool")
    (batch,) = writer.batches()
    assert (batch.first, batch.count, batch.chain_before, batch.chain) == (1, 12, 0, spool.chain())
    assert [event.WhichOneof("event") for event in batch.events.events] == [
        "run_started",
        "metric_logged",
        "run_finished",
    ]
    assert isinstance(batch.events, event_pb2.Events)
