"""Alerts of runs, and how telling people of them goes."""

from contextlib import closing
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import parameters
from runwell_dashboard.alerting.outbox import Outbox
from runwell_dashboard.answers import answer
from runwell_dashboard.runs import consistent, find_run, reader_of, run_name

ALERTS_LIMIT = 100
ALERTS_LIMIT_MAX = 1_000
"""Alerts of one answer; a larger limit is refused."""


def _limit(request: Request) -> int:
    return parameters.integer(request.query_params, "limit", ALERTS_LIMIT, 1, ALERTS_LIMIT_MAX)


async def list_alerts(request: Request) -> Response:
    """``{"alerts"}``: the latest ones of all runs, or of an entity or project.

    An alert has "entity", "project", "run_id", "writer", "record", "time" (unix seconds), "title", "text", "level", "wait_s"
    and "rule", which names the server's rule that raised it and is empty for those of programs.
    """
    query, limit = request.query_params, _limit(request)
    place = query.get("entity") or None, query.get("project") or None, None
    found = await reader_of(request).ask(lambda views: views.alerts(place, limit), consistent=consistent(request))
    return answer({"alerts": found})


async def list_of_run(request: Request) -> Response:
    """``{"alerts"}``: the latest ones of a run."""
    name, limit = run_name(request), _limit(request)
    _, headers = await find_run(request)
    found = await reader_of(request).ask(lambda views: views.alerts(name, limit))
    return answer({"alerts": found}, headers=headers)


def delivery_status(data_dir: Path) -> list[dict[str, Any]]:
    """How it goes with each target; see ``Outbox.status``."""
    with closing(Outbox(data_dir)) as outbox:
        return outbox.status()
