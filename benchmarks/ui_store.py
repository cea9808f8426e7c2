"""The stores that the pages are measured on, written straight into an event log."""

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.log import NewBatch, RunId
from runwell_collector.log.sqlite import open_event_log

CHARTS, RUNS_OF_CHARTS, POINTS_OF_CHARTS = 50, 10, 1_000
ROWS_A_BATCH = 5_000
KEYS_A_RUN = 100
"""Config keys, and as many summary keys."""

PLANTED = [(step, 1e6 + step) for step in (1_234, 54_321, 100_001, 150_150, 199_998)]


@dataclass(frozen=True)
class Scale:
    """How large the stores are."""

    points: int = 1_000_000
    wide_runs: int = 10_000
    many_runs: int = 100_000

    @classmethod
    def quick(cls) -> "Scale":
        """A look."""
        return cls(200_000, 1_000, 2_000)


class Run:
    """One run's batches."""

    def __init__(self, project: str, name: str, number: int, config: dict[str, float]) -> None:
        self._id, self._writer, self._durable = RunId("bench", project, name), number.to_bytes(16, "big"), 0
        start = event_pb2.Event(time=1_790_000_000.0 + number)
        start.run_started.fields.name = name
        start.run_started.process.user = "bench"
        setting = event_pb2.Event(
            time=1_790_000_000.0 + number, index=1, config_set=event_pb2.ConfigSet(set_json=json.dumps(config))
        )
        self.batches = [self._batch(2, [start, setting])]

    def rows(self, steps: range, columns: dict[str, list[float]]) -> None:
        """Rows of numbers."""
        message = event_pb2.MetricLogged(
            rows=len(steps),
            steps=steps,
            times=[1_790_000_000.0 + step / 10 for step in steps],
            columns=[
                event_pb2.Column(key=key, f64=event_pb2.F64Values(values=values)) for key, values in columns.items()
            ],
        )
        self.batches.append(self._batch(len(steps), [event_pb2.Event(time=1_790_000_000.0, metric_logged=message)]))

    def finish(self) -> list[NewBatch]:
        """The last batch, and all of them."""
        over = event_pb2.Event(time=1_790_000_100.0, run_finished=event_pb2.RunFinished(exit_code=0))
        self.batches.append(self._batch(1, [over]))
        return self.batches

    def _batch(self, count: int, events: list[event_pb2.Event]) -> NewBatch:
        data = event_pb2.Events(events=events).SerializeToString()
        first, self._durable = self._durable + 1, self._durable + count
        return NewBatch(self._id, self._writer, first, count, 0, 0, time.time(), collector_pb2.CODEC_NONE, data)


def long_run(number: int, points: int) -> Run:
    """One noisy curve with spikes of one point each."""
    chance, planted = random.Random(1), dict(PLANTED)
    run = Run("long", "long", number, {"lr": 0.1})
    for start in range(0, points, ROWS_A_BATCH):
        steps = range(start, min(points, start + ROWS_A_BATCH))
        run.rows(steps, {"loss": [planted.get(step, 1000 / (step + 1000) + chance.random() / 10) for step in steps]})
    return run


def chart_run(number: int, place: int) -> Run:
    """Many curves."""
    chance = random.Random(place)
    run = Run("charts", f"chart-{place}", number, {"seed": place})
    run.rows(
        range(POINTS_OF_CHARTS),
        {
            f"group_{key // 10}/metric_{key}": [chance.random() + step / 500 for step in range(POINTS_OF_CHARTS)]
            for key in range(CHARTS)
        },
    )
    return run


def table_run(project: str, number: int, place: int, keys: int) -> Run:
    """Many fields."""
    chance = random.Random(place)
    run = Run(project, f"run-{place}", number, {f"option_{key}": chance.random() for key in range(keys)})
    run.rows(range(1), {f"metric_{key}": [chance.random()] for key in range(keys)})
    return run


async def write_store(data_dir: Path, scale: Scale) -> None:
    """All runs into the log of a data directory."""
    number = 0

    def numbered() -> int:
        nonlocal number
        number += 1
        return number

    async with open_event_log(data_dir / "log") as log:
        for batch in long_run(numbered(), scale.points).finish():
            await log.append([batch])
        for place in range(RUNS_OF_CHARTS):
            for batch in chart_run(numbered(), place).finish():
                await log.append([batch])
        for project, runs, keys in (("wide", scale.wide_runs, KEYS_A_RUN), ("many", scale.many_runs, 10)):
            for start in range(0, runs, 200):
                made = [
                    table_run(project, numbered(), place, keys).finish()
                    for place in range(start, min(runs, start + 200))
                ]
                for step in range(3):
                    await log.append([batches[step] for batches in made])
