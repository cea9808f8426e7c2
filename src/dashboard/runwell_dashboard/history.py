"""A run's rows: a page of them as JSON, or all as JSON lines."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runwell.core.history import Selection, select
from runwell_dashboard import columns, parameters
from runwell_dashboard.answers import encoded
from runwell_dashboard.runs import find_run, reader_of, run_name
from runwell_projector.query import Views

LINES = "application/x-ndjson"


def asked_rows(request: Request) -> Selection:
    """The question's part that pages share."""
    query = request.query_params
    return select(
        parameters.keys(query),
        parameters.whole(query, "min_step"),
        parameters.whole(query, "max_step"),
        parameters.flag(query, "masked"),
        parameters.flag(query, "all"),
        parameters.stream(query),
    )


async def show_history(request: Request) -> Response:
    """``{"rows", "next"}``; with ``Accept: application/x-ndjson`` every row from ``after`` on, one a line.

    With ``samples`` so many rows of all that have every key, evenly spaced, and no next page.
    """
    name, asked = run_name(request), asked_rows(request)
    after = request.query_params.get("after") or None
    binary = columns.MEDIA_TYPE in request.headers.get("accept", "")
    rows_max = parameters.COLUMN_ROWS_MAX if binary else parameters.ROWS_LIMIT_MAX
    limit = parameters.integer(request.query_params, "limit", parameters.ROWS_LIMIT, 1, rows_max)
    samples = parameters.integer(request.query_params, "samples", 0, 0, parameters.ROWS_LIMIT_MAX)
    if binary:
        return await _columns(request, name, asked, after, limit, samples)
    lines = LINES in request.headers.get("accept", "")
    _, headers = await find_run(request)
    body, following = await _page(request, name, asked, after, limit, lines)
    if not lines:
        return Response(body, headers=headers, media_type="application/json")
    return StreamingResponse(_lines(request, name, asked, body, following), headers=headers, media_type=LINES)


async def _columns(
    request: Request, name: tuple[str, str, str], asked: Selection, after: str | None, limit: int, samples: int
) -> Response:
    def page(views: Views) -> bytes:
        if samples:
            return columns.encode_rows(views.row_samples(*name, asked, samples=samples), None)
        keys = asked.keys or views.keys(name[0], name[1], [name[2]], asked.stream)
        rows = min(limit, max(parameters.ROWS_LIMIT, parameters.COLUMN_VALUES_MAX // max(1, len(keys))))
        return columns.encode_rows(*views.row_tables(*name, asked, after=after, limit=rows))

    _, headers = await find_run(request)
    try:
        body = await reader_of(request).ask(page)
    except ValueError as error:
        raise parameters.invalid("after", str(error)) from None
    return Response(body, headers=headers, media_type=columns.MEDIA_TYPE)


async def _page(
    request: Request, name: tuple[str, str, str], asked: Selection, after: str | None, limit: int, lines: bool
) -> tuple[bytes, str | None]:
    """A page as it is sent, encoded in the query's thread, and the cursor of the next one."""

    def page(views: Views) -> tuple[bytes, str | None]:
        rows, following = views.history(*name, asked, after=after, limit=limit)
        if lines:
            return b"".join(encoded(row) + b"\n" for row in rows), following
        return encoded({"rows": rows, "next": following}), following

    try:
        return await reader_of(request).ask(page)
    except ValueError as error:
        raise parameters.invalid("after", str(error)) from None


async def _lines(
    request: Request, name: tuple[str, str, str], asked: Selection, body: bytes, following: str | None
) -> AsyncIterator[bytes]:
    yield body
    while following is not None:
        body, following = await _page(request, name, asked, following, parameters.ROWS_LIMIT, lines=True)
        yield body
