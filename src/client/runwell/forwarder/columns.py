"""Turns rows of one schema into the columns of a ``MetricLogged``."""

import json
from collections.abc import Sequence
from typing import Any

from runwell.core.frames import JSON_ROW_PREFIX
from runwell.v1 import event_pb2

_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1

Columns = tuple[tuple[str, str], ...]
"""Keys of a row with their types: "d", "q", "?" or "json"."""


class RowGroup:
    """Rows of one schema in a batch, in record order, as they are gathered."""

    __slots__ = ("columns", "flags", "indexes", "rows")

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.indexes: list[int] = []
        self.flags: list[int] = []
        self.rows: list[tuple[Any, ...]] = []
        """Step, time, then the schema's values."""

    def write(self, event: event_pb2.Event) -> None:
        """Fills the event, which stands at the place of the first row."""
        event.time = self.rows[0][1]
        steps, times, *values = zip(*self.rows, strict=True)
        logged = begin(event, self.indexes, self.flags)
        logged.steps.extend(steps)
        logged.times.extend(times)
        for (key, kind), column in zip(self.columns, values, strict=True):
            _fill(logged.columns.add(key=key), kind, column)


def begin(event: event_pb2.Event, indexes: Sequence[int], flags: Sequence[int]) -> event_pb2.MetricLogged:
    """The event's rows, with where they stand in the batch."""
    event.index = indexes[0]
    logged = event.metric_logged
    logged.rows = len(indexes)
    if indexes[-1] - indexes[0] + 1 != len(indexes):
        logged.indexes.extend(indexes)
    if any(flags):
        logged.flags.extend(flags)
    return logged


def _fill(column: event_pb2.Column, kind: str, values: Sequence[Any]) -> None:
    match kind:
        case "d":
            column.f64.values.extend(values)
        case "q":
            column.i64.values.extend(values)
        case "?":
            column.bools.values.extend(values)
        case _:
            column.json.values.extend(values)


def parsed(payload: bytes) -> tuple[Columns, tuple[Any, ...]]:
    """Columns and step, time, values of a JSON row. Raises ValueError when it is not one."""
    step, time = JSON_ROW_PREFIX.unpack_from(payload)
    try:
        values = json.loads(payload[JSON_ROW_PREFIX.size :])
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004
    typed = [_typed(value) for value in values.values()]
    columns = tuple((text(key), kind) for key, (kind, _) in zip(values, typed, strict=True))
    return columns, (step, time, *(value for _, value in typed))


def text(words: str) -> str:
    """The text as protobuf takes it: lone surrogates are written as escapes."""
    return words.encode("utf-8", "backslashreplace").decode()


def _typed(value: Any) -> tuple[str, Any]:
    match value:
        case bool():
            return "?", value
        case int() if _INT64_MIN <= value <= _INT64_MAX:
            return "q", value
        case float():
            return "d", value
    return "json", json.dumps(value, separators=(",", ":"))
