"""Stretches of packed rows: what is read many at a time is what is read frame by frame."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core import frames
from runwell.core.frames import Kind
from runwell.forwarder.cutter import cut
from runwell.forwarder.disk import LocalDisk
from runwell.forwarder.packed import ROWS_MIN, PackedRows, packed_rows
from runwell.forwarder.reader import Lost, Record, SpoolReader
from runwell.v1 import event_pb2
from tests.forwarder.spool_writer import SpoolWriter

NewSpool = Callable[..., SpoolWriter]

shapes: list[dict[str, float | int | bool]] = [
    {"loss": 0.1},
    {"loss": float("nan"), "seen": 1 << 62, "better": True},
    {"a": False, "b": True},
    {"left": -1},
]
stretches = st.lists(
    st.tuples(st.sampled_from(shapes), st.integers(1, 3 * ROWS_MIN), st.booleans()), min_size=1, max_size=6
)


def written(directory: Path, parts: list[tuple[dict[str, float | int | bool], int, bool]]) -> SpoolWriter:
    spool = SpoolWriter(directory)
    spool.start()
    for values, count, masked in parts:
        for _ in range(count):
            spool.row(spool.record, values, masked=masked)
    return spool


def read(directory: Path, records_max: int) -> tuple[list[Record | None], int]:
    """Every record, None for a lost one; and how many of them came in stretches."""
    reader = SpoolReader(LocalDisk(), directory)
    records: list[Record | None] = []
    packed = 0
    while taken := reader.take(live=False, now=0.0, bytes_max=1 << 20, records_max=records_max):
        for record in taken:
            if isinstance(record, PackedRows):
                records.extend(record.records())
                packed += record.count
            else:
                records.extend([None] * record.count if isinstance(record, Lost) else [record])
    return records, packed


def events(directory: Path, records_max: int, refused: dict[int, str]) -> list[event_pb2.Events]:
    reader = SpoolReader(LocalDisk(), directory)
    taken = []
    while some := reader.take(live=False, now=0.0, bytes_max=1 << 20, records_max=records_max):
        taken.extend(some)
    return [cut(taken, 1, 0, reader.schema, refused).events]


@settings(max_examples=60, deadline=None)
@given(parts=stretches, damage=st.lists(st.tuples(st.integers(0), st.integers(1, 255)), max_size=3))
def test_damaged_or_not_the_same_records_are_read(
    parts: list[tuple[dict[str, float | int | bool], int, bool]],
    damage: list[tuple[int, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Rows of mixed shapes with flipped bytes anywhere: many at a time gives what one at a time gives."""
    spool = written(tmp_path_factory.mktemp("spools"), parts)
    data = bytearray(spool.path.read_bytes())
    for place, change in damage:
        data[8 + place % (len(data) - 8)] ^= change
    spool.path.write_bytes(data)
    at_once, packed = read(spool.directory, 10_000)
    assert at_once == read(spool.directory, 1)[0]
    if not damage:
        assert [record and record[2] for record in at_once] == spool.crcs
        assert packed or max(count for _, count, _ in parts) < 2 * ROWS_MIN


@settings(max_examples=40, deadline=None)
@given(parts=stretches, data=st.data())
def test_the_same_columns_are_cut(
    parts: list[tuple[dict[str, float | int | bool], int, bool]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A batch of stretches is the batch of their records, also when some of these are refused."""
    spool = written(tmp_path_factory.mktemp("spools"), parts)
    refused = dict.fromkeys(data.draw(st.sets(st.integers(1, spool.record), max_size=2)), "too odd")
    at_once, apart = (events(spool.directory, most, refused)[0] for most in (10_000, 1))
    assert at_once.SerializeToString(deterministic=True) == apart.SerializeToString(deterministic=True)
    assert event_pb2.Events.FromString(at_once.SerializeToString()) == at_once


def test_rows_after_the_last_number_that_fits_are_read(tmp_path: Path) -> None:
    """Numbers have 32 bits in a frame and go on from zero: there a stretch ends, and the records go on."""
    first = (1 << 32) - ROWS_MIN
    rows = frames.ROW_PREFIX.pack(1, 5, 1.0) + bytes(8)
    window = b"".join(frames.encode(Kind.ROW, rows, first + place) for place in range(2 * ROWS_MIN))
    stretch = packed_rows(window, 0, first, 2 * ROWS_MIN)
    assert stretch is not None
    assert stretch.count == ROWS_MIN
    rest = packed_rows(window, len(stretch.frames), first + ROWS_MIN, 2 * ROWS_MIN)
    assert rest is not None
    assert rest.count == ROWS_MIN
