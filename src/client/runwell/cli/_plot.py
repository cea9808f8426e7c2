"""A curve in a terminal, drawn with Braille dots, or with stars where the terminal cannot show those."""

import math
from collections.abc import Iterator, Sequence

from runwell.core.filters import bounded

BRAILLE = 0x2800
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a Braille character: two columns of four dots, from the top."""


def plot(xs: Sequence[float], ys: Sequence[float], width: int, height: int, braille: bool = True) -> list[str]:
    """The points as lines of text, ``width`` by ``height`` characters without labels; points that are not finite are
    left out. No spike is lost, however many points share a column.
    """
    numbers = zip(map(float, xs), map(float, map(bounded, ys)), strict=True)
    points = [(x, y) for x, y in numbers if math.isfinite(x) and math.isfinite(y)]
    if not points:
        return ["no finite values to draw"]
    across, down = (2, 4) if braille else (1, 1)
    low, high = min(y for _, y in points), max(y for _, y in points)
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    columns, rows = width * across, height * down
    bands: dict[int, tuple[int, int, int, int]] = {}
    for x, y in points:
        column, row = _scaled(x, left, right, columns), rows - 1 - _scaled(y, low, high, rows)
        first, _, top, bottom = bands.get(column, (row, row, row, row))
        bands[column] = (first, row, min(top, row), max(bottom, row))
    cells: dict[tuple[int, int], int] = {}
    for dot_column, dot_row in _dots(bands):
        cell = (dot_row // down, dot_column // across)
        cells[cell] = cells.get(cell, 0) | (DOTS[dot_column % 2][dot_row % 4] if braille else 1)
    return _labelled(cells, width, height, braille, (low, high), (left, right))


def _scaled(value: float, low: float, high: float, places: int) -> int:
    """Which of ``places`` a value falls on; halves before they are subtracted, for the span may exceed every float."""
    span = high / 2 - low / 2
    return 0 if span == 0 else min(places - 1, int((value / 2 - low / 2) / span * (places - 1) + 0.5))


def _dots(bands: dict[int, tuple[int, int, int, int]]) -> Iterator[tuple[int, int]]:
    """The dots of all columns, each with its first, last, topmost and lowest row: neighbours are joined by lines."""
    before: tuple[int, int] | None = None
    for column, (first, last, top, bottom) in sorted(bands.items()):
        yield from ((column, row) for row in range(top, bottom + 1))
        if before is not None:
            steps = max(column - before[0], abs(first - before[1]))
            for step in range(1, steps):
                across, down = (column - before[0]) * step / steps, (first - before[1]) * step / steps
                yield before[0] + round(across), before[1] + round(down)
        before = (column, last)


def _labelled(
    cells: dict[tuple[int, int], int],
    width: int,
    height: int,
    braille: bool,
    y_range: tuple[float, float],
    x_range: tuple[float, float],
) -> list[str]:
    """The drawing with the ends of both axes."""
    low, high = (f"{value:.5g}" for value in y_range)
    margin = max(len(low), len(high))
    lines = []
    for row in range(height):
        marks = (cells.get((row, column), 0) for column in range(width))
        drawn = "".join((chr(BRAILLE + mark) if braille else "*") if mark else " " for mark in marks)
        label = high if row == 0 else low if row == height - 1 else ""
        lines.append(f"{label:>{margin}} {'│' if braille else '|'}{drawn}".rstrip())
    left, right = (f"{value:.10g}" for value in x_range)
    lines.append(" " * (margin + 2) + left + right.rjust(max(width - len(left), len(right) + 1)))
    return lines
