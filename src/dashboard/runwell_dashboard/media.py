"""Media of some runs: which there are, their values by step, and histograms for heat maps."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell_dashboard import parameters
from runwell_dashboard.answers import encoded
from runwell_dashboard.curves import named_runs
from runwell_dashboard.runs import POSITION_HEADER, consistent, reader_of
from runwell_projector.query import RunName, Sampled, Views, histogram_columns

QUESTIONS_MAX = 200
"""Runs times keys of one question."""

SAMPLES = 1_000
SAMPLES_MAX = 10_000
BINS = 64
BINS_MAX = 512


async def list_media(request: Request) -> Response:
    """``{"media": [{"run", "key", "type", "step"}]}``: the keys of the runs whose last value is no plain number or text.

    The type is that of the last value, as its ``_type``; the step is its own. A table that is drawn has ``chart``.
    """
    runs = named_runs(request.query_params)

    def found(views: Views) -> Any:
        return [{"run": "/".join(run), **entry} for run in runs for entry in views.media_keys(*run)]

    return await _answered(request, "media", found)


async def show_values(request: Request) -> Response:
    """``{"values": [{"run", "key", "steps", "times", "runtimes", "values"}]}``: of each run and key that has any.

    At most ``samples`` values of each, evenly spaced, with the first and the last; ``max_step`` is exclusive. The contents
    of their files are at ``/api/v1/blobs/`` by ``sha256``.
    """

    def shown(sampled: Sampled) -> dict[str, Any]:
        names = ("steps", "times", "runtimes", "values")
        return {name: getattr(sampled, name) for name in names}

    return await _by_run_and_key(request, "values", shown)


async def show_histograms(request: Request) -> Response:
    """``{"histograms": [{"run", "key", "steps", "times", "runtimes", "edges", "counts"}]}``: columns of a heat map.

    All histograms of a run and key are given in the same ``bins``, whose ``edges`` are one more; ``counts`` has a list for
    each step. At most ``samples`` steps, evenly spaced; ``max_step`` is exclusive.
    """
    bins = parameters.integer(request.query_params, "bins", BINS, 1, BINS_MAX)
    return await _by_run_and_key(request, "histograms", lambda sampled: histogram_columns(sampled, bins))


async def _by_run_and_key(request: Request, name: str, shown: Callable[[Sampled], dict[str, Any]]) -> Response:
    query = request.query_params
    runs, keys = named_runs(query), parameters.keys(query)
    if keys is None:
        raise parameters.invalid("key", "at least one is needed, such as key=examples")
    if len(runs) * len(keys) > QUESTIONS_MAX:
        raise parameters.invalid(
            "run", f"{len(runs)} runs with {len(keys)} keys are more than {QUESTIONS_MAX} questions"
        )
    bounds = parameters.whole(query, "min_step"), parameters.whole(query, "max_step")
    samples = parameters.integer(query, "samples", SAMPLES, 1, SAMPLES_MAX)

    def found(views: Views) -> Any:
        asked: list[tuple[RunName, str]] = [(run, key) for run in runs for key in keys]
        entries = []
        for run, key in asked:
            sampled = views.media(run, key, *bounds, samples)
            if sampled.steps:
                entries.append({"run": "/".join(run), "key": key, **shown(sampled)})
        return entries

    return await _answered(request, name, found)


async def _answered(request: Request, name: str, found: Callable[[Views], Any]) -> Response:
    def body(views: Views) -> tuple[bytes, int]:
        position = views.checkpoint()[1]
        return encoded({name: found(views)}), position

    content, position = await reader_of(request).ask(body, consistent=consistent(request))
    return Response(content, headers={POSITION_HEADER: str(position)}, media_type="application/json")
