"""What the views cost and how fast they answer: rows in, bytes, first reads, charts, the runs table, rows out.

    python -m benchmarks.series_store

Rows go straight into the projection, so nothing but the views is measured. Times are the least of several, in processor
time where only this process works; other work on the machine makes them longer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from runwell.core import limits
from runwell.core.filters import parse, parse_order
from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.log import RunId, StoredBatch
from runwell_projector.files import ViewFiles
from runwell_projector.projection import Projection
from runwell_projector.query import Choice, Lens, Views
from runwell_projector.schema import create_views

BATCH_ROWS = 2_000
RUN = RunId("bench", "store", "run")
START = 1_700_000_000.0
REPEATS = 7

FIRST_READ = """
import sys, time
from pathlib import Path
from runwell_projector.query import Views
began_at = time.process_time()
with Views.open(Path(sys.argv[1])) as views:
    series = views.series("bench", "store", "run", ["metric_3"])["metric_3"]
assert len(series["values"]) == int(sys.argv[2])
print(time.process_time() - began_at)
"""


def batches(rows: int, values: Callable[[int], Any], keys: int) -> Iterator[StoredBatch]:
    """One writer's rows; ``values`` gives a key's column."""
    columns = [values(key) for key in range(keys)]
    times = START + np.cumsum(np.random.default_rng(1).exponential(0.01, rows))
    for offset, start in enumerate(range(0, rows, BATCH_ROWS), 1):
        stop = min(rows, start + BATCH_ROWS)
        event = event_pb2.Event(time=START)
        message = event.metric_logged
        message.rows = stop - start
        message.steps.extend(range(start, stop))
        message.times.extend(times[start:stop].tolist())
        for key in range(keys):
            message.columns.add(key=f"metric_{key}").f64.values.extend(columns[key][start:stop].tolist())
        data = event_pb2.Events(events=[event]).SerializeToString()
        yield StoredBatch(offset, RUN, b"w" * 16, start + 1, stop - start, START, collector_pb2.CODEC_NONE, data)


def filled(data_dir: Path, rows: int, values: Callable[[int], Any], keys: int) -> dict[str, float]:
    """Views of one run that has ended: how fast they were made, and their bytes a point."""
    files = ViewFiles(data_dir)
    files.directory.mkdir(parents=True)
    path = files.new_path()
    everything = list(batches(rows, values, keys))
    ended = event_pb2.Events(events=[event_pb2.Event(run_finished=event_pb2.RunFinished())]).SerializeToString()
    last = StoredBatch(len(everything) + 1, RUN, b"w" * 16, rows + 1, 1, START, collector_pb2.CODEC_NONE, ended)
    with closing(create_views(path)) as connection:
        projection = Projection(connection)
        projection.begin_log("log")
        began_at = time.process_time()
        for part in transactions([*everything, last]):
            projection.apply(part)
        took_s = time.process_time() - began_at
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files.publish(path)
    return {"points_per_cpu_s": rows * keys / took_s, "bytes_per_point": path.stat().st_size / (rows * keys)}


def transactions(parts: list[StoredBatch]) -> Iterator[list[StoredBatch]]:
    """As the projector takes them."""
    found: list[StoredBatch] = []
    for part in parts:
        if found and sum(len(batch.events) for batch in found) + len(part.events) > limits.CHUNK_BYTES_MAX:
            yield found
            found = []
        found.append(part)
    yield found


def least_s(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """The least time of several."""
    found = []
    for _ in range(REPEATS):
        began_at = clock()
        work()
        found.append(clock() - began_at)
    return min(found)


def first_read_s(data_dir: Path, rows: int) -> float:
    """A series in a process that has read nothing yet: processor time, imports left out."""
    command = [sys.executable, "-c", FIRST_READ, str(data_dir), str(rows)]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(3))


def of_one_run(directory: Path, rows: int) -> dict[str, float]:
    """Figures of a run of 10 metrics, and of one of a single metric and ten times the rows."""
    noise = np.random.default_rng(2)
    found = {}
    ramp = filled(directory / "ramp", rows, lambda key: np.arange(rows) * 0.001 + key, 10)
    found |= {f"ramp_{name}": value for name, value in ramp.items()}
    found |= {
        f"noise_{name}": value
        for name, value in filled(directory / "noise", rows, lambda key: noise.random(rows), 10).items()
    }
    found["first_read_ms"] = 1000 * first_read_s(directory / "noise", rows)
    filled(directory / "long", 10 * rows, lambda key: noise.normal(size=10 * rows).cumsum(), 1)
    with Views.open(directory / "long") as views:
        for name, lens in (("line", Lens()), ("bands", Lens(bands=True)), ("line_by_time", Lens("time"))):
            found[f"{name}_of_1000_ms"] = 1000 * least_s(partial(views.curves, [RUN], ["metric_0"], lens))

        def pages() -> None:
            after: str | None = None
            while True:
                _, after = views.row_tables(*RUN, after=after)
                if after is None:
                    return

        found["rows_out_per_cpu_s"] = 10 * rows / least_s(pages)
    return found


def runs_written(directory: Path, runs: int, keys: int) -> None:
    """Views of many runs with so many config and as many summary keys."""
    files = ViewFiles(directory)
    files.directory.mkdir(parents=True)
    path = files.new_path()
    chance = np.random.default_rng(3)
    config = {f"parameter_{number}": number for number in range(keys)}
    with closing(create_views(path)) as connection:
        projection = Projection(connection)
        projection.begin_log("log")
        made = []
        for number in range(runs):
            lr = float(chance.random())
            events = event_pb2.Events()
            events.events.add(time=START + number).run_started.fields.name = f"run {number}"
            setting = events.events.add(time=START + number, index=1)
            setting.config_set.set_json = json.dumps({"lr": lr, **config})
            summary = events.events.add(time=START + number, index=2)
            summary.summary_updated.set_json = json.dumps({f"metric_{key}": lr * key for key in range(keys)})
            name = RunId("bench", "store", f"run-{number}")
            data = events.SerializeToString()
            made.append(StoredBatch(number + 1, name, number.to_bytes(16), 1, 3, START, collector_pb2.CODEC_NONE, data))
        for start in range(0, runs, limits.CHUNK_BATCHES_MAX):
            projection.apply(made[start : start + limits.CHUNK_BATCHES_MAX])
    files.publish(path)


def of_many_runs(directory: Path, name: str, runs: int, keys: int) -> dict[str, float]:
    """Pages of the runs table: in order, sorted, filtered, by a regular expression, grouped; and what the first sort takes."""
    runs_written(directory, runs, keys)
    columns = [
        parse_order(f"{section}_{key}")[0].field
        for section in ("config.parameter", "summary.metric")
        for key in range(keys)
    ]
    by_metric, by_lr = parse_order("-summary.metric_7"), parse("config.lr < 0.5 and summary.metric_3 > 0.1")
    choices = {
        "first_sort": Choice(order=by_metric),
        "rows": Choice(),
        "sort": Choice(order=by_metric),
        "filter": Choice(where=by_lr),
        "filter_and_sort": Choice(where=by_lr, order=by_metric),
        "regex": Choice(where=parse('name =~ "run.*77$"')),
    }
    found = {}
    with Views.open(directory) as views:
        assert views.runs(limit=1)[0] == runs
        found[f"{name}_list_500_ms"] = 1000 * least_s(lambda: views.run_texts(Choice(), 0, 500))
        for what, choice in choices.items():
            asked = partial(views.table, columns, choice, limit=100)
            found[f"{name}_{what}_ms"] = 1000 * (once_s(asked) if what.startswith("first") else least_s(asked))
        groups = partial(views.groups, [parse_order("config.parameter_3")[0].field], columns[-3:])
        found[f"{name}_groups_ms"] = 1000 * least_s(groups)
    return found


def once_s(work: Callable[[], object]) -> float:
    """Processor time."""
    began_at = time.process_time()
    work()
    return time.process_time() - began_at


def of_many_names(directory: Path, names: int) -> dict[str, float]:
    """The metrics of a run that logged so many, of which a regular expression finds a few."""
    files = ViewFiles(directory)
    files.directory.mkdir(parents=True)
    path = files.new_path()
    event = event_pb2.Event(time=START)
    event.metric_logged.rows = 1
    event.metric_logged.steps.append(0)
    event.metric_logged.times.append(START)
    for number in range(names):
        event.metric_logged.columns.add(key=f"layer_{number % 97}/weight_{number}").f64.values.append(1.0)
    data = event_pb2.Events(events=[event]).SerializeToString()
    with closing(create_views(path)) as connection:
        projection = Projection(connection)
        projection.begin_log("log")
        projection.apply([StoredBatch(1, RUN, b"w" * 16, 1, 1, START, collector_pb2.CODEC_NONE, data)])
    files.publish(path)
    with Views.open(directory) as views:
        found = views.keys(*RUN[:2], [RUN[2]], match="weight_.*777$")
        assert len(found) == len([number for number in range(names) if number % 1000 == 777])
        matched = least_s(lambda: views.keys(*RUN[:2], [RUN[2]], match="weight_.*777$"))
        return {
            "all_names_ms": 1000 * least_s(lambda: views.keys(*RUN[:2], [RUN[2]])),
            "names_regex_ms": 1000 * matched,
        }


TARGETS = {
    "first_read_ms": 30.0,
    "line_of_1000_ms": 5.0,
    "bands_of_1000_ms": 5.0,
    "line_by_time_of_1000_ms": 20.0,
    "many_list_500_ms": 50.0,
    "many_filter_and_sort_ms": 200.0,
    "many_sort_ms": 500.0,
    "many_filter_ms": 500.0,
    "many_regex_ms": 500.0,
    "wide_sort_ms": 200.0,
    "wide_filter_ms": 200.0,
    "names_regex_ms": 100.0,
}


def main() -> int:
    """Prints the figures; 1 when one of them misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="of the run of 10 metrics (default 100,000)")
    parser.add_argument(
        "--runs",
        type=int,
        default=100_000,
        help="of the runs table, and a tenth of them with 200 keys (default 100,000)",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="series-store-") as directory:
        found = of_one_run(Path(directory), options.rows)
        runs = options.runs // 10 if options.quick else options.runs
        found |= of_many_runs(Path(directory) / "many", "many", runs, 20)
        found |= of_many_runs(Path(directory) / "wide", "wide", runs // 10, 100)
        found |= of_many_names(Path(directory) / "names", 100_000)
    missed = False
    for name, value in found.items():
        target = TARGETS.get(name)
        verdict = "" if target is None else f"at most {target:,.0f}: {'reached' if value <= target else 'MISSED'}"
        missed |= "MISSED" in verdict
        print(f"  {name:24} {value:14,.2f}  {verdict}", flush=True)
    print(json.dumps({"benchmark": "series_store", **{name: round(value, 3) for name, value in found.items()}}))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
