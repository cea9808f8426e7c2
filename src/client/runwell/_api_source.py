"""The seam between what reads runs and where they are: a server over HTTP, or spools in a directory."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from runwell._api_columns import ColumnPage
from runwell.core.filters import Expression, Order
from runwell.core.history import Selection


class RunName(NamedTuple):
    """What names a run."""

    entity: str
    project: str
    run_id: str

    def __str__(self) -> str:
        return "/".join(self)


class Source(Protocol):
    """Where runs are read from. Every method raises runwell.errors.Error when it cannot."""

    def projects(self) -> list[dict[str, Any]]:
        """All projects."""
        ...

    def runs(
        self,
        entity: str | None,
        project: str | None,
        where: Expression | None,
        order: Sequence[Order],
        offset: int,
        limit: int,
    ) -> tuple[int, list[dict[str, Any]]]:
        """How many runs match, and their views from ``offset`` on: ``limit`` of them, or all the rest."""
        ...

    def run(self, name: RunName) -> dict[str, Any] | None:
        """A run's view."""
        ...

    def rows(
        self, name: RunName, selection: Selection, after: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Rows after the cursor, ``limit`` or all the rest, and the cursor of the next ones."""
        ...

    def columns(
        self, name: RunName, selection: Selection, after: str | None, limit: int
    ) -> tuple[list[ColumnPage], str | None]:
        """Like ``rows``, column by column."""
        ...

    def series(self, name: RunName, key: str, axis: str, *, masked: bool) -> tuple[list[Any], list[Any]]:
        """``_step`` or ``_timestamp`` of all rows with the key, and its values, in the order of the history."""
        ...

    def samples(self, name: RunName, selection: Selection, samples: int) -> list[dict[str, Any]]:
        """At most ``samples`` of the rows that have all keys, evenly spaced, the first and the last among them."""
        ...


def thinned(rows: list[dict[str, Any]], samples: int | None) -> list[dict[str, Any]]:
    """At most ``samples`` of the rows, evenly spaced, the first and the last among them."""
    if samples is None or len(rows) <= samples:
        return rows
    if samples == 1:
        return rows[-1:]
    last = len(rows) - 1
    return [rows[round(place * last / (samples - 1))] for place in range(samples)]
