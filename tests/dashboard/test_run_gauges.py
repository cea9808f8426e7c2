"""What /metrics shows of runs: bounded, escaped, and as old as it says."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runwell.core import limits
from runwell.v1 import event_pb2
from runwell_collector.log import RunId, StoredBatch
from runwell_dashboard.exposition import Exposition, escaped
from runwell_projector.files import ViewFiles
from runwell_projector.gauges import RUN_SERIES
from runwell_projector.projection import Projection
from runwell_projector.query import LiveRun, LiveRuns
from runwell_projector.schema import create_views
from tests.api.scene import component
from tests.dashboard.requests import request

RUNS = 10_000
RUN = LiveRun(("e", "p", "r"), ("n", "", ""), 3, 990.0, "5", "6", ([], []), [])


def text_of(*runs: LiveRun, now: float = 1000.0) -> list[str]:
    live = LiveRuns(runs, len(runs), len(runs), 0, sum(run.series for run in runs))
    return Exposition().render(live, now).decode().splitlines()


def test_a_run_has_its_five_series():
    """Every run shows its names, step, time, and how complete it is; the constant that counts them says five."""
    lines = [line for line in text_of(RUN) if line.startswith("runwell_run_")]
    names = 'entity="e",project="p",run="r"'
    assert lines == [
        f'runwell_run_info{{{names},name="n",group="",job_type=""}} 1',
        f"runwell_run_step{{{names}}} 3",
        f"runwell_run_last_record_timestamp_seconds{{{names}}} 990.0",
        f"runwell_run_records{{{names}}} 5",
        f"runwell_run_missing_records{{{names}}} 6",
    ]
    assert len(lines) == RUN_SERIES


def test_values_are_as_prometheus_writes_them():
    """Numbers are as they were given; every label is escaped; two names that look alike are one series."""
    names = ["nan", "up", 'a"\\\n', "x\0", "x\ud800", "x\ufffd"]
    metrics = (names, ["NaN", "+Inf", "0.1", "1e-07", "3.0", "2.0"])
    lines = [line for line in text_of(RUN._replace(metrics=metrics)) if line.startswith("runwell_run_metric")]
    assert [re.sub(r".*metric=", "", line) for line in lines] == [
        '"nan"} NaN',
        '"up"} +Inf',
        '"a\\"\\\\\\n"} 0.1',
        '"x\ufffd"} 2.0',
    ]
    assert escaped("plain ü 🏃") == "plain ü 🏃"


def test_of_two_tellers_the_later_counts():
    """A machine of which two processes told, one after the other, is shown once; what is five minutes old is not."""
    path = "cpu\x1fused_ratio"
    system = [
        ("m", "2", "999.0", [path], ["0.5"]),
        ("m", "1", "998.5", [path], ["1"]),
        ("old", "3", "600", [path], ["2"]),
    ]
    lines = [line for line in text_of(RUN._replace(system=system)) if line.startswith("runwell_run_system")]
    assert lines == ['runwell_run_system_cpu_used_ratio{entity="e",project="p",run="r",host="m",device=""} 0.5']
    own = RUN._replace(system=[("m", "7", "999.0", ["process\x1fthreads", "unknown\x1fx"], ["4.0", "1"])])
    (line,) = [line for line in text_of(own) if line.startswith("runwell_run_system")]
    assert line.endswith('host="m",pid="7"} 4.0')


def test_a_name_that_changed_is_shown_at_once():
    """Lines are kept from scrape to scrape, and made anew when a name in them changes."""
    exposition = Exposition()
    for name in ("first", "first", "second"):
        live = LiveRuns([RUN._replace(labels=(name, "", ""))], 1, 1, 0, 5)
        assert f'name="{name}"' in exposition.render(live, 1000.0).decode()


def busy(now: float) -> Iterator[StoredBatch]:
    """One batch of each of very many runs that all go on."""
    for number in range(RUNS):
        event, row = event_pb2.Event(time=now), event_pb2.Event(time=now, index=1)
        event.run_started.process.host = "bench"
        row.metric_logged.rows = 1
        row.metric_logged.columns.add(key="loss").f64.values.append(number)
        events = event_pb2.Events(events=[event, row]).SerializeToString()
        run = RunId("team", "many", f"{number:05d}")
        yield StoredBatch(number + 1, run, number.to_bytes(16, "big"), 1, 2, now, 1, events)


@pytest.mark.slow
def test_ten_thousand_runs_stay_under_the_cap(tmp_path: Path):
    """With 10,000 active runs the answer has 5,000 series at most, of whole runs, says how many it left out, and does not flap."""
    files = ViewFiles(tmp_path)
    files.directory.mkdir(parents=True)
    path = files.new_path()
    connection = create_views(path)
    projection = Projection(connection)
    projection.begin_log("a log")
    batches = list(busy(time.time() + 60))
    for start in range(0, RUNS, 1000):
        projection.apply(batches[start : start + 1000])
    connection.close()
    files.publish(path)
    with component("runwell_dashboard", tmp_path) as said:
        texts = [request(said["http"], "/metrics", component="dashboard").body.decode() for _ in range(2)]
    for text in texts:
        series = [line for line in text.splitlines() if line.startswith("runwell_run_")]
        runs = {line.partition('run="')[2][:5] for line in series}
        assert len(series) == limits.EXPOSED_SERIES_MAX - limits.EXPOSED_SERIES_MAX % (RUN_SERIES + 1)
        assert runs == {f"{number:05d}" for number in range(len(series) // (RUN_SERIES + 1))}
        assert f"runwell_exposition_truncated_series {RUNS * (RUN_SERIES + 1) - len(series)}\n" in text
        assert f"runwell_running_runs {RUNS}\n" in text
