"""The order of runs: a list of fields, each ascending or descending.

Numbers (booleans as 0 and 1) come first, then strings, then anything else; a missing field is last in both directions.
Equal runs are in the order of entity, project and run id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runwell.core.filters_tree import Field, bounded, kind

_RANKS = {"number": 0, "bool": 0, "string": 1}
UNORDERED_RANK = 2
"""NaN, lists and branches: present, but equal to each other in order."""
MISSING_RANK = 3


@dataclass(frozen=True, slots=True)
class Order:
    """One field to order by."""

    field: Field
    descending: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.field}"


DEFAULT_ORDER = (Order(Field("created_at"), descending=True),)
"""Newest first."""


def rank(value: Any) -> int:
    """Which values come first, whatever the direction."""
    return MISSING_RANK if value is None else _RANKS.get(kind(value), UNORDERED_RANK)


def ordered(views: Iterable[Mapping[str, Any]], orders: Sequence[Order]) -> list[Mapping[str, Any]]:
    """The run views in order; stable sorts from the last field to the first."""
    runs = sorted(views, key=lambda view: (view["entity"], view["project"], view["run_id"]))
    for order in reversed(orders or DEFAULT_ORDER):
        by_rank: dict[int, list[tuple[Any, Mapping[str, Any]]]] = {}
        for view in runs:
            value = order.field.value(view)
            by_rank.setdefault(rank(value), []).append((bounded(value), view))
        runs = []
        for number, entries in sorted(by_rank.items()):
            if number < UNORDERED_RANK:
                entries.sort(key=lambda entry: entry[0], reverse=order.descending)
            runs.extend(view for _, view in entries)
    return runs
