"""The query library: runs, pages, series, and reads that wait for the log's end."""

import threading
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from runwell.core import filters
from runwell.core.history import select
from runwell.v1 import event_pb2
from runwell_collector.log import open_log_reader
from runwell_projector.files import ViewFiles
from runwell_projector.follower import Follower, Outcome
from runwell_projector.query import Choice, Views, wait_for_log_end
from tests.core.run_streams import RUN, Batch
from tests.core.test_fold import row
from tests.projector.stored import append, renumbered, scalars, simple_run, stored
from tests.projector.test_projection import projected

WRITER = b"\x07" * 16


def one_lane(data_dir: Path, events: list[event_pb2.Event], rows: list[int]) -> None:
    """A run of one writer, an event a batch."""
    start = event_pb2.Event(time=1000.0)
    start.run_started.process.host = "here"
    batches, first = [Batch(WRITER, 1, 1, 1.0, [start])], 2
    for event, count in zip(events, rows, strict=True):
        batches.append(Batch(WRITER, first, count, 1.0, [event]))
        first += count
    projected(data_dir, stored(batches), Random(0))


def test_before_there_are_views_everything_is_empty(tmp_path: Path):
    """A data directory without views, or without anything, answers with nothing."""
    with Views.open(tmp_path / "absent") as views:
        assert views.position() == 0
        assert views.projects() == []
        assert views.runs() == (0, [])
        assert views.run(*RUN) is None
        assert views.history(*RUN) == ([], None)
        assert views.series(*RUN, ["a"]) == {"a": {"steps": [], "times": [], "values": []}}
        assert views.status()["log_id"] is None
    assert wait_for_log_end(tmp_path, 0)


def test_runs_are_filtered_ordered_and_paged(tmp_path: Path):
    """Total counts all that match; order has missing values last, then entity, project and run id."""
    runs = [simple_run(f"run-{number}", number, batches=number % 3) for number in range(1, 8)]
    projected(tmp_path, renumbered([batch for part in runs for batch in part]), Random(1))
    with Views.open(tmp_path) as views:

        def asked(offset: int = 0, limit: int = 50, **choice: Any) -> tuple[int, list[str]]:
            total, found = views.runs(Choice(**choice), offset, limit)
            return total, [view["run_id"] for view in found]

        assert asked() == (7, [f"run-{number}" for number in range(7, 0, -1)])
        assert asked(limit=2, offset=1) == (7, ["run-6", "run-5"])
        assert asked(offset=100) == (7, [])
        assert asked(entity="team", project="digits")[0] == 7
        assert asked(project="other") == (0, [])
        logged = filters.parse("summary.key0 >= 0")
        assert asked(where=logged, order=filters.parse_order("run_id"))[1] == [
            "run-1",
            "run-2",
            "run-4",
            "run-5",
            "run-7",
        ]
        order = filters.parse_order("-summary.key0,run_id")
        assert asked(order=order)[1] == ["run-2", "run-5", "run-1", "run-4", "run-7", "run-3", "run-6"]
        (project,) = views.projects()
        assert (project["runs"], project["running"]) == (7, 0)


def test_deleted_runs_are_hidden_until_they_are_restored(tmp_path: Path):
    """A deleted run is found only by name or when it is asked for."""
    batches = simple_run("one", 1)
    deletion = event_pb2.Event(time=5000.0)
    deletion.run_deleted.by = "somebody"
    batches += stored([Batch(WRITER, 1, 1, 1.0, [deletion])], batches[0].run, len(batches))
    projected(tmp_path, batches, Random(1))
    with Views.open(tmp_path) as views:
        assert views.runs()[0] == 0
        assert views.projects() == []
        assert views.runs(Choice(deleted=True))[0] == 1
        view = views.run(*batches[0].run)
        assert view
        assert view["deleted"]
        assert view["state"] == "finished"


def test_pages_end_where_the_history_does(tmp_path: Path):
    """Pages of any size make up the whole history, and only the last one has no cursor."""
    one_lane(tmp_path, [scalars(2 + 50 * number, 50) for number in range(6)], [50] * 6)
    with Views.open(tmp_path) as views:
        whole, following = views.history(*RUN)
        assert following is None
        assert [found["_step"] for found in whole] == list(range(2, 302))
        for limit in (1, 49, 50, 299, 300):
            rows, cursor = views.history(*RUN, limit=limit)
            while cursor:
                page, cursor = views.history(*RUN, after=cursor, limit=limit)
                rows += page
            assert rows == whole


def test_a_cursor_stays_valid_while_the_run_grows(tmp_path: Path):
    """Rows that come later, also to the cursor's own step, are found from the old cursor on, and none twice."""
    one_lane(tmp_path, [scalars(2, 4)], [4])
    with Views.open(tmp_path) as views:
        _, cursor = views.history(*RUN, limit=3)
    one_lane(tmp_path, [scalars(2, 4), row(4, {"late": 1}), scalars(7, 2)], [4, 1, 2])
    with Views.open(tmp_path) as views:
        rows, _ = views.history(*RUN, after=cursor)
    assert [found["_step"] for found in rows] == [5, 7, 8]


@pytest.mark.parametrize("cursor", ["x", "W10", "bm9uZQ", "====", "é", "W251bGxd"])
def test_a_text_that_is_no_cursor_is_refused(tmp_path: Path, cursor: str):
    """The error says what it is about."""
    one_lane(tmp_path, [scalars(2, 4)], [4])
    with Views.open(tmp_path) as views, pytest.raises(ValueError, match="no cursor"):
        views.history(*RUN, after=cursor)


def test_series_keep_types_and_repeat_no_step(tmp_path: Path):
    """A key that was an integer and then a float has both; of values with one step the later wins."""
    integers, floats = row(2, {"v": 2**53 + 1}), scalars(3, 2, keys=0)
    floats.metric_logged.columns.add(key="v").f64.values.extend([0.5, 1.5])
    again = row(4, {"v": 7})
    one_lane(tmp_path, [integers, floats, again], [1, 2, 1])
    with Views.open(tmp_path) as views:
        series = views.series(*RUN, ["v"])["v"]
        assert series["steps"] == [2, 3, 4]
        assert list(map(repr, series["values"])) == ["9007199254740993", "0.5", "7"]
        assert views.history(*RUN, select(["v"]))[0] == [
            {"_step": step, "_timestamp": time, "_runtime": time - 1000.0, "v": value}
            for step, time, value in zip(series["steps"], series["times"], series["values"], strict=True)
        ]


async def test_a_read_waits_for_what_the_log_holds(tmp_path: Path):
    """False when the views do not get there in time; true as soon as they do."""
    await append(tmp_path, simple_run("one", 1))
    assert not wait_for_log_end(tmp_path, 0.01)
    reached: list[bool] = []
    waiting = threading.Thread(target=lambda: reached.append(wait_for_log_end(tmp_path, 30)))
    waiting.start()
    files, log = ViewFiles(tmp_path), open_log_reader(tmp_path)
    with closing(log), closing(Follower(files, log, lambda: 1 << 40, lambda: 0.0, lambda line: None)) as follower:
        while follower.step() is not Outcome.IDLE:
            pass
    waiting.join()
    assert reached == [True]
