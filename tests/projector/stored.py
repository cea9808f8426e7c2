"""Batches as the log keeps them, and a real log that holds them."""

from collections.abc import Sequence
from pathlib import Path

from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.log import Appended, NewBatch, RunId, StoredBatch
from runwell_collector.log.sqlite import open_event_log
from tests.core.run_streams import RUN, Batch


def stored(batches: Sequence[Batch], run: tuple[str, str, str] = RUN, after: int = 0) -> list[StoredBatch]:
    """The batches at the offsets after ``after``."""
    return [
        StoredBatch(
            offset,
            RunId(*run),
            batch.writer,
            batch.first,
            batch.count,
            batch.received_at,
            collector_pb2.CODEC_NONE,
            event_pb2.Events(events=batch.events).SerializeToString(),
        )
        for offset, batch in enumerate(batches, after + 1)
    ]


def renumbered(batches: Sequence[StoredBatch]) -> list[StoredBatch]:
    """The same batches in this order, from offset 1."""
    names = ("run", "writer", "first", "count", "received_at", "codec", "events")
    return [StoredBatch(offset, *(getattr(batch, name) for name in names)) for offset, batch in enumerate(batches, 1)]


async def append(data_dir: Path, batches: Sequence[StoredBatch]) -> None:
    """Appends the batches to the data directory's log, all of which it must take."""
    async with open_event_log(data_dir / "log") as log:
        results = await log.append(
            [
                NewBatch(
                    batch.run,
                    batch.writer,
                    batch.first,
                    batch.count,
                    0,
                    0,
                    batch.received_at,
                    batch.codec,
                    batch.events,
                )
                for batch in batches
            ]
        )
    assert all(isinstance(result, Appended) for result in results)


def scalars(first: int, count: int, keys: int = 2) -> event_pb2.Event:
    """Rows of floats: record ``first`` has step ``first``."""
    event = event_pb2.Event(time=1000.0 + first)
    message = event.metric_logged
    message.rows = count
    message.steps.extend(range(first, first + count))
    message.times.extend(1000.0 + step for step in range(first, first + count))
    for number in range(keys):
        message.columns.add(key=f"key{number}").f64.values.extend(
            step / (number + 1) for step in range(first, first + count)
        )
    return event


def simple_run(name: str, writer: int, batches: int = 3, rows: int = 4) -> list[StoredBatch]:
    """A run of one writer that started, logged and finished."""
    writer_id = bytes([writer]) * 16
    start, finish = event_pb2.Event(time=1000.0 + writer), event_pb2.Event(time=2000.0)
    start.run_started.fields.name = name
    finish.run_finished.exit_code = 0
    parts = [Batch(writer_id, 1, 1, 3000.0 + writer, [start])]
    for number in range(batches):
        first = 2 + number * rows
        parts.append(Batch(writer_id, first, rows, 3000.0 + writer, [scalars(first, rows)]))
    parts.append(Batch(writer_id, 2 + batches * rows, 1, 3001.0 + writer, [finish]))
    return stored(parts, ("team", "digits", name))
