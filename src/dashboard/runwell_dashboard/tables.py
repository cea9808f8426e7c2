"""Pages of the tables that runs have logged, sorted and filtered here, since a table may be larger than a page can hold."""

import asyncio
import json
from collections import OrderedDict
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from runwell.core.blobs import is_sha256
from runwell.core.filters import Expression, bounded, rank
from runwell.core.filters_order import UNORDERED_RANK
from runwell_collector.blobs import BlobStore, StoreError
from runwell_dashboard import parameters
from runwell_dashboard.answers import RequestError, encoded

TABLE_BYTES_MAX = 64 << 20
"""Of a table's file; a larger one is refused, and can be downloaded as a file."""

CACHE_BYTES_MAX = 128 << 20
"""Of the files of tables that are kept parsed, which takes about five times as much memory."""

ROWS = 100
ROWS_MAX = 5_000
OFFSET_MAX = 10_000_000


class LoggedTable(NamedTuple):
    """Columns and rows as they were logged."""

    columns: list[str]
    rows: list[list[Any]]
    bytes: int


class Tables:
    """Tables out of the blob store; those that were asked for last are kept."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._kept: OrderedDict[str, LoggedTable] = OrderedDict()

    async def read(self, sha256: str) -> LoggedTable:
        """The table of a file. Raises RequestError when it is not there, too large, or no table."""
        if sha256 in self._kept:
            self._kept.move_to_end(sha256)
            return self._kept[sha256]
        try:
            size = await self._blobs.size(sha256) if is_sha256(sha256) else None
            if size is None:
                raise RequestError(
                    404, "blob_uploading", "this table has not arrived at the server yet", retry_after_s=2
                )
            if size > TABLE_BYTES_MAX:
                raise RequestError(
                    413,
                    "too_large",
                    f"the table has {size:,} bytes, more than {TABLE_BYTES_MAX:,}: download it as a file",
                )
            data = await self._blobs.read(sha256)
        except StoreError as error:
            raise RequestError(503, "blob_store_unreachable", str(error), retry_after_s=1) from None
        table = await asyncio.to_thread(parsed, data)
        self._kept[sha256] = table
        while sum(kept.bytes for kept in self._kept.values()) > CACHE_BYTES_MAX and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return table


def parsed(data: bytes) -> LoggedTable:
    """The table of a file's content. Raises RequestError when it is none."""
    try:
        content = json.loads(data)
        columns, rows = content["columns"], content["data"]
        if not isinstance(columns, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RequestError(422, "no_table", "this content is not a table that was logged") from None
    return LoggedTable([str(name) for name in columns], rows, len(data))


async def show_rows(request: Request) -> Response:
    """``{"columns", "total", "matching", "rows", "places"}``: a page of the table whose file has this SHA-256.

    ``order`` is a column, with a minus before it the other way round. ``filter`` is of the language of runs, in which a
    column is ``summary.NAME``; ``search`` keeps rows with a cell that has this text in it, in any case. ``places`` are the
    numbers of the rows in the table, ``matching`` is how many there are in all pages.
    """
    query = request.query_params
    table = await request.app.state.tables.read(request.path_params["sha256"])
    where, search = parameters.where(query), query.get("search", "").lower()
    order = query.get("order", "")
    column = order.removeprefix("-")
    if order and column not in table.columns:
        raise parameters.invalid("order", f"there is no column {column[:100]!r}")
    offset = parameters.integer(query, "offset", 0, 0, OFFSET_MAX)
    limit = parameters.integer(query, "limit", ROWS, 0, ROWS_MAX)

    def page() -> bytes:
        places = chosen(table, where, search)
        if order:
            places = sorted_places(table, places, table.columns.index(column), descending=order.startswith("-"))
        shown = places[offset : offset + limit]
        return encoded(
            {
                "columns": table.columns,
                "total": len(table.rows),
                "matching": len(places),
                "rows": [table.rows[place] for place in shown],
                "places": shown,
            }
        )

    return Response(await asyncio.to_thread(page), media_type="application/json")


def chosen(table: LoggedTable, where: Expression | None, search: str) -> list[int]:
    """The rows that match, by their numbers."""
    places = list(range(len(table.rows)))
    if where is not None:
        places = [
            place
            for place in places
            if where.matches({"summary": dict(zip(table.columns, table.rows[place], strict=True)), "config": {}})
        ]
    if search:
        places = [place for place in places if any(search in _text(cell) for cell in table.rows[place])]
    return places


def _text(cell: Any) -> str:
    return cell.lower() if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False).lower()


def sorted_places(table: LoggedTable, places: list[int], column: int, *, descending: bool) -> list[int]:
    """By kind, then by value; missing values last, whatever the direction. Equal ones stay as they were logged."""
    by_rank: dict[int, list[tuple[Any, int]]] = {}
    for place in places:
        value = table.rows[place][column]
        by_rank.setdefault(rank(value), []).append((bounded(value), place))
    found: list[int] = []
    for number, entries in sorted(by_rank.items()):
        if number < UNORDERED_RANK:
            entries.sort(key=lambda entry: entry[0], reverse=descending)
        found += [place for _, place in entries]
    return found
