"""What sources of figures have in common."""

import os
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from runwell.core.keys import PATH_SEPARATOR

Figures = dict[str, float]
"""Path to number; ``runwell.core.system`` says what there is."""


class Source(Protocol):
    """Something to look at. Anything that ``look`` raises costs this source's part of the sample alone."""

    def look(self, now: float) -> Figures:
        """The figures at ``now``, monotonic seconds."""
        ...


def looked(looks: Iterable[Callable[[], Figures]]) -> Figures:
    """What all looks together give; one that raises costs its own figures alone."""
    found: Figures = {}
    for look in looks:
        try:
            found |= look()
        except Exception:  # noqa: BLE001 - whatever a driver or a file system answers, the other figures are still right
            continue
    return found


def path(*labels: str) -> str:
    """The path of a figure; a separator within a label would end it."""
    return PATH_SEPARATOR.join(label.replace(PATH_SEPARATOR, ".") for label in labels)


class Changes:
    """Counters that only grow, as their change between two looks."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float]] = {}

    def rate(self, name: str, value: float, base: float) -> Figures:
        """``name`` with the counter's change for each unit of ``base``, such as seconds.

        Nothing at the first look, and when either went backwards: the counter began anew.
        """
        before = self._last.get(name)
        self._last[name] = value, base
        if before is None or base <= before[1] or value < before[0]:
            return {}
        return {name: (value - before[0]) / (base - before[1])}


def figure_fields(figures: Figures) -> dict[str, Any]:
    """The fields of SystemMetricLogged."""
    columns = [{"key": path, "f64": {"values": [value]}} for path, value in figures.items()]
    return {"host": os.uname().nodename, "metrics": {"rows": 1, "columns": columns}}
