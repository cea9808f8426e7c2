"""Projects, runs and one run."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import parameters
from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.reader import Reader

OFFSET_MAX = 10_000_000
"""Of the runs table; further on there is nothing anyway."""


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


def absent(name: tuple[str, str, str]) -> RequestError:
    """The error for a run that there is not."""
    return RequestError(404, "run_not_found", f"there is no run {'/'.join(name)}")


async def list_projects(request: Request) -> Response:
    """``{"projects": [...]}``."""
    projects = await reader_of(request).ask(lambda views: views.projects(), consistent=consistent(request))
    return answer({"projects": projects})


async def list_runs(request: Request) -> Response:
    """``{"total", "runs"}``: one page of the runs that match."""
    query = request.query_params
    asked: dict[str, Any] = {
        "entity": query.get("entity") or None,
        "project": query.get("project") or None,
        "where": parameters.where(query),
        "order": parameters.order(query),
        "offset": parameters.integer(query, "offset", 0, 0, OFFSET_MAX),
        "limit": parameters.integer(query, "limit", parameters.RUNS_LIMIT, 0, parameters.RUNS_LIMIT_MAX),
        "deleted": parameters.flag(query, "deleted"),
    }
    total, runs = await reader_of(request).ask(lambda views: views.runs(**asked), consistent=consistent(request))
    return answer({"total": total, "runs": runs})


async def show_run(request: Request) -> Response:
    """The run's view, or 404: what ``init(resume=)`` asks, too."""
    name = run_name(request)
    view = await reader_of(request).ask(lambda views: views.run(*name), consistent=consistent(request))
    if view is None:
        raise absent(name)
    return answer(view)
