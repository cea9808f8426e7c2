"""What may enter the log, and what is said of the rest."""

import json
import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwell.core import limits
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import event_pb2 as ev
from runwell_collector.admission import InvalidBatchError, admit
from runwell_collector.coverage import coverage_fault
from runwell_collector.log import WriterMark
from tests.collector.sender import encoded, rows


def batch(*events: ev.Event, count: int = 1, **changes: object) -> wire.Batch:
    return wire.Batch(
        **{"writer_id": bytes(16), "first": 100, "count": count, "codec": 1, "events": encoded(*events), **changes}
    )


def table(count: int, *columns: ev.Column, **fields: object) -> ev.Event:
    return ev.Event(metric_logged=ev.MetricLogged(rows=count, columns=columns, **fields))


def numbers(*values: float, key: str = "loss") -> ev.Column:
    return ev.Column(key=key, f64=ev.F64Values(values=values))


def cells(*texts: str, key: str = "note") -> ev.Column:
    return ev.Column(key=key, json=ev.JsonValues(values=texts))


def summary(path: str) -> ev.Event:
    return ev.Event(summary_updated=ev.SummaryUpdated(set_json=json.dumps({path: 1})))


def config(text: str) -> ev.Event:
    return ev.Event(config_set=ev.ConfigSet(set_json=text))


FINISHED = ev.Event(index=2, run_finished=ev.RunFinished(exit_code=1))
ADMITTED = {
    "rows": batch(rows([1.0, 2.0]), count=2),
    "any number": batch(rows([math.nan, math.inf, -math.inf, -0.0, 5e-324]), count=5),
    "rows of two schemas between each other": batch(
        table(2, numbers(1.0, 2.0), indexes=[0, 2], steps=[0, 2]),
        ev.Event(index=1, run_finished=ev.RunFinished()),
        count=3,
    ),
    "masked rows": batch(table(2, numbers(1.0, 2.0), flags=[0, 1]), count=2),
    "rows without keys": batch(table(3, steps=[1, 2, 3]), count=3),
    "integers and booleans": batch(
        table(
            1,
            ev.Column(key="i", i64=ev.I64Values(values=[-(1 << 63)])),
            ev.Column(key="b", bools=ev.BoolValues(values=[True])),
        )
    ),
    "JSON cells": batch(table(3, cells("NaN", '{"a": [1, -Infinity]}', str(10**3000))), count=3),
    "escaped lone surrogate": batch(table(1, cells('"\\ud800"'))),
    "extended literals in a config": batch(config('{"lr": NaN, "x": {"y": [Infinity, null]}}')),
    "empty config": batch(config("")),
    "brackets in a string": batch(config('{"a": "' + "[{" * 1000 + '"}')),
    "a key at its limit": batch(table(1, numbers(1.0, key="é" * 256))),
    "lost records beyond a batch's limit": batch(
        ev.Event(records_lost=ev.RecordsLost(count=1_000_000)), rows([1.0], index=1_000_000), count=1_000_001
    ),
    "an event of a newer client": batch(ev.Event(index=0), count=1),
    "zeros that compress well": batch(
        count=100_000 // 2, codec=wire.CODEC_ZLIB, events=zlib.compress(encoded(rows([0.0] * 50_000)))
    ),
}


@pytest.mark.parametrize("admitted", ADMITTED.values(), ids=ADMITTED.keys())
def test_what_is_well_formed_is_admitted(admitted: wire.Batch):
    """Every value that a client can log is taken as it is."""
    assert admit(admitted) in {WriterMark.NONE, WriterMark.FINISHED}


def test_a_finish_marks_the_writer():
    """RunFinished is seen wherever it stands in the batch."""
    assert admit(batch(rows([1.0, 2.0]), FINISHED, count=3)) == WriterMark.FINISHED
    assert admit(batch(rows([1.0, 2.0]), count=2)) == WriterMark.NONE


ZEROS = zlib.compress(bytes(80 << 20), 9)
REFUSED = {
    "no records": (batch(count=0), "at least one"),
    "first 0": (batch(rows([1.0]), first=0), "numbered from 1"),
    "numbers beyond all": (batch(rows([1.0]), first=1 << 60), "new writer"),
    "too many bytes": (batch(events=bytes(limits.BATCH_BYTES_MAX + 1)), "send fewer records"),
    "not protobuf": (batch(events=b"\xff\xff\xff"), "no runwell.v1.Events"),
    "not UTF-8": (batch(events=b'\n\x0b\xc2\x01\x08\n\x06{"\xff"}!'), "no runwell.v1.Events"),
    "unknown codec": (batch(rows([1.0]), codec=9), "codec 9 is unknown"),
    "no codec": (batch(rows([1.0]), codec=0), "codec 0 is unknown"),
    "not zlib": (batch(rows([1.0]), codec=2), "no whole zlib stream"),
    "cut zlib": (batch(codec=2, events=zlib.compress(encoded(rows([1.0])))[:-3]), "cut short"),
    "bytes after zlib": (batch(codec=2, events=zlib.compress(encoded(rows([1.0]))) + b"x"), "after its end"),
    "a bomb": (batch(codec=2, events=ZEROS), "decompress to more than"),
    "a column too short": (batch(table(2, numbers(1.0)), count=2), "column 'loss' has 1 values for 2 rows"),
    "a column too long": (batch(table(1, numbers(1.0, 2.0))), "column 'loss' has 2 values for 1 rows"),
    "steps too short": (batch(table(2, steps=[1]), count=2), "steps has 1 items for 2 rows"),
    "times too long": (batch(table(1, times=[1.0, 2.0])), "times has 2 items"),
    "flags too long": (batch(table(1, flags=[1, 1])), "flags has 2 items"),
    "indexes too short": (batch(table(2, indexes=[1]), count=2), "indexes has 1 items"),
    "time not a number": (batch(table(1, times=[math.nan])), "not finite"),
    "event time infinite": (batch(ev.Event(time=math.inf)), "time is inf"),
    "no rows": (batch(table(0)), "rows is 0"),
    "key too long": (batch(table(1, numbers(1.0, key="é" * 257))), "log a shorter key"),
    "too many keys": (
        batch(table(1, *[numbers(1.0, key=str(number)) for number in range(limits.ROW_KEYS_MAX + 1)])),
        "log fewer a row",
    ),
    "key twice": (batch(table(1, numbers(1.0), numbers(2.0))), "one column a key"),
    "column of an unknown kind": (batch(table(1, ev.Column(key="loss"))), "upgrade the server"),
    "cell not JSON": (batch(table(1, cells("{nope"))), "value of 'note' '{nope' is not JSON"),
    "cell empty": (batch(table(1, cells(""))), "not JSON"),
    "cell with too many digits": (batch(table(1, cells("1" * 5000))), "not JSON"),
    "config not JSON": (batch(config("{]")), "set_json"),
    "config not an object": (batch(config("[1]")), "must be a JSON object"),
    "config too deep": (batch(config('{"a":' * 70 + "1" + "}" * 70)), "log flatter values"),
    "config far too deep": (batch(config("[" * 100_000 + "]" * 100_000)), "log flatter values"),
    "annotation not JSON": (
        batch(ev.Event(run_annotated=ev.RunAnnotated(summary=ev.SummaryUpdated(set_json="?")))),
        "set_json",
    ),
    "ended by itself": (batch(ev.Event(writer_ended=ev.WriterEnded(last=3))), "only the collector states this"),
    "record missing": (batch(rows([1.0]), count=2), "make up 1 records, and count is 2"),
    "record too many": (batch(rows([1.0, 2.0]), count=1), "make up 2 records"),
    "record twice": (batch(rows([1.0, 2.0]), rows([1.0], index=1), count=3), "two events stand for place 1"),
    "record beyond": (batch(rows([1.0]), rows([2.0], index=7), count=2), "an event stands for place 7"),
    "rows not in order": (batch(table(2, numbers(1.0, 2.0), indexes=[1, 0]), count=2), "do not ascend"),
    "summary path too long": (batch(summary("\x1f".join("a" * 300))), "shorter key"),
    "annotated path too long": (
        batch(ev.Event(run_annotated=ev.RunAnnotated(summary=ev.SummaryUpdated(removed=["a" * 513])))),
        "shorter key",
    ),
    "place twice": (batch(table(1, indexes=[0]), table(1, indexes=[0]), count=2), "overlap or leave gaps"),
    "nothing lost": (batch(ev.Event(records_lost=ev.RecordsLost(count=0)), count=1), "make up 0 records"),
    "more records than a batch takes": (
        batch(table(limits.BATCH_RECORDS_MAX + 1), count=limits.BATCH_RECORDS_MAX + 1),
        "at most 65536",
    ),
}


@pytest.mark.parametrize(("refused", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_malformed_is_refused_with_the_reason(refused: wire.Batch, reason: str):
    """Whatever nobody could read, count or fold later is refused, and the reason says what is wrong."""
    with pytest.raises(InvalidBatchError) as caught:
        admit(refused)
    assert reason in str(caught.value)


def test_the_reason_names_the_record():
    """The number in the reason is the writer's own, so that the record can be found in the spool."""
    with pytest.raises(InvalidBatchError, match=r"^record 103 \(config_set\): set_json"):
        admit(batch(rows([1.0, 2.0, 3.0]), ev.Event(index=3, config_set=ev.ConfigSet(set_json="{")), count=4))


def named_places(events: list[ev.Event]) -> list[int]:
    """Slow and obvious: every place that an event stands for."""
    places: list[int] = []
    for event in events:
        if event.WhichOneof("event") == "metric_logged":
            logged = event.metric_logged
            places += list(logged.indexes) or range(event.index, event.index + logged.rows)
        elif event.WhichOneof("event") == "records_lost":
            places += range(event.index, event.index + event.records_lost.count)
        else:
            places.append(event.index)
    return places


some_event = st.one_of(
    st.builds(ev.Event, index=st.integers(0, 4)),
    st.builds(
        lambda index, event: ev.Event(index=index, metric_logged=event.metric_logged),
        st.integers(0, 4),
        st.builds(table, st.integers(1, 4)),
    ),
    st.builds(
        lambda indexes: table(len(indexes), indexes=indexes), st.lists(st.integers(0, 6), min_size=1, max_size=3)
    ),
    st.builds(
        lambda index, count: ev.Event(index=index, records_lost=ev.RecordsLost(count=count)),
        st.integers(0, 5),
        st.integers(1, 3),
    ),
)


@given(st.lists(some_event, max_size=4), st.integers(1, 7))
def test_coverage_equals_counting_every_place(events: list[ev.Event], count: int):
    """A batch is covered exactly when the places of its events, one by one, are 0 to count - 1."""
    assert (coverage_fault(count, events) is None) == (sorted(named_places(events)) == list(range(count)))
