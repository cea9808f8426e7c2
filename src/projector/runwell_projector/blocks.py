"""Rows as the tail keeps them: one block for each MetricLogged event."""

from dataclasses import dataclass

from runwell.v1 import event_pb2


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one event; ``first`` is the first record of its batch, ``place`` the event's index there."""

    writer: str
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
    """The block of a MetricLogged event with at least one row."""
    message = event.metric_logged
    assert message.rows
    steps, times = message.steps or [0], message.times or [event.time]
    return Block(
        writer,
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
