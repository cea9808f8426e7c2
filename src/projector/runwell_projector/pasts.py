"""What a run had logged by a step: what a fork of it, or a rewind, is told to go on from."""

import sqlite3
from typing import Any

import numpy as np

from runwell.core.history import select
from runwell.core.keys import shown
from runwell.core.numbers import Numbers
from runwell_projector.ancestry import Ancestry, find_ancestry, series_of, tables_of
from runwell_projector.codecs import DTYPES, Values
from runwell_projector.statistics import as_numbers

KEYS_AT_ONCE = 100


def read_past(connection: sqlite3.Connection, run: tuple[str, str, str], step: int) -> dict[str, Any]:
    """``{"statistics", "last_row"}`` of the rows up to a step, as ``runwell.core.pasts`` takes them."""
    ancestry = find_ancestry(connection, run, None)
    if ancestry is None:
        return {}
    paths = {shown(path): path for part in ancestry.parts for names in part.key_sets.values() for path in names}
    statistics = {}
    keys = sorted(paths)
    for start in range(0, len(keys), KEYS_AT_ONCE):
        for key, series in series_of(connection, ancestry, keys[start : start + KEYS_AT_ONCE], masked=False).items():
            series = series.chosen(series.steps <= step)
            measured = _measured(series.values) if len(series) else None
            if measured is not None:
                statistics[paths[key]] = measured
    return {"statistics": statistics, "last_row": _last_row(connection, ancestry, step)}


def _measured(values: Values) -> dict[str, Any] | None:
    """Statistics as a fold has them; None where all values are null, which says nothing."""
    numbers = Numbers()
    if values.kind in DTYPES:
        numbers.observe(as_numbers(values).tolist())
        ends = values.chosen(np.asarray([0, len(values) - 1])).objects()
    else:
        ends = [value for value in values.objects() if value is not None]
        for value in ends:
            numbers.observe_any(value)
    return numbers.view() | {"first": ends[0], "last": ends[-1]} if ends else None


def _last_row(connection: sqlite3.Connection, ancestry: Ancestry, step: int) -> dict[str, Any] | None:
    last = None
    for table in tables_of(connection, ancestry, select(["_step"], max_step=step + 1)):
        if len(table):
            last = table.chosen(np.asarray([len(table) - 1]))
    return None if last is None else last.shown(ancestry.heads)[0]
