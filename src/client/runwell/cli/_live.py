"""What `runwell tail` knows of a run while it goes on; nothing here knows of terminals or connections."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

POINTS_KEPT = 120
"""Of each metric, for its curve."""

LINES_KEPT = 8

SPARKS = "▁▂▃▄▅▆▇█"
OWN_KEYS = frozenset({"_step", "_timestamp", "_runtime"})


@dataclass(slots=True)
class LiveRun:
    """Last values of metrics and figures, and the latest state."""

    view: dict[str, Any]
    metrics: dict[str, deque[float]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    step: int | None = None
    lines: dict[tuple[str, int], str] = field(default_factory=dict)
    """Of the console, by writer and number."""

    def add_line(self, line: Mapping[str, Any]) -> None:
        """Takes in a line of the console; one that comes again replaces what it was."""
        self.lines[line["writer"], line["line"]] = str(line["text"])
        while len(self.lines) > LINES_KEPT:
            del self.lines[next(iter(self.lines))]

    def last_lines(self) -> list[str]:
        """The lines that are shown."""
        return [*self.lines.values()]

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Takes in a row of the history."""
        self.step = int(row["_step"])
        for key, value in row.items():
            if key in OWN_KEYS:
                continue
            if isinstance(value, int | float):
                self.metrics.setdefault(key, deque(maxlen=POINTS_KEPT)).append(float(value))

    def add_sample(self, row: Mapping[str, Any]) -> None:
        """Takes in a sample of a machine or process."""
        for key, value in row.items():
            if key not in OWN_KEYS and isinstance(value, int | float):
                self.figures[key.removeprefix("system.")] = float(value)

    def bars(self) -> list[tuple[str, float, str]]:
        """Name, share from 0 to 1 and text of what has a share, GPUs last."""
        shares = [
            (name.removesuffix("_ratio").removesuffix(".used"), value, f"{value:.0%}")
            for name, value in self.figures.items()
            if name.endswith("used_ratio")
        ]
        for name, used in self.figures.items():
            total = self.figures.get(name.replace("memory_used_bytes", "memory_total_bytes"))
            if name.endswith(".memory_used_bytes") and total:
                shares.append((name.removesuffix("_used_bytes"), used / total, f"{used / 2**30:.1f} GiB"))
        return sorted(shares, key=lambda share: (share[0].startswith("gpu"), share[0]))


def spark(values: "deque[float]", width: int) -> str:
    """The last values as a row of blocks, as high as they are within their range."""
    shown = [value for value in values if value == value and abs(value) != float("inf")][-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    scale = (len(SPARKS) - 1) / (high - low) if high > low else 0.0
    return "".join(SPARKS[round((value - low) * scale)] for value in shown)


def bar(share: float, width: int) -> str:
    """A share as a bar."""
    full = round(max(0.0, min(share, 1.0)) * width)
    return "█" * full + "░" * (width - full)
