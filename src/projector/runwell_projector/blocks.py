"""Rows as the tail keeps them: one block for each MetricLogged or SystemMetricLogged event."""

from dataclasses import dataclass

from runwell.core.system import as_rows
from runwell.v1 import event_pb2

STREAMS = {"metric_logged": "default", "system_metric_logged": "system"}
"""The history that an event's rows belong to."""


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one event; ``first`` is the first record of its batch, ``place`` the event's index there."""

    writer: str
    stream: str
    keys: tuple[str, ...]
    offset: int
    place: int
    first: int
    rows: int
    step_min: int
    step_max: int
    time_min: float | None
    time_max: float | None
    payload: bytes


def block_of(writer: str, offset: int, first: int, event: event_pb2.Event) -> Block:
    """The block of an event of ``STREAMS`` with at least one row."""
    stream = STREAMS[event.WhichOneof("event") or ""]
    if stream == "system":
        event = as_rows(event)
    message = event.metric_logged
    assert message.rows
    steps, times = message.steps or [0], message.times or [event.time]
    return Block(
        writer,
        stream,
        tuple(column.key for column in message.columns),
        offset,
        event.index,
        first,
        message.rows,
        min(steps),
        max(steps),
        min(times),
        max(times),
        event.SerializeToString(deterministic=True),
    )
