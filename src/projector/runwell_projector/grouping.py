"""Runs grouped by the values of fields, and the values that there are."""

import json
import math
from collections.abc import Sequence
from typing import Any

from runwell.core import filters
from runwell_projector.choice import Chosen

Kinds = tuple[Any, ...]


def read_groups(chosen: Chosen, by: Sequence[filters.Field], fields: Sequence[filters.Field]) -> list[dict[str, Any]]:
    """``{"values", "runs", "columns"}``: runs with equal values, largest group first.

    A column has the count, mean, min, max and std (of the population) of the finite numbers in its field, or None.
    """
    numbers: dict[Kinds, int] = {}
    counts: list[int] = []
    columns: list[list[list[float]]] = []
    width = 2 * len(by)
    for row in chosen.values([*by, *fields]):
        place = numbers.setdefault(row[:width], len(counts))
        if place == len(counts):
            counts.append(0)
            columns.append([[] for _ in fields])
        counts[place] += 1
        for column, kind, value in zip(columns[place], row[width::2], row[width + 1 :: 2], strict=True):
            if kind in ("integer", "real") and math.isfinite(value):
                column.append(value)
    shown = [
        {
            "values": values_of(values),
            "runs": counts[place],
            "columns": [_measures(column) for column in columns[place]],
        }
        for values, place in numbers.items()
    ]
    return sorted(shown, key=lambda group: (-group["runs"], json.dumps(group["values"])))


def read_values(chosen: Chosen, field: filters.Field, limit: int) -> list[dict[str, Any]]:
    """``{"value", "runs"}`` of the most frequent values of a field, the most frequent first; runs without one are left out."""
    found = chosen.frequent(field, limit)
    return [{"value": value_of(kind, value), "runs": runs} for kind, value, runs in found]


def values_of(row: Kinds) -> list[Any]:
    """The values of kinds and values, one after the other."""
    return [value_of(kind, value) for kind, value in zip(row[::2], row[1::2], strict=True)]


def value_of(kind: str, value: Any) -> Any:
    """A value as it was logged, from its JSON type and what SQLite makes of it; see ``leaves``."""
    if kind in ("true", "false"):
        return kind == "true"
    if kind == "object":
        return math.nan
    return json.loads(value) if kind == "array" else value


def _measures(numbers: list[float]) -> dict[str, float] | None:
    if not numbers:
        return None
    mean = math.fsum(numbers) / len(numbers)
    spread = math.fsum((number - mean) ** 2 for number in numbers) / len(numbers)
    return {
        "count": len(numbers),
        "mean": mean,
        "min": min(numbers),
        "max": max(numbers),
        "std": math.sqrt(spread),
    }
