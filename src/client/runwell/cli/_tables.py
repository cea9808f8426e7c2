"""Tables: drawn in a terminal, separated by tabs anywhere else."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runwell.cli._shown import exact, printable

STATE_STYLES = {"running": "cyan", "finished": "green", "failed": "red", "crashed": "bold red"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and whether its values are numbers, which stand to the right."""

    title: str
    numeric: bool = False
    state: bool = False


def is_terminal() -> bool:
    """Whether a person looks at the output."""
    return sys.stdout.isatty()


def print_table(columns: Sequence[Column], lines: Sequence[Sequence[str]]) -> None:
    """Draws a table in a terminal; cells are text that is shown as it is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(printable(column.title), justify="right" if column.numeric else "left", no_wrap=True)
    for line in lines:
        styles = (
            STATE_STYLES.get(cell, "") if column.state else "" for column, cell in zip(columns, line, strict=True)
        )
        table.add_row(*(Text(printable(cell), style) for cell, style in zip(line, styles, strict=True)))
    Console(highlight=False, markup=False, emoji=False).print(table)


def print_separated(titles: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    """Exact values separated by tabs, after a line of titles."""
    for line in (titles, *lines):
        print("\t".join(exact(value) for value in line))


def print_json(content: Any) -> None:
    """JSON on one line, with the literals NaN and Infinity where they occur."""
    print(json.dumps(content))
