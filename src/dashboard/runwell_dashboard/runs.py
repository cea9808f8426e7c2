"""Projects, runs and one run."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import parameters
from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.reader import Reader
from runwell_projector.query import Choice, Views

OFFSET_MAX = 10_000_000
"""Of the runs table; further on there is nothing anyway."""


POSITION_HEADER = "runwell-position"


def reader_of(request: Request) -> Reader:
    """The application's reader."""
    reader: Reader = request.app.state.reader
    return reader


def consistent(request: Request) -> bool:
    """Whether to wait for the log's end: unless ``consistent=0``."""
    return parameters.flag(request.query_params, "consistent", default=True)


def run_name(request: Request) -> tuple[str, str, str]:
    """Entity, project and run id of the path."""
    return segment(request, "entity"), segment(request, "project"), segment(request, "run_id")


def asked_runs(request: Request) -> Choice:
    """Which runs, in which order."""
    query = request.query_params
    place = query.get("entity") or None, query.get("project") or None
    return Choice(*place, parameters.where(query), parameters.order(query), parameters.flag(query, "deleted"))


def asked_page(request: Request) -> tuple[int, int]:
    """Offset and limit."""
    query = request.query_params
    offset = parameters.integer(query, "offset", 0, 0, OFFSET_MAX)
    return offset, parameters.integer(query, "limit", parameters.RUNS_LIMIT, 0, parameters.RUNS_LIMIT_MAX)


async def list_projects(request: Request) -> Response:
    """``{"projects": [...]}``."""
    projects = await reader_of(request).ask_table(lambda views: views.projects(), consistent=consistent(request))
    return answer({"projects": projects})


async def list_runs(request: Request) -> Response:
    """``{"total", "runs"}``: one page of the runs that match."""
    choice, (offset, limit) = asked_runs(request), asked_page(request)

    def page(views: Views) -> bytes:
        total, texts = views.run_texts(choice, offset, limit)
        return f'{{"total":{total},"runs":[{",".join(texts)}]}}'.encode()

    body = await reader_of(request).ask_table(page, consistent=consistent(request))
    return Response(body, media_type="application/json")


async def find_run(request: Request) -> tuple[dict[str, Any], dict[str, str]]:
    """The view of the run in the path, and a header with the views' position before it was read, for ``tail?after=``.

    Raises RequestError when there is no such run.
    """
    name = run_name(request)
    asked = reader_of(request).ask(lambda views: (views.position(), views.run(*name)), consistent=consistent(request))
    position, view = await asked
    if view is None:
        raise RequestError(404, "run_not_found", f"there is no run {'/'.join(name)}")
    return view, {POSITION_HEADER: str(position)}


async def show_run(request: Request) -> Response:
    """The run's view, or 404; with ``statistics=1`` all that ``init(resume=)`` goes on from.

    With ``upto`` as well the statistics are those of the rows up to that step, and "last_row" is the last of them; "logged" are
    the paths of all rows.
    """
    view, headers = await find_run(request)
    if parameters.flag(request.query_params, "statistics"):
        name, step = run_name(request), parameters.whole(request.query_params, "upto")

        def statistics(views: Views) -> dict[str, Any]:
            found = views.statistics(*name) or {}
            return found if step is None else found | {"logged": list(found["statistics"]), **views.past(*name, step)}

        view |= await reader_of(request).ask(statistics, consistent=False)
    return answer(view, headers=headers)
