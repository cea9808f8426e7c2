"""A sweep's stream in a log, as a controller leaves it."""

import json
import zlib
from pathlib import Path

from runwell.core.frames import advance_chain
from runwell.core.sweeps.stream import SweepName
from runwell.v1 import collector_pb2
from runwell.v1.event_pb2 import Event, Events
from runwell_collector.log import NewBatch, RunId
from runwell_collector.log.sqlite import open_event_log

NAME = SweepName("ada", "digits", "lr")
CONFIG = {
    "method": "random",
    "name": "learning rates",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"min": 0.001, "max": 0.1}, "opt": {"values": ["adam", "sgd"]}},
    "run_cap": 5,
}


def sweep_events() -> list[Event]:
    """Four trials: two finished, one stopped early, one that failed."""
    created = {"by": "ada", "sweep_id": NAME.sweep_id, "config_json": json.dumps(CONFIG)}
    events = [Event(time=100.0, sweep_created=created)]
    ends = [("finished", 0.5), ("finished", 0.25), ("stopped", 0.9), ("failed", None)]
    for trial, (state, value) in enumerate(ends, 1):
        parameters = json.dumps({"lr": trial / 100, "opt": ("adam", "sgd")[trial % 2]})
        said = {
            "trial": trial,
            "attempt": 1,
            "parameters_json": parameters,
            "agent": "bench-1",
            "request_id": f"r{trial}",
        }
        events.append(Event(time=100.0 + 10 * trial, trial_suggested=said))
        reported = {"trial": trial, "attempt": 1, "state": state} | ({} if value is None else {"value": value})
        events.append(Event(time=105.0 + 10 * trial, trial_reported=reported))
    return events


def sweep_batch(events: list[Event], writer: bytes = NAME.writer) -> NewBatch:
    """The events as the first batch of a writer of the sweep's stream."""
    batch = Events()
    for index, event in enumerate(events):
        batch.events.append(event)
        batch.events[index].index = index
    data = batch.SerializeToString()
    chain = advance_chain(0, zlib.crc32(data))
    return NewBatch(RunId(*NAME.stream), writer, 1, len(events), 0, chain, 200.0, collector_pb2.CODEC_NONE, data)


async def write_sweep(data_dir: Path) -> None:
    """Appends the sweep to the log of a data directory."""
    async with open_event_log(data_dir / "log") as log:
        await log.append([sweep_batch(sweep_events())])
