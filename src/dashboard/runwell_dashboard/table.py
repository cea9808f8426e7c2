"""The runs table: chosen fields of many runs, which fields there are, and groups of runs."""

from starlette.requests import Request
from starlette.responses import Response

from runwell.core.filters import Field, FilterError, parse_order, pattern_fault
from runwell_dashboard import parameters
from runwell_dashboard.answers import encoded
from runwell_dashboard.runs import POSITION_HEADER, asked_page, asked_runs, consistent, reader_of
from runwell_projector.query import Views

RUNS_MAX = 1_000
"""Runs whose keys are asked for at once; more are refused."""

VALUES, VALUES_MAX = 100, 10_000
"""Values of one answer."""

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


async def list_table(request: Request) -> Response:
    """``{"total", "runs"}``: of each run its name, state and times, and the "values" of each ``column=``, in their order."""
    fields, choice, page_of = asked_fields(request, "column"), asked_runs(request), asked_page(request)

    def page(views: Views) -> tuple[bytes, int]:
        position = views.checkpoint()[1]
        total, runs = views.table(fields, choice, *page_of)
        return encoded({"total": total, "runs": runs}), position

    body, position = await reader_of(request).ask_table(page, consistent=consistent(request))
    return Response(body, headers={POSITION_HEADER: str(position)}, media_type="application/json")


async def list_fields(request: Request) -> Response:
    """``{"fields"}``: the config and summary keys of the runs, with how many have them and of which types."""
    choice = asked_runs(request)
    body = await reader_of(request).ask(
        lambda views: encoded({"fields": views.fields(choice.entity, choice.project)}), consistent=consistent(request)
    )
    return Response(body, media_type="application/json")


async def list_groups(request: Request) -> Response:
    """``{"groups"}``: runs with equal values of each ``by=``, and count, mean, min, max and std of each ``column=``."""
    choice, by, fields = asked_runs(request), asked_fields(request, "by"), asked_fields(request, "column")
    if not by:
        raise parameters.invalid("by", "at least one field is needed, such as by=config.model")
    body = await reader_of(request).ask_table(
        lambda views: encoded({"groups": views.groups(by, fields, choice)}), consistent=consistent(request)
    )
    return Response(body, media_type="application/json")


async def list_values(request: Request) -> Response:
    """``{"values": [{"value", "runs"}]}``: the most frequent values of ``field=`` in the runs that match."""
    choice, fields = asked_runs(request), asked_fields(request, "field")
    if len(fields) != 1:
        raise parameters.invalid("field", "one field is needed, such as field=config.model")
    limit = parameters.integer(request.query_params, "limit", VALUES, 1, VALUES_MAX)
    body = await reader_of(request).ask_table(
        lambda views: encoded({"values": views.values(fields[0], choice, limit)}), consistent=consistent(request)
    )
    return Response(body, media_type="application/json")


async def show_importance(request: Request) -> Response:
    """``{"method", "runs", "parameters": [{"field", "importance", "correlation"}]}``: what decides the number in ``target=``.

    Importance is 0 to 1, and all of them add up to 1 unless none says anything: the Kruskal-Wallis effect size of the
    values of one config key. The correlation is Spearman's, null where a value is no number. ``parameter=`` chooses config
    keys; else all that differ between the runs that match are looked at. Of more than 3,000 runs the first in order count.
    """
    choice, targets, chosen = asked_runs(request), asked_fields(request, "target"), asked_fields(request, "parameter")
    if len(targets) != 1:
        raise parameters.invalid("target", "one field is needed, such as target=summary.loss")
    if any(field.section != "config" for field in chosen):
        raise parameters.invalid("parameter", "only config keys are possible, such as parameter=config.lr")
    body = await reader_of(request).ask_table(
        lambda views: encoded(views.importance(targets[0], chosen, choice)), consistent=consistent(request)
    )
    return Response(body, media_type="application/json")


async def list_keys(request: Request) -> Response:
    """``{"keys"}``: what the runs ``run=`` of a project have logged, or of it what the regular expression ``match`` finds."""
    query = request.query_params
    entity, project, runs = query.get("entity", ""), query.get("project", ""), query.getlist("run")
    stream, match = parameters.stream(query), query.get("match") or None
    if match is not None and (fault := pattern_fault(match)):
        raise parameters.invalid("match", f"as a regular expression: {fault}")
    if len(runs) > RUNS_MAX:
        raise parameters.invalid("run", f"{len(runs)} are more than {RUNS_MAX}")

    def found(views: Views) -> tuple[bytes, int]:
        position = views.checkpoint()[1]
        return encoded({"keys": views.keys(entity, project, runs, stream, match)}), position

    body, position = await reader_of(request).ask(found, consistent=consistent(request))
    return Response(body, headers={POSITION_HEADER: str(position)}, media_type="application/json")
