"""Rows in columns: every column as long as its table, keys that can be indexed, times that can be ordered."""

import math
from itertools import pairwise

from runwell.core import limits
from runwell.v1 import event_pb2
from runwell_collector.payloads import cell_fault


def columns_fault(metrics: event_pb2.MetricLogged) -> str | None:
    """Why these rows cannot be taken; None when they can."""
    rows = metrics.rows
    if rows < 1:
        return "rows is 0; an event without rows stands for no record"
    if len(metrics.columns) > limits.ROW_KEYS_MAX:
        return f"its rows have {len(metrics.columns)} keys, at most {limits.ROW_KEYS_MAX} are taken; log fewer a row"
    for name, length in (
        ("indexes", len(metrics.indexes)),
        ("steps", len(metrics.steps)),
        ("times", len(metrics.times)),
        ("flags", len(metrics.flags)),
    ):
        if length not in (0, rows):
            return f"{name} has {length} items for {rows} rows; send one a row, or none"
    if metrics.indexes and any(later <= earlier for earlier, later in pairwise(metrics.indexes)):
        return "its indexes do not ascend; send its rows in the order of their records"
    # Only a sum of finite numbers is finite, short of times far beyond any clock: one pass without a loop of ours.
    if not math.isfinite(sum(metrics.times)):
        return "one of its times is not finite; send unix seconds"
    keys = set()
    for column in metrics.columns:
        if fault := _column_fault(column, rows):
            return fault
        keys.add(column.key)
    if len(keys) != len(metrics.columns):
        return "a key has two columns; send one column a key"
    return None


def _column_fault(column: event_pb2.Column, rows: int) -> str | None:
    key, kind = column.key, column.WhichOneof("values")
    if len(key) * 4 > limits.KEY_BYTES_MAX and len(key.encode()) > limits.KEY_BYTES_MAX:
        return f"key {key[:40]!r}… has {len(key.encode())} bytes, at most {limits.KEY_BYTES_MAX} are taken; log a shorter key"
    if kind is None:
        return f"column {key!r} has no values of a kind that this collector knows; upgrade the server"
    values = getattr(column, kind).values
    if len(values) != rows:
        return f"column {key!r} has {len(values)} values for {rows} rows; send one a row"
    if kind == "json":
        return next((fault for text in values if (fault := cell_fault(f"the value of {key!r}", text))), None)
    return None
