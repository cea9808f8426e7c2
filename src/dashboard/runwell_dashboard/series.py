"""Whole series of some keys, as JSON or as binary columns."""

from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import columns, parameters
from runwell_dashboard.answers import answer
from runwell_dashboard.runs import absent, consistent, reader_of, run_name


async def show_series(request: Request) -> Response:
    """``{"series": {key: {"steps", "times", "values"}}}``; a key that was never logged has empty columns."""
    name = run_name(request)
    keys = parameters.keys(request.query_params)
    if keys is None:
        raise parameters.invalid("key", "at least one is needed, such as key=loss")
    masked = parameters.flag(request.query_params, "masked")
    reader = reader_of(request)
    if await reader.ask(lambda views: views.run(*name), consistent=consistent(request)) is None:
        raise absent(name)
    found = await reader.ask(lambda views: views.series(*name, keys, masked=masked))
    nothing: dict[str, list[float]] = {"steps": [], "times": [], "values": []}
    series = {key: found.get(key, nothing) for key in keys}
    if columns.MEDIA_TYPE in request.headers.get("accept", ""):
        return Response(columns.encode(series), media_type=columns.MEDIA_TYPE)
    return answer({"series": series})
