"""Damaged log segments, and events of any bytes: readers are told, or read what was written."""

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core.fold import RunFold
from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.admission import InvalidBatchError, admit
from runwell_collector.log import LogDamagedError, UndecodableError, decode_events, open_log_reader
from tests.core.run_streams import RUN

GOLDEN = max((Path(__file__).parents[1] / "golden").glob("*/server"))
(SEGMENT,) = (GOLDEN / "log").glob("*.db")
WHOLE = SEGMENT.read_bytes()
REGIONS = 48

BATCHES = [
    event_pb2.Events.FromString(decode_events(batch.codec, batch.events).SerializeToString()).SerializeToString()
    for batch in open_log_reader(GOLDEN).read(0)
]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    return tmp_path


def read_all(data_dir: Path) -> list[tuple[object, ...]] | None:
    """Everything in the log; None where the reader says that it cannot be read."""
    log = open_log_reader(data_dir)
    try:
        return [
            (batch.offset, batch.run, batch.writer, batch.first, batch.count, batch.events) for batch in log.read(0)
        ]
    except (LogDamagedError, sqlite3.DatabaseError):
        return None
    finally:
        with contextlib.suppress(sqlite3.Error):
            log.close()


@pytest.mark.parametrize("region", range(REGIONS))
def test_a_damaged_segment_is_told_or_read_whole(data_dir: Path, region: int):
    """In each region of a segment, bytes are turned round: events that come out are those that went in."""
    written = {row[0]: row[5] for row in read_all(GOLDEN) or []}
    size = len(WHOLE) // REGIONS
    for place in range(region * size, (region + 1) * size, size // 6):
        damaged = bytearray(WHOLE)
        damaged[place : place + 16] = bytes(byte ^ 0xA5 for byte in damaged[place : place + 16])
        (data_dir / "log" / SEGMENT.name).write_bytes(damaged)
        found = read_all(data_dir)
        assert found is None or all(written.get(row[0]) == row[5] for row in found), f"at byte {place}"


@pytest.mark.parametrize("part", range(16))
def test_a_truncated_segment_is_told(data_dir: Path, part: int):
    """A segment that ends early holds the batches up to there, or is said to be damaged; none is changed."""
    written = [(row[0], row[5]) for row in read_all(GOLDEN) or []]
    (data_dir / "log" / SEGMENT.name).write_bytes(WHOLE[: len(WHOLE) * part // 16])
    found = read_all(data_dir)
    assert found is None or [(row[0], row[5]) for row in found] == written[: len(found)]


mutations = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6)


@given(st.sampled_from(BATCHES), mutations, st.integers(0, 1 << 16))
@settings(max_examples=300, deadline=None)
def test_what_is_admitted_can_be_folded(data: bytes, changes: list[tuple[int, int]], cut: int):
    """Events of any bytes are refused with a reason, or folded into a view that is JSON, and that a second time changes nothing."""
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    if cut % 5 == 0:
        del mutated[cut % len(mutated) :]
    try:
        events = event_pb2.Events.FromString(bytes(mutated))
    except DecodeError:
        events = event_pb2.Events()
    count = 0
    for event in events.events:
        kind = event.WhichOneof("event")
        count += event.metric_logged.rows if kind == "metric_logged" else event.records_lost.count or 1
    batch = collector_pb2.Batch(
        writer_id=bytes(16), first=1, count=min(count, 1 << 31), codec=collector_pb2.CODEC_NONE, events=bytes(mutated)
    )
    try:
        admit(batch)
    except InvalidBatchError as error:
        assert str(error)  # noqa: PT017 - most are refused, and say why
        return
    fold = RunFold(RUN)
    for _ in range(2):
        fold.apply(bytes(16), 1, batch.count, 5.0, decode_events(batch.codec, batch.events).events)
        view = json.dumps(fold.view(), sort_keys=True)
    again = RunFold.from_state(RUN, json.loads(json.dumps(fold.to_state())))
    assert json.dumps(again.view(), sort_keys=True) == view


@given(st.binary(max_size=200), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_any_bytes_may_be_events(data: bytes, codec: int):
    """Bytes of any codec are decoded or refused by the one error that says so."""
    try:
        decode_events(codec, data)
    except UndecodableError as error:
        assert str(error)  # noqa: PT017 - some are decodable
