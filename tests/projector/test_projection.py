"""Views from batches: equal to the reference whatever the transactions, and never half of one."""

import json
import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from runwell.core import filters
from runwell.core.history import select
from runwell.v1 import event_pb2
from runwell_collector.log import RunId, StoredBatch
from runwell_projector.dump import dump_lines
from runwell_projector.files import ViewFiles
from runwell_projector.projection import Projection
from runwell_projector.query import Choice, Views
from runwell_projector.schema import create_views
from runwell_projector.sealing import SealRule
from tests.core.run_streams import RUN, deliveries, runs
from tests.core.test_fold import SEEDS, referred, text
from tests.core.test_history import SELECTIONS
from tests.projector.stored import renumbered, simple_run, stored

OTHER_RUN = ("team", "digits", "run-2")
SEAL_OFTEN = SealRule(rows=3, rows_min=2)


def projected(data_dir: Path, batches: Sequence[StoredBatch], chance: Random, rule: SealRule = SEAL_OFTEN) -> Path:
    """A new serving file with the batches, in random transactions, by projectors that are ended in between."""
    files = ViewFiles(data_dir)
    files.directory.mkdir(parents=True, exist_ok=True)
    path = files.new_path()
    done = 0
    while done < len(batches):
        with closing(create_views(path)) as connection:
            projection = Projection(connection, chance.choice([0, 1 << 20]), rule)
            if projection.offset == 0:
                projection.begin_log("log-1")
            assert projection.offset == done
            for _ in range(chance.randint(1, 3)):
                size = chance.randint(1, 6)
                if done < len(batches):
                    projection.apply(batches[done : done + size])
                    done = min(len(batches), done + size)
    files.publish(path)
    return path


def all_news(views: Views, limit: int) -> list[dict[str, Any]]:
    """What the tail has from the log's beginning to its end, rows of one writer and step put together."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    after, end = 0, views.status()["offset"]
    while after < end:
        news, after = views.tail(*RUN, after, select(masked=True), limit=limit)
        for lane in news:
            for row in lane["rows"]:
                found.setdefault((lane["writer"], row["_step"]), {}).update(row)
    return list(found.values())


def lines(path: Path) -> list[str]:
    with closing(create_views(path)) as connection:
        return list(dump_lines(connection))


def all_pages(views: Views, limit: int, selection: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page, cursor = views.history(*RUN, select(**selection), after=cursor, limit=limit)
        rows += page
        if cursor is None:
            return rows
        assert len(page) == limit


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_views_equal_the_reference(tmp_path_factory: pytest.TempPathFactory, seed: int):
    """Run, pages of history and series are the reference's, whatever transactions, restarts and resent batches."""
    chance = Random(seed)
    batches = deliveries(chance, runs(chance), duplicates=True)
    other = deliveries(chance, runs(chance))
    mixed = [*stored(batches), *stored(other, OTHER_RUN)]
    mixed.sort(key=lambda batch: batch.offset)
    data_dir = tmp_path_factory.mktemp("data")
    rule = SealRule(chance.randint(1, 6), chance.randint(1, 4))
    projected(data_dir, renumbered(mixed), chance, rule)
    reference = referred(batches)
    with Views.open(data_dir) as views:
        view = views.run(*RUN)
        assert view
        del view["writers"]
        assert text(view) == text(reference.view())
        selection = chance.choice(SELECTIONS)
        expected = reference.history(**selection, carried=True)
        assert text(all_pages(views, chance.randint(1, 5), selection)) == text(expected)
        masked = chance.random() < 0.3
        for key, series in views.series(*RUN, ["a", "x.a", "absent"], masked=masked).items():
            rows = reference.history([key], masked=masked)
            assert text(series["steps"]) == text([row["_step"] for row in rows])
            assert text(series["times"]) == text([row["_timestamp"] for row in rows])
            assert text(series["values"]) == text([row[key] for row in rows])
        everything = reference.history(masked=True, all_attempts=True)
        assert sorted(map(text, all_news(views, chance.randint(1, 8)))) == sorted(map(text, everything))


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_dumps_are_equal_whatever_the_transactions_and_the_order(tmp_path_factory: pytest.TempPathFactory, seed: int):
    """The canonical dump does not depend on transaction sizes, restarts, or the order between writers."""
    chance = Random(seed)
    run = runs(chance)
    one, other = stored(deliveries(chance, run)), stored(deliveries(chance, run))
    rule = SealRule(chance.randint(1, 6), chance.randint(1, 4))
    data_dir = tmp_path_factory.mktemp("data")
    dumps = [lines(projected(data_dir, batches, chance, rule)) for batches in (one, one, other)]
    assert dumps[0] == dumps[1] == dumps[2]


def test_a_batch_that_cannot_be_folded_stops_only_its_run(tmp_path: Path):
    """It goes to poison with its offset and error, its run's later batches are held, everything else goes on."""
    good, bad = simple_run("good", 1), simple_run("bad", 2)
    bad[2] = replace(bad[2], events=b"\xff\xff")
    mixed = renumbered([batch for pair in zip(good, bad, strict=True) for batch in pair])
    projected(tmp_path, mixed, Random(1))
    with Views.open(tmp_path) as views:
        status = views.status()
        assert status["offset"] == len(mixed)
        assert status["poisoned"]["batches"] == len(bad) - 2
        (poisoned,) = status["poisoned"]["runs"]
        assert (poisoned["run_id"], poisoned["offset"], poisoned["batches"]) == ("bad", 6, len(bad) - 2)
        assert "UndecodableError" in poisoned["error"]
        found = {run["run_id"]: run["records"]["stored"] for run in views.runs()[1]}
        assert found == {"good": 14, "bad": 5}
        assert len(views.history("team", "digits", "bad")[0]) == 4


def test_a_run_that_cannot_be_written_down_stops_alone(tmp_path: Path):
    """A fold that no view can be made of goes to poison with the transaction's batches of its run; the others are there."""
    good, bad = simple_run("good", 1), simple_run("bad", 2)
    deep = event_pb2.Event(time=1000.0)
    deep.summary_updated.set_json = json.dumps({"\x1f".join("a" * 5_000): 1})
    bad[1] = replace(bad[1], count=1, events=event_pb2.Events(events=[deep]).SerializeToString())
    mixed = renumbered([batch for pair in zip(good, bad, strict=True) for batch in pair])
    path = projected(tmp_path, mixed, Random(1))
    with Views.open(tmp_path) as views:
        status = views.status()
        assert status["offset"] == len(mixed)
        (poisoned,) = status["poisoned"]["runs"]
        assert poisoned["run_id"] == "bad"
        assert "RecursionError" in poisoned["error"]
        assert "good" in {run["run_id"] for run in views.runs()[1]}
    assert lines(path)


def test_a_name_of_many_parts_costs_nothing(tmp_path: Path):
    """A key of a hundred thousand dots in a config is shown as it is; it is not what anybody filters by."""
    key = "." * 100_000
    run = simple_run("run", 1)
    event = event_pb2.Event(time=1000.0)
    event.config_set.set_json = json.dumps({key: 1, "lr": 2})
    run[1] = replace(run[1], count=1, events=event_pb2.Events(events=[event]).SerializeToString())
    projected(tmp_path, run[:2], Random(1))
    with Views.open(tmp_path) as views:
        assert views.runs(Choice(where=filters.parse("config.lr == 2")))[1][0]["config"] == {key: 1, "lr": 2}


def test_poison_in_a_transaction_takes_nothing_with_it(tmp_path: Path):
    """Earlier batches of the same run and transaction stay, as if the broken one had come in a transaction of its own."""
    bad = simple_run("bad", 2)
    bad[2] = replace(bad[2], events=b"\xff\xff")
    dumps = []
    for sizes in ([len(bad)], [1] * len(bad), [2, len(bad) - 2]):
        path = tmp_path / f"views-{len(sizes)}.db"
        done = 0
        with closing(create_views(path)) as connection:
            projection = Projection(connection)
            for size in sizes:
                projection.apply(bad[done : done + size])
                done += size
            dumps.append(list(dump_lines(connection)))
    assert dumps[0] == dumps[1] == dumps[2]


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path):
    """A disk that is full in the middle of a transaction costs nothing: the same batches are applied when there is room."""
    batches = simple_run("run", 1, batches=40, rows=200)
    with closing(create_views(tmp_path / "views.db")) as connection:
        projection = Projection(connection)
        projection.apply(batches[:3])
        before = list(dump_lines(connection))
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(sqlite3.OperationalError):
            projection.apply(batches[3:])
        assert list(dump_lines(connection)) == before
        connection.execute(f"PRAGMA max_page_count = {1 << 30}")
        projection.apply(batches[3:])
        after = list(dump_lines(connection))
    with closing(create_views(tmp_path / "other.db")) as connection:
        Projection(connection).apply(batches)
        assert list(dump_lines(connection)) == after


def test_one_write_for_a_run_and_transaction(tmp_path: Path):
    """However many batches of a run a transaction has, its row is written once."""
    batches = simple_run("run", 1, batches=20)[:-1]
    statements: list[str] = []
    with closing(create_views(tmp_path / "views.db")) as connection:
        connection.set_trace_callback(statements.append)
        Projection(connection).apply(batches)
    assert sum(statement.startswith("INSERT INTO run ") for statement in statements) == 1
    assert sum(statement.lstrip().startswith("INSERT INTO block") for statement in statements) == 20


def test_forgotten_runs_are_read_again(tmp_path: Path):
    """With room for no run in memory the views are the same, and memory holds one at most."""
    batches = renumbered(sorted(simple_run("one", 1) + simple_run("two", 2), key=lambda batch: batch.first))
    dumps = []
    for cache_bytes_max in (0, 1 << 20):
        with closing(create_views(tmp_path / f"{cache_bytes_max}.db")) as connection:
            projection = Projection(connection, cache_bytes_max)
            for batch in batches:
                projection.apply([batch])
            dumps.append(list(dump_lines(connection)))
            assert projection.runs_kept == (1 if cache_bytes_max == 0 else 2)
    assert dumps[0] == dumps[1]
    assert RunId("team", "digits", "one") in {batch.run for batch in batches}


def test_alerts_are_kept_once_and_read_in_whole_batches(tmp_path: Path):
    """Resent ones change nothing; who follows them gets each once, in the log's order, and a time that is none is when they came."""
    run = simple_run("run", 1)
    said = [event_pb2.Event(time=time) for time in (5.0, math.nan)]
    for index, event in enumerate(said):
        event.index = index
        event.alert_raised.title, event.alert_raised.wait_s = f"title {index}", math.nan
    both = event_pb2.Events(events=said).SerializeToString()
    run[1] = replace(run[1], count=2, events=both)
    one = event_pb2.Events(events=said[:1]).SerializeToString()
    run[2] = replace(run[1], first=run[1].first + 2, count=1, events=one)
    projected(tmp_path, renumbered([*run[:3], *run[1:3]]), Random(1))
    with Views.open(tmp_path) as views:
        found, after = views.new_alerts(0, limit=1)
        assert [alert["record"] for alert in found] == [run[1].first, run[1].first + 1]
        rest, after = views.new_alerts(after, limit=1)
        assert [alert["record"] for alert in rest] == [run[2].first]
        assert views.new_alerts(after, limit=1) == ([], 5)
        listed = views.alerts(RunId(*run[0].run), 10)
        assert {(alert["time"], alert["wait_s"]) for alert in listed} == {(5.0, 0.0), (run[1].received_at, 0.0)}
        assert views.alerts((run[0].run.entity, "other", None), 10) == []
