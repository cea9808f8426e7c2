"""What every table of runs has in common: which metrics it shows, and how times are told."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from runwell.core.filters_tree import leaves


def metric_columns(views: Iterable[Mapping[str, Any]], most: int) -> list[str]:
    """The summary keys with numbers that most of the runs have, as shown, at most ``most`` of them by name."""
    counts: Counter[str] = Counter()
    for view in views:
        named = (path for path, value in leaves(view["summary"]) if isinstance(value, int | float))
        counts.update(".".join(path) for path in named if not path[0].startswith("_"))
    return sorted(sorted(counts, key=lambda key: (-counts[key], key))[:most])


def age(seconds: float) -> str:
    """A time span in its greatest unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return "0 s"


def moment(seconds: float | None) -> str:
    """A time in UTC, to the second; nothing for one that no calendar has, as a broken clock may send."""
    try:
        return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""
