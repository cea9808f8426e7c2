"""Batches: every record of a spool comes back out of the columns as it went in."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core import frames
from runwell.core.frames import Kind
from runwell.forwarder.cutter import chain_after, cut
from runwell.forwarder.disk import LocalDisk
from runwell.forwarder.reader import Lost, SpoolReader
from runwell.v1 import event_pb2
from tests.forwarder.spool_writer import SpoolWriter

NewSpool = Callable[..., SpoolWriter]

floats = st.floats(allow_nan=True, width=64)
packed_values = st.dictionaries(
    st.sampled_from(["loss", "acc", "a\x1fb", "\N{GREEK SMALL LETTER LAMDA}"]),
    st.one_of(floats, st.integers(-(1 << 63), (1 << 63) - 1), st.booleans()),
    max_size=4,
)
json_values = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.one_of(st.none(), st.booleans(), floats, st.integers(-(10**30), 10**30), st.text(max_size=5)),
        lambda inner: st.lists(inner, max_size=2),
        max_leaves=3,
    ),
    max_size=4,
)


def cut_spool(spool: SpoolWriter, refused: dict[int, str] | None = None) -> event_pb2.Events:
    reader = SpoolReader(LocalDisk(), spool.directory)
    records = reader.take(live=False, now=0.0, bytes_max=1 << 20, records_max=10_000)
    batch = cut(records, 1, 0, reader.schema, refused)
    assert (batch.count, batch.chain) == (spool.record, spool.chain())
    return event_pb2.Events.FromString(batch.events.SerializeToString())


def rows_of(events: event_pb2.Events) -> dict[int, tuple[int, float, int, dict[str, Any]]]:
    """Record number less one -> step, time, flags, values; the slow and obvious reading of the columns."""
    rows: dict[int, tuple[int, float, int, dict[str, Any]]] = {}
    for event in events.events:
        if event.WhichOneof("event") != "metric_logged":
            continue
        logged = event.metric_logged
        for at in range(logged.rows):
            values = {}
            for column in logged.columns:
                value = getattr(column, column.WhichOneof("values")).values[at]
                values[column.key] = json.loads(value) if column.WhichOneof("values") == "json" else value
            index = logged.indexes[at] if logged.indexes else event.index + at
            assert index not in rows
            rows[index] = (logged.steps[at], logged.times[at], logged.flags[at] if logged.flags else 0, values)
    return rows


def same(left: Any, right: Any) -> bool:
    """Equal with the type, NaN equal to NaN."""
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1 << 40), st.booleans(), st.booleans(), packed_values, json_values), max_size=20
    )
)
def test_rows_come_back_as_they_were(
    rows: list[tuple[int, bool, bool, dict[str, Any], dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Random packed and JSON rows of mixed schemas keep place, step, time, flag, type and value."""
    spool = SpoolWriter(tmp_path_factory.mktemp("spools"))
    spool.start()
    expected = {}
    for step, masked, packed, values, anything in rows:
        if packed:
            spool.row(step, values, masked=masked)
        else:
            spool.json_row(step, anything)
        expected[spool.record - 1] = (step, 1.0 + step, int(masked and packed), values if packed else anything)
    read = rows_of(cut_spool(spool))
    assert read.keys() == expected.keys()
    for index, (step, time, flags, values) in expected.items():
        assert read[index][:3] == (step, time, flags)
        assert read[index][3].keys() == values.keys()
        assert all(same(read[index][3][key], value) for key, value in values.items())


def test_events_stand_in_record_order(new_spool: NewSpool) -> None:
    """Rows gathered into columns stand at the first one's place between the other events."""
    spool = new_spool()
    spool.start()
    spool.row(0, {"loss": 1.0})
    spool.event(config_set={"set_json": '{"lr": 0.1}'})
    spool.row(1, {"loss": 0.5})
    spool.finish(3)
    events = cut_spool(spool).events
    assert [(event.index, event.WhichOneof("event")) for event in events] == [
        (0, "run_started"),
        (1, "metric_logged"),
        (2, "config_set"),
        (4, "run_finished"),
    ]
    assert list(events[1].metric_logged.indexes) == [1, 3]


def test_what_cannot_be_read_is_refused_in_its_place(new_spool: NewSpool) -> None:
    """Whole frames with senseless content are counted as refused; their neighbours are not concerned."""
    spool = new_spool()
    spool.start()
    spool.append(Kind.EVENT, b"{not json")
    spool.event(run_finished={"exit_code": "many"})
    spool.append(Kind.EVENT, b"[1]")
    spool.append(Kind.EVENT, b"[" * 100_000)
    spool.append(Kind.JSON_ROW, frames.JSON_ROW_PREFIX.pack(1, 1.0) + b"[]")
    spool.append(Kind.JSON_ROW, b"short")
    spool.append(Kind.ROW, frames.ROW_PREFIX.pack(77, 1, 1.0))
    spool.row(1, {"loss": 1.0})
    spool.append(Kind.ROW, frames.ROW_PREFIX.pack(1, 1, 1.0) + b"odd")
    spool.append(Kind.ROW, b"")
    events = cut_spool(spool).events
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds == ["run_started", *["record_refused"] * 7, "metric_logged", *["record_refused"] * 2]
    assert [event.index for event in events] == list(range(11))


def test_fields_of_a_newer_client_are_passed_over(new_spool: NewSpool) -> None:
    """An event with a field that this version does not know keeps all that it does know."""
    spool = new_spool()
    spool.event(run_started={"fields": {"name": "x"}, "mood": "good"})
    assert cut_spool(spool).events[0].run_started.fields.name == "x"


def test_refused_records_are_replaced(new_spool: NewSpool) -> None:
    """A record that the collector refused for good becomes RecordRefused with the reason and its size."""
    spool = new_spool()
    spool.start()
    spool.rows_of(2)
    events = cut_spool(spool, {2: "too odd"}).events
    assert events[1].record_refused == event_pb2.RecordRefused(reason="too odd", bytes=28)
    assert rows_of(event_pb2.Events(events=events)).keys() == {2}


def test_lone_surrogates_are_written_as_escapes(new_spool: NewSpool) -> None:
    """A key or text that is no Unicode text travels as escapes instead of stopping its batch."""
    spool = new_spool()
    spool.json_row(0, {"k\ud800": "v\udfff"})
    ((_, _, _, values),) = rows_of(cut_spool(spool)).values()
    assert values == {"k\\ud800": "v\udfff"}


def test_chain_of_many_is_the_chain_one_by_one() -> None:
    """The chain over a batch equals advancing record by record, with 0 for each lost one."""
    chain = 7
    for crc in (5, 0, 0, 0, 1 << 31):
        chain = frames.advance_chain(chain, crc)
    assert chain_after([(3, 0, 5, b""), Lost(3, "gone"), (3, 0, 1 << 31, b"")], 7) == chain
