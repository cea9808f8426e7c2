"""Folds are kept in parts: only what changed is written, and what is read back is what was."""

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runwell.v1 import event_pb2
from runwell_collector.log import StoredBatch
from runwell_projector import kept_summary
from runwell_projector.dump import dump_lines
from runwell_projector.projection import Projection
from runwell_projector.schema import create_views
from runwell_projector.states import packed, unpacked
from tests.core.run_streams import Batch
from tests.projector.stored import scalars, stored

KEYS = 200
"""Four parts of a lane's tracks."""


def one_key(step: int, key: int) -> event_pb2.Event:
    event = scalars(step, 1, 1)
    event.metric_logged.columns[0].key = f"key{key}"
    return event


def batches_of_many_keys() -> list[StoredBatch]:
    """Two writers log all keys, then single ones in turn; the first sets a config in between."""
    writers = [bytes([number]) * 16 for number in (1, 2)]
    batches = [Batch(writer, 1, 3, 100.0, [scalars(1, 3, KEYS)]) for writer in writers]
    for turn, key in enumerate((0, 63, 64, 130, KEYS - 1, KEYS, KEYS + 70), 4):
        batches.append(Batch(writers[turn % 2], 2 + turn // 2, 1, 100.0 + turn, [one_key(turn, key)]))
    config = event_pb2.Event(
        time=200.0, config_set=event_pb2.ConfigSet(set_json='{"big": 123456789012345678901234567890}')
    )
    batches.append(Batch(writers[0], 8, 1, 200.0, [config]))
    return stored(batches)


def test_a_transaction_writes_the_parts_that_changed(tmp_path: Path):
    """A row of one key writes the head of its lane and the part of that key, however many keys the run has."""
    batches = batches_of_many_keys()
    written: list[int] = []
    with closing(create_views(tmp_path / "views.db")) as connection:
        projection = Projection(connection)
        for batch in batches:
            before = dict(connection.execute("SELECT * FROM fold"))
            projection.apply([batch])
            after = connection.execute("SELECT * FROM fold").fetchall()
            written.append(sum(before.get(place) != state for place, state in after))
    assert written == [5, 4, 1, 1, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("cache_bytes_max", [0, 1 << 20])
def test_parts_that_were_written_at_different_times_are_one_fold(tmp_path: Path, cache_bytes_max: int):
    """Transactions of one batch and one transaction of all of them leave the same views."""
    batches = batches_of_many_keys()
    with closing(create_views(tmp_path / "views.db")) as connection:
        projection = Projection(connection, cache_bytes_max)
        for batch in batches:
            projection.apply([batch])
            if cache_bytes_max == 0:
                projection = Projection(connection, cache_bytes_max)
        found = list(dump_lines(connection))
    with closing(create_views(tmp_path / "other.db")) as connection:
        Projection(connection).apply(batches)
        assert list(dump_lines(connection)) == found


@pytest.mark.parametrize(
    "value", [2**70, -(2**64), "\ud800", float("inf"), -0.0, 5e-324, True, None, {"a\x1fb": [1, {}]}]
)
def test_whatever_a_state_holds_comes_back(value: object):
    """Also what MessagePack has no form for."""
    again = unpacked(packed([value]))
    assert repr(again) == repr([value])


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kept_summary_is_the_one_made_anew(seed: int):
    """The row of a run is the same to the letter, whether its summary was kept key by key or made anew each time."""
    batches = many_small_batches(Random(seed))
    assert rows_after_each(batches, keys_min=1) == rows_after_each(batches, keys_min=1 << 30)


def rows_after_each(batches: Sequence[StoredBatch], keys_min: int) -> list[Any]:
    with pytest.MonkeyPatch.context() as patch, closing(create_views(":memory:")) as connection:
        patch.setattr(kept_summary, "KEYS_MIN", keys_min)
        projection = Projection(connection)
        rows = []
        for batch in batches:
            projection.apply([batch])
            rows.append(connection.execute("SELECT * FROM run").fetchall())
        return rows


def many_small_batches(chance: Random) -> list[StoredBatch]:
    """Mostly rows of a few plain keys by two writers, and now and then what makes a summary more than that."""
    batches, next_records = [], [1, 1]
    odd = chance.choice([0.0, 0.05])
    for turn in range(25):
        event = event_pb2.Event(time=100.0 + turn)
        if chance.random() < odd:
            event.summary_updated.set_json, removed = chance.choice([('{"k1": 5}', []), ("", ["k1"])])
            event.summary_updated.removed.extend(removed)
        else:
            event.metric_logged.rows = 1
            event.metric_logged.steps.append(chance.choice([turn, turn // 2]))
            for key in chance.sample(
                ["k0", "k1", "k2", "k3", "_own", *(["_step"] if odd else [])], chance.randint(1, 3)
            ):
                column = event.metric_logged.columns.add(key=key if chance.random() >= odd else f"{key}\x1fbelow")
                if chance.random() < odd:
                    column.f64.values.append(math.nan)
                elif chance.random() < 0.3:
                    column.json.values.append(chance.choice(['"text"', "null", "7"]))
                else:
                    column.f64.values.append(chance.random())
        writer = chance.randint(0, 1)
        batches.append(Batch(bytes([1 + writer]) * 16, next_records[writer], 1, 500.0 + turn, [event]))
        next_records[writer] += 1
    return stored(batches)
