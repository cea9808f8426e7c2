"""A run's rows: a page of them as JSON, or all as JSON lines."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runwell_dashboard import parameters
from runwell_dashboard.answers import answer, encoded
from runwell_dashboard.runs import absent, consistent, reader_of, run_name

LINES = "application/x-ndjson"


def asked_rows(request: Request) -> dict[str, Any]:
    """The question's part that pages share."""
    query = request.query_params
    return {
        "keys": parameters.keys(query),
        "min_step": parameters.whole(query, "min_step"),
        "max_step": parameters.whole(query, "max_step"),
        "masked": parameters.flag(query, "masked"),
        "all_attempts": parameters.flag(query, "all"),
    }


async def show_history(request: Request) -> Response:
    """``{"rows", "next"}``; with ``Accept: application/x-ndjson`` every row from ``after`` on, one a line."""
    name, asked = run_name(request), asked_rows(request)
    after = request.query_params.get("after") or None
    limit = parameters.integer(request.query_params, "limit", parameters.ROWS_LIMIT, 1, parameters.ROWS_LIMIT_MAX)
    reader = reader_of(request)
    view = await reader.ask(lambda views: views.run(*name), consistent=consistent(request))
    if view is None:
        raise absent(name)
    rows, following = await _page(request, name, asked, after, limit)
    if LINES not in request.headers.get("accept", ""):
        return answer({"rows": rows, "next": following})
    return StreamingResponse(_lines(request, name, asked, rows, following), media_type=LINES)


async def _page(
    request: Request, name: tuple[str, str, str], asked: dict[str, Any], after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    return await reader_of(request).ask(lambda views: views.history(*name, **asked, after=after, limit=limit))


async def _lines(
    request: Request,
    name: tuple[str, str, str],
    asked: dict[str, Any],
    rows: list[dict[str, Any]],
    following: str | None,
) -> AsyncIterator[bytes]:
    while True:
        yield b"".join(encoded(row) + b"\n" for row in rows)
        if following is None:
            return
        rows, following = await _page(request, name, asked, following, parameters.ROWS_LIMIT)
