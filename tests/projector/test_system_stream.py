"""Samples of machines and processes in the views: a history of their own, and the gauges of what runs."""

import math
from pathlib import Path
from typing import Any

import pytest

from runwell.core import limits
from runwell.core.history import select
from runwell.v1 import event_pb2
from runwell_collector.log import RunId, StoredBatch
from runwell_projector.files import ViewFiles
from runwell_projector.gauges import RUN_SERIES
from runwell_projector.projection import Projection
from runwell_projector.query import Since, Views
from runwell_projector.schema import create_views
from tests.core.run_streams import Batch
from tests.projector.stored import scalars, stored

RUN = ("team", "digits", "sampled")


def started(host: str, pid: int, attempt: int = 1) -> event_pb2.Event:
    event = event_pb2.Event(time=1000.0)
    message = event.run_started if attempt == 1 else event.run_resumed
    message.process.host, message.process.pid = host, pid
    if attempt > 1:
        event.run_resumed.attempt = attempt
    return event


def sample(at: float, index: int = 0, **figures: float) -> event_pb2.Event:
    """Figures by path with double underscores between labels."""
    event = event_pb2.Event(time=at, index=index)
    event.system_metric_logged.host = "bench"
    event.system_metric_logged.metrics.rows = 1
    for name, value in figures.items():
        column = event.system_metric_logged.metrics.columns.add(key=name.replace("__", "\x1f"))
        column.f64.values.append(value)
    return event


def writer(number: int, events: list[event_pb2.Event]) -> list[Batch]:
    """One batch an event of one record; rows count as many as they are."""
    batches, first = [], 1
    for event in events:
        count = event.metric_logged.rows or 1
        batches.append(Batch(bytes([number]) * 16, first, count, event.time, [event]))
        first += count
    return batches


def projected(directory: Path, batches: list[StoredBatch]) -> Views:
    files = ViewFiles(directory)
    files.directory.mkdir(parents=True)
    path = files.new_path()
    connection = create_views(path)
    projection = Projection(connection)
    projection.begin_log("a log")
    projection.apply(batches)
    assert not projection.poisoned_runs
    connection.close()
    files.publish(path)
    return Views.open(directory)


def test_samples_are_a_history_of_their_own(tmp_path: Path):
    """Rows and samples of one run never mix: each stream has its own, samples of two attempts in the order of time."""
    first = writer(1, [started("bench", 1), scalars(0, 3), sample(1001.0, memory__used_bytes=1.0)])
    second = writer(
        2, [started("bench", 2, 2), sample(1000.5, cpu__used_ratio=0.5), sample(1001.0, cpu__used_ratio=0.6)]
    )
    with projected(tmp_path, stored([*first, *second], RUN)) as views:
        rows, _ = views.history(*RUN)
        assert [row["_step"] for row in rows] == [0, 1, 2]
        assert {key for row in rows for key in row} == {"_step", "_timestamp", "_runtime", "key0", "key1"}
        samples, _ = views.history(*RUN, select(stream="system"))
        assert [(row["_step"], row["_timestamp"]) for row in samples] == [
            (1001000, 1001.0),
            (1000500, 1000.5),
            (1001000, 1001.0),
        ]
        assert samples[0]["system.memory.used_bytes"] == 1.0
        only, _ = views.history(*RUN, select(["system.cpu.used_ratio"], 1_000_900, stream="system"))
        assert [row["system.cpu.used_ratio"] for row in only] == [0.6]
        parts, _ = views.tail(*RUN, 0, select(stream="system"))
        assert [len(part["rows"]) for part in parts] == [1, 2]
        parts, _ = views.tail(*RUN, 0)
        assert [len(part["rows"]) for part in parts] == [3]


def test_a_sample_at_any_time_is_kept(tmp_path: Path):
    """Times beyond any clock are clamped where they become steps; nothing stops the run."""
    odd = [sample(at, cpu__used_ratio=1.0) for at in (-1e300, 1e300)]
    with projected(tmp_path, stored(writer(1, [started("bench", 1), *odd]), RUN)) as views:
        samples, _ = views.history(*RUN, select(stream="system"))
        assert [row["_step"] for row in samples] == [-9 * 10**18, 9 * 10**18]


def live(views: Views, series_max: int = 1000, **changes: float) -> Any:
    since = {"received": 900.0, "made": 900.0, "crashed": 900.0} | changes
    return views.live_runs(Since(**since), series_max)


def test_gauges_are_last_values_of_what_runs(tmp_path: Path):
    """A live run shows its last numbers, in Prometheus's words, and its processes' last samples; of one process id the latest attempt's."""
    row = scalars(0, 2)
    row.metric_logged.columns.add(key="word").json.values.extend(['"a"', '"b"'])
    for key, value in {"odd": math.nan, "low": -math.inf, "high": math.inf, "a,b\n": 1e-07}.items():
        row.metric_logged.columns.add(key=key).f64.values.extend([1.0, value])
    first = writer(1, [started("bench", 7), row, sample(1001.0, gpu__0__used_ratio=0.5, nonsense__x=1.0)])
    second = writer(2, [started("bench", 7, 2), sample(1002.0, gpu__0__used_ratio=0.75)])
    with projected(tmp_path, stored([*first, *second], RUN)) as views:
        (run,) = live(views).runs
        assert run.name == RUN and run.last_step == 1
        names = ["a,b\n", "high", "key0", "key1", "low", "odd"]
        assert run.metrics == (names, ["1e-07", "+Inf", "1.0", "0.5", "-Inf", "NaN"])
        assert run.system == [["bench", "7", "1002.0", ["gpu\x1f0\x1fused_ratio"], ["0.75"]]]
        assert (run.stored, run.missing) == ("6", "0")
        assert run.series == RUN_SERIES + len(names) + 1
        assert (live(views).running, live(views).heard) == (1, 1)
        quiet, history = live(views, received=1e12), live(views, made=1003.0)
        assert (quiet.runs, quiet.heard, quiet.series) == ([], 0, 0)
        assert (history.runs, history.heard, history.series) == ([], 1, 0)


def test_metrics_are_chosen_by_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without a choice the first by name are shown, with globs those that they match, both bounded."""
    monkeypatch.setattr(limits, "EXPOSED_METRICS_DEFAULT", 3)
    monkeypatch.setattr(limits, "EXPOSED_METRICS_MAX", 2)
    plain, choosing = started("bench", 1), started("bench", 1)
    choosing.run_started.fields.prometheus_metrics.values.extend(["key?", "key1*"])
    batches = [
        batch
        for number, start in ((1, plain), (2, choosing))
        for batch in stored(writer(number, [start, scalars(0, 1, keys=15)]), ("team", "digits", str(number)))
    ]
    numbered = [
        StoredBatch(offset, RunId(*batch.run), *(getattr(batch, name) for name in StoredBatch.__slots__[2:]))
        for offset, batch in enumerate(batches, 1)
    ]
    with projected(tmp_path, numbered) as views:
        first, second = live(views).runs
        assert first.metrics[0] == ["key0", "key1", "key10"]
        assert second.metrics[0] == ["key0", "key1"]


def test_whole_runs_fit_the_oldest_first(tmp_path: Path):
    """Beyond the series that are asked for runs are only counted."""
    batches = [
        StoredBatch(offset, RunId("team", "digits", str(offset)), bytes([offset]) * 16, 1, 1, 1000.0, 1, events)
        for offset in range(1, 11)
        for event in [started("bench", 1)]
        for events in [event_pb2.Events(events=[event]).SerializeToString()]
    ]
    with projected(tmp_path, batches) as views:
        found = live(views, series_max=3 * RUN_SERIES + 1)
        assert [run.name[2] for run in found.runs] == ["1", "2", "3"]
        assert (found.heard, found.running, found.series) == (10, 10, 10 * RUN_SERIES)


def test_a_run_of_many_processes_leaves_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A run with more figures than may be shown has as many processes as fit; the rest is counted, and other runs are shown."""
    monkeypatch.setattr(limits, "EXPOSED_RUN_SERIES_MAX", RUN_SERIES + 5)
    ranks = [
        batch
        for rank in range(9)
        for batch in writer(
            rank, [started("bench", rank), sample(1001.0, process__threads=1.0, process__memory_bytes=2.0)]
        )
    ]
    small = stored(writer(20, [started("bench", 1)]), ("team", "digits", "small"), after=len(ranks))
    with projected(tmp_path, [*stored(ranks, RUN), *small]) as views:
        found = live(views, series_max=2 * RUN_SERIES + 5)
        assert [(run.name[2], len(run.system), run.series) for run in found.runs] == [
            ("sampled", 2, RUN_SERIES + 4),
            ("small", 0, RUN_SERIES),
        ]
        assert found.series == 2 * RUN_SERIES + 9 * 2


def test_runs_that_crashed_lately_are_counted(tmp_path: Path):
    """A run whose processes are gone without a word is no live one, and counted for a while."""
    gone = event_pb2.Event(time=1060.0)
    gone.writer_silent.timeout_s = 60
    batches = writer(1, [started("bench", 1)])
    silent = Batch(batches[0].writer, 2, 0, 1060.0, [gone])
    with projected(tmp_path, stored([*batches, silent], RUN)) as views:
        assert (live(views).running, live(views).crashed) == (0, 1)
        assert live(views, crashed=1061.0).crashed == 0
