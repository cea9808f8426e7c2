"""Files of the runs table and of histories, sent while they are made."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runwell.core.filters import Field
from runwell.core.history import Selection
from runwell_dashboard import parameters
from runwell_dashboard.answers import RequestError
from runwell_dashboard.export_formats import FORMATS, Columns, Format
from runwell_dashboard.history import asked_rows
from runwell_dashboard.runs import asked_runs, consistent, reader_of
from runwell_dashboard.table import asked_fields
from runwell_projector.query import RowTable, RunName, Views

RUNS_AT_ONCE = 1_000
ROWS_AT_ONCE = 50_000
HISTORIES_MAX = 1_000
"""Runs of one file of rows; more are refused."""

PLAIN = {
    "entity": "string",
    "project": "string",
    "run_id": "string",
    "name": "string",
    "state": "string",
    "created_at": "number",
    "updated_at": "number",
    "duration_s": "number",
}
"""The columns that every file of runs begins with."""

FURTHER = {
    "group": "string",
    "job_type": "string",
    "tags": "json",
    "user": "string",
    "notes": "string",
    "last_step": "integer",
}
"""Those that it has besides config and summary when none are chosen."""

INTEGERS = ("attempts", "exit_code", "last_step")

OWN = {"_step": "integer", "_timestamp": "number", "_runtime": "number"}
KINDS = {"f64": "number", "i64": "integer", "bools": "boolean"}


async def export_runs(request: Request) -> Response:
    """The runs that match as a file: ``format`` csv, ndjson or parquet, with the fields ``column=``, else all.

    Parquet has numbers as doubles, and as JSON text what is neither number, boolean nor text in every run.
    """
    form, choice, asked = _format(request), asked_runs(request), asked_fields(request, "column")

    numbers = await reader_of(request).ask_table(lambda views: views.numbers(choice), consistent=consistent(request))
    types = await reader_of(request).ask(lambda views: views.field_types(numbers))
    fields = {field: _told(field, types.get(field, set())) for field in asked or [*map(Field, FURTHER), *types]}

    def piece(start: int) -> Callable[[Views], Columns]:
        return lambda views: _run_columns(views.run_rows(numbers[start : start + RUNS_AT_ONCE], list(fields)), fields)

    async def pieces() -> AsyncIterator[Columns]:
        for start in range(0, len(numbers), RUNS_AT_ONCE):
            yield await reader_of(request).ask(piece(start))

    return _file(form, PLAIN | {str(field): kind for field, kind in fields.items()}, pieces(), "runs")


async def export_history(request: Request) -> Response:
    """The rows of the runs ``run=ENTITY/PROJECT/RUN_ID`` as a file: ``format`` csv, ndjson or parquet; a column says which run.

    ``key``, ``min_step``, ``max_step``, ``masked``, ``all`` and ``stream`` choose as for one run's history.
    """
    form, selection, names = _format(request), asked_rows(request), _names(request)
    reader = reader_of(request)
    if consistent(request):
        await reader.log_end.reached()
    missing = await reader.ask(lambda views: next((name for name in names if views.run(*name) is None), None))
    if missing is not None:
        raise RequestError(404, "run_not_found", f"there is no run {'/'.join(missing)}")
    kinds: dict[str, set[str]] = {}
    async for _, table in _tables(request, names, selection):
        for key, (_, values) in table.columns.items():
            kinds.setdefault(key, set()).add(KINDS.get(values.kind, "json"))
    types = {"run": "string", **OWN, **{key: _merged(kinds[key]) for key in sorted(kinds)}}

    async def pieces() -> AsyncIterator[Columns]:
        async for name, table in _tables(request, names, selection):
            yield await asyncio.to_thread(_row_columns, "/".join(name), table, types)

    return _file(form, types, pieces(), "history")


def _format(request: Request) -> Format:
    name = request.query_params.get("format") or "csv"
    if name not in FORMATS:
        raise parameters.invalid("format", f"{name[:40]!r} is none of {', '.join(FORMATS)}")
    try:
        return FORMATS[name]()
    except ImportError:
        message = "this server lacks pyarrow, which writes Parquet: pip install 'runwell[parquet]' there, or take csv"
        raise RequestError(501, "no_parquet", message) from None


def _names(request: Request) -> list[RunName]:
    names = []
    for text in dict.fromkeys(request.query_params.getlist("run")):
        parts = text.split("/")
        if len(parts) != 3:
            raise parameters.invalid("run", f"{text[:100]!r} is not ENTITY/PROJECT/RUN_ID")
        names.append((parts[0], parts[1], parts[2]))
    if not 1 <= len(names) <= HISTORIES_MAX:
        raise parameters.invalid("run", f"{len(names)} are given, and must be 1 to {HISTORIES_MAX}")
    return names


def _told(field: Field, types: set[str]) -> str:
    """The type of a column, from those of a key's values."""
    if not field.key:
        known = PLAIN | FURTHER | dict.fromkeys(INTEGERS, "integer")
        return known.get(field.section, "string")
    (only,) = types if len(types) == 1 else ("json",)
    return only if only in ("number", "boolean", "string") else "json"


def _merged(kinds: set[str]) -> str:
    """Integers among floats are numbers."""
    (only,) = kinds if len(kinds) == 1 else ("number" if kinds == {"number", "integer"} else "json",)
    return only


def _run_columns(rows: list[dict[str, Any]], fields: Mapping[Field, str]) -> Columns:
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in PLAIN}
    return columns | {str(field): [row["values"][place] for row in rows] for place, field in enumerate(fields)}


async def _tables(
    request: Request, names: list[RunName], selection: Selection
) -> AsyncIterator[tuple[RunName, RowTable]]:
    """Page by page."""

    def page(name: RunName, after: str | None) -> Callable[[Views], tuple[list[RowTable], str | None]]:
        return lambda views: views.row_tables(*name, selection, after, ROWS_AT_ONCE)

    for name in names:
        after, more = None, True
        while more:
            tables, after = await reader_of(request).ask(page(name, after))
            for table in tables:
                yield name, table
            more = after is not None


def _row_columns(run: str, table: RowTable, types: Mapping[str, str]) -> Columns:
    rows = len(table.steps)
    own = (table.steps.tolist(), table.times.tolist(), table.runtimes.tolist())
    columns: dict[str, list[Any]] = {"run": [run] * rows, **dict(zip(OWN, own, strict=True))}
    for key in types.keys() - columns.keys():
        columns[key] = [None] * rows
        if key in table.columns:
            places, values = table.columns[key]
            for place, value in zip(places.tolist(), values.objects(), strict=True):
                columns[key][place] = value
    return {name: columns[name] for name in types}


def _file(form: Format, types: Mapping[str, str], pieces: AsyncIterator[Columns], name: str) -> Response:
    suffix = next(suffix for suffix, kind in FORMATS.items() if isinstance(form, kind))

    async def parts() -> AsyncIterator[bytes]:
        yield await asyncio.to_thread(form.begin, types)
        async for columns in pieces:
            yield await asyncio.to_thread(form.add, columns)
        yield await asyncio.to_thread(form.end)

    headers = {"content-disposition": f'attachment; filename="{name}.{suffix}"'}
    return StreamingResponse(parts(), headers=headers, media_type=form.media_type)
