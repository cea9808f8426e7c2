"""The curves of a run: of each key along the axis that is asked for.

Along a metric, a point is where that metric was: the value logged with it, else the latest before it of the same lane.
This is found out when it is read, so a step metric that is defined later also counts for what was logged before. A point
from before the metric's first value has no place and is left out.
"""

import json
import sqlite3
from collections.abc import Sequence

import numpy as np

from runwell_projector.afar import read_curve
from runwell_projector.ancestry import Ancestry, find_ancestry, lanes_of, series_of
from runwell_projector.carrying import metric_rules
from runwell_projector.codecs import DTYPES, Array
from runwell_projector.curves import Curve, Lens, curve_of
from runwell_projector.series import Series

SHOWN_AXES = {"step": "_step", "time": "_timestamp", "relative": "_runtime"}


def read_curves(
    connection: sqlite3.Connection, run: tuple[str, str, str], keys: Sequence[str], lens: Lens
) -> dict[str, Curve]:
    """Each key's curve; none for keys that the run does not have."""
    axes = _axes(connection, run, keys, lens)
    wanted = frozenset(keys) | {axis for axis in axes.values() if axis not in SHOWN_AXES.values()}
    ancestry = find_ancestry(connection, run, wanted, lens.stream)
    if ancestry is None:
        return {}
    alone = len(ancestry.parts) == 1
    curves: dict[str, Curve] = {}
    metrics: dict[str, dict[int, Series]] = {}
    for key, axis in axes.items():
        fast = alone and axis in SHOWN_AXES.values()
        curve = read_curve(connection, ancestry.own, key, axis, lens) if fast else None
        if curve is None:
            series = series_of(connection, ancestry, [key], masked=lens.masked)[key]
            if axis not in metrics and axis not in SHOWN_AXES.values():
                metrics[axis] = lanes_of(connection, ancestry, axis, masked=lens.masked)
            curve = _whole(ancestry, series, axis, metrics.get(axis, {}), lens)
        if curve is not None:
            curves[key] = curve
    return curves


def _axes(connection: sqlite3.Connection, run: tuple[str, str, str], keys: Sequence[str], lens: Lens) -> dict[str, str]:
    """The axis of each key, by its shown key."""
    if lens.axis != "metric":
        return dict.fromkeys(keys, SHOWN_AXES[lens.axis])
    if lens.axis_key is not None:
        return dict.fromkeys(keys, lens.axis_key)
    found = connection.execute("SELECT view FROM run WHERE entity = ? AND project = ? AND run_id = ?", run).fetchone()
    rules = metric_rules(json.loads(found[0])["metrics"] if found else [])
    metrics = {key: rules.of(key) for key in keys}
    return {key: metric.step_metric or "_step" if metric else "_step" for key, metric in metrics.items()}


def _whole(ancestry: Ancestry, series: Series, axis: str, metric: dict[int, Series], lens: Lens) -> Curve | None:
    if not len(series):
        return None
    x = _places(ancestry, series, axis, metric)
    known = ~np.isnan(x) if x.dtype.kind == "f" else np.ones(len(x), np.bool_)
    known &= lens.within(x)
    if not known.all():
        series, x = series.chosen(known), x[known]
    if np.any(x[1:] < x[:-1]):
        order = np.argsort(x, kind="stable")
        series, x = series.chosen(order), x[order]
    return curve_of(axis, x, series.values, lens)


def _places(ancestry: Ancestry, series: Series, axis: str, metric: dict[int, Series]) -> Array:
    """Where each point is on the axis; NaN where that is nowhere."""
    if axis == "_step":
        return series.steps
    if axis == "_timestamp":
        return series.times
    if axis == "_runtime":
        zeros: Array = np.asarray([head.zero_time for head in ancestry.heads])[series.lanes]
        return series.times - zeros
    x = np.full(len(series), np.nan)
    for lane in np.unique(series.lanes).tolist():
        if lane in metric and len(metric[lane]):
            points = np.flatnonzero(series.lanes == lane)
            x[points] = latest(metric[lane], series.steps[points])
    return x


def latest(metric: Series, steps: Array) -> Array:
    """The metric's value at each step of its lane, else the latest before; what is no number says nothing."""
    numbers = metric.values.numbers()
    told = np.arange(len(metric))
    if metric.values.kind not in DTYPES:
        told = np.flatnonzero([isinstance(value, int | float) for value in metric.values.objects()])
    places = np.searchsorted(metric.steps[told], steps, side="right") - 1
    found = np.full(len(steps), np.nan)
    found[places >= 0] = numbers[told[places[places >= 0]]]
    return found
