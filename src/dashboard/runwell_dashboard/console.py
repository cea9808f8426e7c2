"""What a run's processes wrote to their terminals."""

from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import parameters
from runwell_dashboard.answers import answer
from runwell_dashboard.runs import find_run, reader_of, run_name
from runwell_projector.query import LineQuery

LINES_LIMIT = 1_000
LINES_LIMIT_MAX = 10_000
"""Lines of one answer; a larger limit is refused, the next page begins at start + limit."""

START_MAX = 10**12


async def show_console(request: Request) -> Response:
    """``{"total", "start", "lines"}``: those from ``start`` on of all lines that match, in the order of time.

    With ``last`` so many at the end. ``contains`` chooses lines with that text, in upper or lower case, and ``stderr`` one of
    the streams. A line has "writer", "attempt", "line" (its number), "stderr", "time" (unix seconds) and "text", with escape
    sequences for colours; "omitted" says how many lines were left out before it.
    """
    query = request.query_params
    last = parameters.integer(query, "last", 0, 0, LINES_LIMIT_MAX)
    asked = LineQuery(
        parameters.integer(query, "start", 0, 0, START_MAX),
        parameters.integer(query, "limit", LINES_LIMIT, 1, LINES_LIMIT_MAX),
        last or None,
        query.get("contains") or None,
        parameters.flag(query, "stderr") if query.get("stderr") else None,
    )
    name = run_name(request)
    _, headers = await find_run(request)
    found = await reader_of(request).ask(lambda views: views.console(*name, asked))
    return answer(found, headers=headers)
