"""What is kept beside a sealed column, so that a chart from afar reads no values: statistics of every stripe of its rows.

A stripe is ``STRIPE_ROWS`` rows. NaN and the infinities are counted apart; count, least, greatest and total are those of
the finite numbers, with the places of the first least and greatest one within the stripe. Integers' statistics are
integers, but for the total, which is a float; booleans count as 0 and 1.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from runwell_projector.codecs import DTYPES, Array, Values

STRIPE_ROWS = 512
"""A million rows make 1,954 stripes, enough for a chart of a thousand points; they take a tenth of a byte a row."""

COUNTS = [(name, "<u4") for name in ("count", "nan", "inf", "minus_inf", "least_at", "greatest_at")]
FLOATS = np.dtype([*COUNTS, *((name, "<f8") for name in ("least", "greatest", "first", "last")), ("total", "<f8")])
INTEGERS = np.dtype([*COUNTS, *((name, "<i8") for name in ("least", "greatest", "first", "last")), ("total", "<f8")])


def stripes_of(values: Values) -> bytes | None:
    """The statistics of a column; None for one that holds what is no number."""
    if values.kind not in DTYPES:
        return None
    array = as_numbers(values)
    starts = starts_of(len(array))
    found = measured(array, starts)
    finite = np.isfinite(array)
    if finite.all():
        _place(found, "least_at", np.argmin, array)
        _place(found, "greatest_at", np.argmax, array)
    else:
        _place(found, "least_at", np.argmin, np.where(finite, array, np.inf))
        _place(found, "greatest_at", np.argmax, np.where(finite, array, -np.inf))
    return found.tobytes()


def as_numbers(values: Values) -> Array:
    """A column of numbers; booleans as integers."""
    return values.array.astype(np.int64) if values.kind == "bools" else np.asarray(values.array)


def read_stripes(kind: str, data: bytes) -> Array:
    """The statistics of ``stripes_of``, an item a stripe."""
    return np.frombuffer(data, FLOATS if kind == "f64" else INTEGERS)


def starts_of(rows: int) -> Array:
    """Where the stripes of so many rows begin."""
    return np.arange(0, rows, STRIPE_ROWS)


def measured(array: Array, starts: Array) -> Array:
    """Statistics of the rows between ``starts``, without the places of the least and the greatest."""
    integers = array.dtype == np.int64
    found = np.zeros(len(starts), INTEGERS if integers else FLOATS)
    found["first"], found["last"] = array[starts], array[np.append(starts[1:], len(array)) - 1]
    least = greatest = totals = array
    finite = np.isfinite(array)
    if finite.all():
        found["count"] = np.diff(np.append(starts, len(array)))
    else:
        for name, odd in (("nan", np.isnan(array)), ("inf", array == np.inf), ("minus_inf", array == -np.inf)):
            found[name] = np.add.reduceat(odd, starts, dtype=np.int64)
        found["count"] = np.add.reduceat(finite, starts, dtype=np.int64)
        least, greatest = np.where(finite, array, np.inf), np.where(finite, array, -np.inf)
        totals = np.where(finite, array, 0.0)
    found["least"], found["greatest"] = np.minimum.reduceat(least, starts), np.maximum.reduceat(greatest, starts)
    if integers:
        # The halves' sums fit 64 bits, the whole ones' may not.
        high, low = np.add.reduceat(array >> 32, starts), np.add.reduceat(array & 0xFFFFFFFF, starts)
        found["total"] = high.astype(np.float64) * 2.0**32 + low
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            found["total"] = np.add.reduceat(totals, starts)
    return found


def gathered(stripes: Array, starts: Array) -> Array:
    """Statistics of the stripes between ``starts``, put together."""
    found = np.zeros(len(starts), stripes.dtype)
    for name in ("count", "nan", "inf", "minus_inf", "total"):
        found[name] = np.add.reduceat(stripes[name], starts, dtype=np.float64 if name == "total" else np.int64)
    found["least"] = np.minimum.reduceat(stripes["least"], starts)
    found["greatest"] = np.maximum.reduceat(stripes["greatest"], starts)
    found["first"], found["last"] = stripes["first"][starts], stripes["last"][np.append(starts[1:], len(stripes)) - 1]
    return found


def _place(found: Array, name: str, place_of: Callable[..., Any], array: Array) -> None:
    whole = len(array) // STRIPE_ROWS
    head, rest = array[: whole * STRIPE_ROWS].reshape(whole, STRIPE_ROWS), array[whole * STRIPE_ROWS :]
    if whole:
        found[name][:whole] = place_of(head, axis=1)
    if len(rest):
        found[name][whole:] = place_of(rest)
