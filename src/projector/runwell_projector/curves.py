"""Series as charts want them: along an axis, within a range, at most so many points.

A *line* has points of the series, chosen by MinMaxLTTB, so that its shape stays and no spike is missed. *Bands* have the
exact least, greatest and mean of buckets of about equally many rows. Either has all points when they are few enough.
NaN and the infinities are in no line that was thinned; they are counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tsdownsample import LTTBDownsampler, MinMaxLTTBDownsampler

from runwell_projector.codecs import DTYPES, Array, Values
from runwell_projector.statistics import as_numbers, gathered, measured

AXES = ("step", "time", "relative", "metric")


@dataclass(frozen=True, slots=True)
class Lens:
    """How a series is looked at. ``least`` and ``most``, both included, are in the axis's own unit."""

    axis: str = "step"
    """"step", "time" (unix seconds), "relative" (seconds of the run) or "metric"."""
    axis_key: str | None = None
    """With "metric": which one; None means each key's own step metric."""
    least: float | None = None
    most: float | None = None
    samples: int = 1_000
    bands: bool = False
    masked: bool = False
    stream: str = "default"

    def within(self, x: Array) -> Array:
        """Which of these places are in the range."""
        inside = np.ones(len(x), np.bool_)
        if self.least is not None:
            inside &= x >= self.least
        if self.most is not None:
            inside &= x <= self.most
        return inside


@dataclass(frozen=True, slots=True)
class Curve:
    """What a chart draws. A line has columns "x" and "y"; bands have "x_min", "x_max", "count", "min", "max", "mean"."""

    axis: str
    """The shown key of the axis: "_step", "_timestamp", "_runtime" or a metric's."""
    points: int
    """Points of the series in the range."""
    columns: Mapping[str, Values]
    odd: Mapping[str, int] = field(default_factory=dict)
    """How many of them are "nan", "inf" and "-inf"."""


def curve_of(axis: str, x: Array, values: Values, lens: Lens) -> Curve:
    """The curve of all points in the range, which are in the order of ``x``."""
    if lens.bands and len(x):
        numbers = as_numbers(values) if values.kind in DTYPES else values.numbers()
        starts = np.unique(np.linspace(0, len(x), min(lens.samples, len(x)), endpoint=False).astype(np.int64))
        found = measured(numbers, starts)
        return Curve(axis, len(x), _bands(found, x[starts], x[np.append(starts[1:], len(x)) - 1]), _odd(found))
    chosen = np.arange(len(x)) if len(x) <= lens.samples else _chosen(x, values, lens.samples)
    return Curve(axis, len(x), {"x": numbers_of(x[chosen]), "y": values.chosen(chosen)}, odd_of(values))


@dataclass(frozen=True, slots=True)
class Overview:
    """Stripes of a series in the order of x, and where each begins, by row."""

    stripes: Array
    first_rows: Array
    rows: int
    x_of: Callable[[Array], Array]
    """Where some rows, in order, are on the axis. No row is before the one before it."""

    def curve(self, axis: str, lens: Lens) -> Curve:
        """The curve, drawn from the statistics alone."""
        odd = _odd(self.stripes)
        if lens.bands:
            count = len(self.stripes)
            starts = np.unique(np.linspace(0, count, min(lens.samples, count), endpoint=False).astype(np.int64))
            firsts = self.first_rows[starts]
            lasts = np.append(firsts[1:], self.rows) - 1
            found = gathered(self.stripes, starts)
            return Curve(axis, self.rows, _bands(found, self.x_of(firsts), self.x_of(lasts)), odd)
        x, y = self._candidates()
        if len(x) > lens.samples:
            chosen = _thinned(LTTBDownsampler(), x, y, lens.samples)
            x, y = x[chosen], y[chosen]
        return Curve(axis, self.rows, {"x": numbers_of(x), "y": numbers_of(y)}, odd)

    def _candidates(self) -> tuple[Array, Array]:
        """The least and the greatest point of each stripe, and both ends."""
        alive = self.stripes["count"] > 0
        stripes, starts, ends = self.stripes[alive], self.first_rows[alive], self.stripes[[0, -1]]
        rows = np.concatenate(
            [starts + stripes["least_at"], starts + stripes["greatest_at"], np.asarray([0, self.rows - 1])]
        )
        y = np.concatenate([stripes["least"], stripes["greatest"], [ends["first"][0], ends["last"][1]]])
        finite = np.isfinite(y)
        rows, places = np.unique(rows[finite], return_index=True)
        return self.x_of(rows), y[finite][places]


def _bands(found: Array, x_first: Array, x_last: Array) -> dict[str, Values]:
    counts = found["count"].astype(np.int64)
    least, greatest = found["least"], found["greatest"]
    if found.dtype["least"].kind == "f":
        least, greatest = (np.where(counts > 0, column, np.nan) for column in (least, greatest))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(counts > 0, found["total"] / counts, np.nan)
    columns = {"x_min": x_first, "x_max": x_last, "count": counts, "min": least, "max": greatest, "mean": mean}
    return {name: numbers_of(column) for name, column in columns.items()}


def numbers_of(array: Array) -> Values:
    """Floats or integers as a column."""
    return Values("f64" if array.dtype.kind == "f" else "i64", array)


def _odd(found: Array) -> dict[str, int]:
    names = {"nan": "nan", "inf": "inf", "-inf": "minus_inf"}
    return {shown: int(found[name].sum(dtype=np.int64)) for shown, name in names.items()}


def odd_of(values: Values) -> dict[str, int]:
    """How many numbers are not finite."""
    if values.kind != "f64":
        return dict.fromkeys(("nan", "inf", "-inf"), 0)
    array = values.array
    found = {"nan": np.isnan(array), "inf": array == np.inf, "-inf": array == -np.inf}
    return {name: int(np.count_nonzero(places)) for name, places in found.items()}


def _chosen(x: Array, values: Values, samples: int) -> Array:
    """Places of the points that keep the shape; of what are no numbers, points at equal distances."""
    numbers = values.numbers()
    places = np.flatnonzero(np.isfinite(numbers) & np.isfinite(x))
    if not len(places):
        return np.unique(np.linspace(0, len(x) - 1, samples).astype(np.int64))
    if len(places) <= samples:
        return places
    return places[_thinned(MinMaxLTTBDownsampler(), x[places], numbers[places], samples)]


def _thinned(sampler: Any, x: Array, y: Array, samples: int) -> Array:
    """Places of the samples. Fewer than four have no inner points to choose: both ends alone."""
    if samples < 4:
        return np.unique(np.linspace(0, len(x) - 1, max(1, samples)).astype(np.int64))
    found: Array = sampler.downsample(
        np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64), n_out=samples
    )
    return found.astype(np.int64)
