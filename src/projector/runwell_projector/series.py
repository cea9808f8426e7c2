"""Whole series of a run. One lane, which is nearly every run, is read by column; several are merged like the history."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from runwell.core.history import LaneRows, MergedRow, Selection, merge_rows
from runwell.core.keys import shown
from runwell.core.lanes import LaneHead
from runwell.core.rows import MASKED, decode_json, record_numbers
from runwell.v1 import event_pb2
from runwell_projector.pages import RunBlocks

Series = dict[str, list[Any]]

DTYPES = {"f64": np.float64, "i64": np.int64, "bools": np.bool_}


def read_series(
    connection: sqlite3.Connection, blocks: RunBlocks, keys: Sequence[str], *, masked: bool
) -> dict[str, Series]:
    """``{key: {"steps", "times", "values"}}`` in history order."""
    events = list(_events(connection, blocks))
    by_key: dict[str, dict[int, list[tuple[int, event_pb2.Event]]]] = {key: {} for key in keys}
    for lane, first, event in events:
        for name in {shown(column.key) for column in event.metric_logged.columns} & by_key.keys():
            by_key[name].setdefault(lane, []).append((first, event))
    series = {}
    for key, lanes in by_key.items():
        if len(lanes) == 1:
            ((lane, found),) = lanes.items()
            series[key] = _one_lane(blocks.heads[lane], found, key, masked)
        else:
            selection = Selection(frozenset([key]), masked=masked)
            merged = merge_rows([LaneRows(blocks.heads[lane], found) for lane, found in lanes.items()], selection)
            series[key] = _columns(key, merged)
    return series


def _events(connection: sqlite3.Connection, blocks: RunBlocks) -> Iterator[tuple[int, int, event_pb2.Event]]:
    among = "" if blocks.key_sets is None else "AND key_set IN (SELECT value FROM json_each(?))"
    found = connection.execute(
        f"SELECT lane, first, payload FROM block WHERE run = ? {among} ORDER BY number",
        [blocks.number] if blocks.key_sets is None else [blocks.number, json.dumps(list(blocks.key_sets))],
    )
    for lane, first, payload in found:
        yield lane, first, event_pb2.Event.FromString(payload)


def _columns(key: str, rows: list[MergedRow]) -> Series:
    return {
        "steps": [row.step for row in rows],
        "times": [row.time for row in rows],
        "values": [row.values[key] for row in rows],
    }


def _one_lane(head: LaneHead, events: list[tuple[int, event_pb2.Event]], key: str, masked: bool) -> Series:
    """By column: put in order of record, the last of each step kept, hidden rows left out."""
    parts = [_part(first, event, key) for first, event in events]
    records, steps, times, masks = (np.concatenate([part[place] for part in parts]) for place in range(4))
    values = _joined([part[4] for part in parts])
    shown_rows = np.ones(len(steps), np.bool_) if masked else ~masks
    if head.step_max is not None:
        shown_rows &= steps <= head.step_max
    order = np.flatnonzero(shown_rows)
    if np.any(np.diff(records[order]) < 0):
        order = order[np.argsort(records[order], kind="stable")]
    if np.any(np.diff(steps[order]) <= 0):
        order = order[np.argsort(steps[order], kind="stable")]
        order = order[np.append(np.diff(steps[order]) != 0, True)]
    return {"steps": steps[order].tolist(), "times": times[order].tolist(), "values": values[order].tolist()}


def _part(first: int, event: event_pb2.Event, key: str) -> tuple[npt.NDArray[Any], ...]:
    """Records, steps, times, masks and values of one event."""
    message = event.metric_logged
    count = message.rows
    records = np.asarray(record_numbers(first, event.index, message), np.int64)
    steps = np.asarray(message.steps, np.int64) if message.steps else np.zeros(count, np.int64)
    times = np.asarray(message.times, np.float64) if message.times else np.full(count, event.time)
    masks = np.asarray(message.flags, np.uint32) & MASKED != 0 if message.flags else np.zeros(count, np.bool_)
    # Of two paths that are shown alike the later column wins, as in the history.
    column = [column for column in message.columns if shown(column.key) == key][-1]
    return records, steps, times, masks, _values(column, count)


def _values(column: event_pb2.Column, count: int) -> npt.NDArray[Any]:
    kind = column.WhichOneof("values")
    if kind in DTYPES:
        values = getattr(column, kind).values
        return np.asarray(values, DTYPES[kind]) if values else np.zeros(count, DTYPES[kind])
    texts: Sequence[str] = column.json.values or ["null"] * count
    return _objects([decode_json(text) for text in texts])


def _joined(parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """One array; of several types it holds Python objects, so that no integer becomes a float."""
    if len({part.dtype for part in parts}) == 1:
        return np.concatenate(parts)
    return _objects([value for part in parts for value in part.tolist()])


def _objects(values: list[Any]) -> npt.NDArray[Any]:
    array = np.empty(len(values), np.object_)
    for place, value in enumerate(values):
        array[place] = value
    return array
