"""The runs table: chosen fields of many runs, which fields there are, and groups of runs."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell.core.filters import Field, FilterError, parse_order
from runwell_dashboard import parameters
from runwell_dashboard.answers import encoded
from runwell_dashboard.runs import OFFSET_MAX, POSITION_HEADER, consistent, reader_of
from runwell_projector.query import Views

RUNS_MAX = 1_000
"""Runs whose keys are asked for at once; more are refused."""

COLUMNS_MAX = 300
"""Fields of one question; more are refused."""


def asked_fields(request: Request, name: str) -> list[Field]:
    """The fields in the parameters of a name, each written as in a filter."""
    texts = request.query_params.getlist(name)
    if len(texts) > COLUMNS_MAX:
        raise parameters.invalid(name, f"{len(texts)} are more than {COLUMNS_MAX}")
    return [_field(name, text) for text in texts]


def _field(name: str, text: str) -> Field:
    try:
        orders = parse_order(text)
    except FilterError as error:
        raise parameters.invalid(name, str(error)) from None
    if len(orders) != 1 or text.startswith(("+", "-")):
        raise parameters.invalid(name, f"{text[:100]!r} is not one field; give the parameter once for each")
    return orders[0].field


def _place(request: Request) -> dict[str, Any]:
    query = request.query_params
    return {"entity": query.get("entity") or None, "project": query.get("project") or None}


async def list_table(request: Request) -> Response:
    """``{"total", "runs"}``: of each run its name, state and times, and the "values" of each ``column=``, in their order."""
    query = request.query_params
    asked: dict[str, Any] = {
        **_place(request),
        "fields": asked_fields(request, "column"),
        "where": parameters.where(query),
        "order": parameters.order(query),
        "offset": parameters.integer(query, "offset", 0, 0, OFFSET_MAX),
        "limit": parameters.integer(query, "limit", parameters.RUNS_LIMIT, 0, parameters.RUNS_LIMIT_MAX),
        "deleted": parameters.flag(query, "deleted"),
    }

    def page(views: Views) -> tuple[bytes, int]:
        position = views.checkpoint()[1]
        total, runs = views.table(**asked)
        return encoded({"total": total, "runs": runs}), position

    body, position = await reader_of(request).ask(page, consistent=consistent(request))
    return Response(body, headers={POSITION_HEADER: str(position)}, media_type="application/json")


async def list_fields(request: Request) -> Response:
    """``{"fields"}``: the config and summary keys of the runs, with how many have them and of which types."""
    place = _place(request)
    body = await reader_of(request).ask(
        lambda views: encoded({"fields": views.fields(**place)}), consistent=consistent(request)
    )
    return Response(body, media_type="application/json")


async def list_groups(request: Request) -> Response:
    """``{"groups"}``: runs with equal values of each ``by=``, and count, mean, min, max and std of each ``column=``."""
    place, where = _place(request), parameters.where(request.query_params)
    by, fields = asked_fields(request, "by"), asked_fields(request, "column")
    if not by:
        raise parameters.invalid("by", "at least one field is needed, such as by=config.model")
    body = await reader_of(request).ask(
        lambda views: encoded({"groups": views.groups(by, fields, **place, where=where)}),
        consistent=consistent(request),
    )
    return Response(body, media_type="application/json")


async def list_keys(request: Request) -> Response:
    """``{"keys"}``: what the runs ``run=`` of a project have logged."""
    query = request.query_params
    entity, project, runs = query.get("entity", ""), query.get("project", ""), query.getlist("run")
    stream = parameters.stream(query)
    if len(runs) > RUNS_MAX:
        raise parameters.invalid("run", f"{len(runs)} are more than {RUNS_MAX}")

    def found(views: Views) -> tuple[bytes, int]:
        position = views.checkpoint()[1]
        return encoded({"keys": views.keys(entity, project, runs, stream)}), position

    body, position = await reader_of(request).ask(found, consistent=consistent(request))
    return Response(body, headers={POSITION_HEADER: str(position)}, media_type="application/json")
