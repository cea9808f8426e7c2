"""Whole series of some keys, as JSON or as binary columns."""

from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import columns, parameters
from runwell_dashboard.answers import encoded
from runwell_dashboard.runs import find_run, reader_of, run_name
from runwell_projector.query import Views


async def show_series(request: Request) -> Response:
    """``{"series": {key: {"steps", "times", "values"}}}``; a key that was never logged has empty columns."""
    name = run_name(request)
    keys = parameters.keys(request.query_params)
    if keys is None:
        raise parameters.invalid("key", "at least one is needed, such as key=loss")
    binary = columns.MEDIA_TYPE in request.headers.get("accept", "")
    masked = parameters.flag(request.query_params, "masked")
    _, headers = await find_run(request)

    def found(views: Views) -> bytes:
        if binary:
            return columns.encode(views.whole_series(*name, keys, masked=masked))
        return encoded({"series": views.series(*name, keys, masked=masked)})

    # Encoding a million points takes a while, so it happens in the query's thread.
    body = await reader_of(request).ask(found)
    return Response(body, headers=headers, media_type=columns.MEDIA_TYPE if binary else "application/json")
