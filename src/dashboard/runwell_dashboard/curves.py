"""Curves of many series of many runs in one answer, as JSON or as binary columns."""

import math
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import columns, parameters
from runwell_dashboard.answers import encoded
from runwell_dashboard.runs import POSITION_HEADER, reader_of
from runwell_projector.query import AXES, Curve, Lens, RunName, Views

RUNS_MAX = 1_000
SERIES_MAX = 20_000
"""Runs times keys of one question."""

SAMPLES = 1_000
SAMPLES_MAX = 1_000_000
"""Points of a curve. Who wants whole series asks a run for them."""

BODY_BYTES_MAX = 4 << 20
"""Of a question that is posted, since thousands of runs do not fit into an address."""

FOUND = tuple[RunName, str, Curve]


async def show_curves(request: Request) -> Response:
    """``{"series": [{"run", "key", "axis", "points", "odd", "columns"}]}``; what a run does not have is left out.

    A POST has the parameters in its body, encoded like those of a GET.
    """
    query = request.query_params
    if request.method == "POST":
        query = QueryParams(await _body(request))
    runs, keys, lens = named_runs(query), parameters.keys(query), _lens(query)
    if keys is None:
        raise parameters.invalid("key", "at least one is needed, such as key=loss")
    if len(runs) * len(keys) > SERIES_MAX:
        raise parameters.invalid("run", f"{len(runs)} runs with {len(keys)} keys are more than {SERIES_MAX} series")
    binary = columns.MEDIA_TYPE in request.headers.get("accept", "")

    def found(views: Views) -> tuple[bytes, int]:
        position = views.checkpoint()[1]
        curves = views.curves(runs, keys, lens)
        return columns.encode_tables(_tables(curves)) if binary else encoded({"series": _shown(curves)}), position

    consistent = parameters.flag(query, "consistent", default=True)
    body, position = await reader_of(request).ask(found, consistent=consistent)
    headers = {POSITION_HEADER: str(position)}
    return Response(body, headers=headers, media_type=columns.MEDIA_TYPE if binary else "application/json")


async def _body(request: Request) -> str:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise parameters.invalid("body", f"it is larger than {BODY_BYTES_MAX} bytes")
    return body.decode("ascii", "replace")


def named_runs(query: QueryParams) -> list[RunName]:
    """The runs that are asked for: ``run=ENTITY/PROJECT/RUN_ID``, any number of times."""
    runs = []
    for text in dict.fromkeys(query.getlist("run")):
        parts = text.split("/")
        if len(parts) != 3:
            raise parameters.invalid("run", f"{text[:100]!r} is not ENTITY/PROJECT/RUN_ID")
        runs.append((parts[0], parts[1], parts[2]))
    if not 1 <= len(runs) <= RUNS_MAX:
        raise parameters.invalid("run", f"{len(runs)} are given, and must be 1 to {RUNS_MAX}")
    return runs


def _lens(query: QueryParams) -> Lens:
    axis = query.get("x") or "step"
    if axis not in AXES:
        raise parameters.invalid("x", f"{axis[:40]!r} is none of {', '.join(AXES)}")
    return Lens(
        axis,
        query.get("x_key") or None,
        _number(query, "min"),
        _number(query, "max"),
        parameters.integer(query, "samples", SAMPLES, 1, SAMPLES_MAX),
        parameters.flag(query, "bands"),
        parameters.flag(query, "masked"),
        parameters.stream(query),
    )


def _number(query: QueryParams, name: str) -> float | None:
    text = query.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise parameters.invalid(name, f"{text[:40]!r} is not a number")
    return value


def _entry(found: FOUND) -> dict[str, Any]:
    run, key, curve = found
    return {"run": "/".join(run), "key": key, "axis": curve.axis, "points": curve.points, "odd": dict(curve.odd)}


def _shown(curves: Sequence[FOUND]) -> list[dict[str, Any]]:
    return [
        _entry(found) | {"columns": {name: column.objects() for name, column in found[2].columns.items()}}
        for found in curves
    ]


def _tables(curves: Sequence[FOUND]) -> list[columns.Table]:
    return [(_entry(found), {"columns": found[2].columns}) for found in curves]
