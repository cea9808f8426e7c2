"""Tables: drawn in a terminal, separated by tabs anywhere else."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runwell.cli._shown import exact, printable

GAP = 2
"""Blanks between two columns."""

STATE_STYLES = {"running": "cyan", "finished": "green", "failed": "red", "crashed": "bold red"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and whether its values are numbers, which stand to the right."""

    title: str
    numeric: bool = False
    state: bool = False
    optional: bool = False
    """Left out, from the right, when the terminal is too narrow for all."""


def is_terminal() -> bool:
    """Whether a person looks at the output."""
    return sys.stdout.isatty()


def print_table(columns: Sequence[Column], lines: Sequence[Sequence[str]]) -> None:
    """Draws a table in a terminal; cells are text that is shown as it is. Says which columns there was no room for."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    cells = [[printable(cell) for cell in line] for line in lines]
    titles = [printable(column.title) for column in columns]
    widths = [max(map(cell_len, of_column)) for of_column in zip(titles, *cells, strict=True)]
    places = fitting(columns, widths, console.width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place in places:
        table.add_column(titles[place], justify="right" if columns[place].numeric else "left", no_wrap=True)
    for line in cells:
        styles = (STATE_STYLES.get(line[place], "") if columns[place].state else "" for place in places)
        table.add_row(*(Text(line[place], style) for place, style in zip(places, styles, strict=True)))
    console.print(table)
    if len(places) < len(columns):
        console.print(
            Text(f"no room for {', '.join(title for place, title in enumerate(titles) if place not in places)}", "dim")
        )


def fitting(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """The places of the columns that are shown in ``width`` characters; all that are not optional are."""
    places = list(range(len(columns)))
    for place in reversed(range(len(columns))):
        if sum(widths[kept] + GAP for kept in places) - GAP <= width:
            break
        if columns[place].optional:
            places.remove(place)
    return places


def print_separated(titles: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    """Exact values separated by tabs, after a line of titles."""
    for line in (titles, *lines):
        print("\t".join(exact(value) for value in line))


def print_json(content: Any) -> None:
    """JSON on one line, with the literals NaN and Infinity where they occur."""
    print(json.dumps(content))
