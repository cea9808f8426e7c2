"""``/metrics``: this process's counters, those of the others, and gauges of what runs; and where Prometheus finds them."""

import asyncio
import time
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from runwell.core import limits
from runwell_dashboard import components
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.counters import Counters
from runwell_dashboard.exposition import CRASHED_WITHIN_S, MADE_WITHIN_S, RECEIVED_WITHIN_S, Exposition
from runwell_dashboard.reader import Reader
from runwell_projector.query import Since, log_end

CACHED_S = 1.0
"""Scrapes within this time share one look at the views."""

CATCH_UP_LOOK_S = 0.1
CATCH_UP_LOOKS = 5
"""A scrape waits this long for the views to include what the log has by now, and then takes what there is."""

OWN = "dashboard"
ALL = (*components.COMPONENTS, OWN)


class RunGauges:
    """The live runs as text, made at most once a second, whoever asks."""

    def __init__(self, reader: Reader, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._reader = reader
        self._exposition = Exposition()
        self._one_at_a_time = asyncio.Lock()
        self._made_at = -CACHED_S
        self._text = b""

    async def text(self) -> bytes:
        """The text."""
        async with self._one_at_a_time:
            if time.monotonic() - self._made_at >= CACHED_S:
                await self._catch_up()
                now = time.time()
                since = Since(now - RECEIVED_WITHIN_S, now - MADE_WITHIN_S, now - CRASHED_WITHIN_S)
                self._text = await self._reader.ask(
                    lambda views: self._exposition.render(views.live_runs(since, limits.EXPOSED_SERIES_MAX), now)
                )
                self._made_at = time.monotonic()
            return self._text

    async def _catch_up(self) -> None:
        """Looks a few times only: a reader who waits in earnest looks three hundred times a second."""
        end = await self._reader.ask(lambda views: log_end(self._data_dir)[1])
        for _ in range(CATCH_UP_LOOKS):
            if await self._reader.ask(lambda views: views.position()) >= end:
                return
            await asyncio.sleep(CATCH_UP_LOOK_S)


async def show_metrics(request: Request) -> Response:
    """Everything, or with ``component`` one process alone, which is 503 while that does not answer."""
    wanted = request.query_params.get("component")
    if wanted is None:
        texts = await asyncio.gather(*(_other(request, name) for name in components.COMPONENTS))
        up: dict[str, bool] = dict(zip(components.COMPONENTS, (text is not None for text in texts), strict=True))
        return _text(await _own(request), _liveness(up), *(text for text in texts if text is not None))
    if wanted == OWN:
        return _text(await _own(request))
    if wanted not in components.COMPONENTS:
        raise RequestError(400, "invalid_parameter", f"parameter component: it must be one of {', '.join(ALL)}")
    text = await _other(request, wanted)
    if text is None:
        raise RequestError(503, "component_down", f"the {wanted} does not answer; `runwell status` says more")
    return _text(text)


async def list_targets(request: Request) -> Response:
    """The components as Prometheus's HTTP service discovery takes them, at the address that was asked."""
    host = request.headers.get("host", "localhost")
    return answer([{"targets": [host], "labels": {"component": name, "__param_component": name}} for name in ALL])


async def _own(request: Request) -> bytes:
    counters: Counters = request.app.state.counters
    gauges: RunGauges = request.app.state.run_gauges
    return generate_latest(counters.registry) + await gauges.text()


async def _other(request: Request, name: str) -> bytes | None:
    return await asyncio.to_thread(components.metrics, request.app.state.settings.data_dir, name)


def _liveness(up: dict[str, bool]) -> bytes:
    lines = ["# HELP runwell_component_up Whether a component answers.", "# TYPE runwell_component_up gauge"]
    lines += [f'runwell_component_up{{component="{name}"}} {int(answers)}' for name, answers in up.items()]
    return ("\n".join(lines) + "\n").encode()


def _text(*parts: bytes) -> Response:
    return Response(b"".join(parts), media_type=CONTENT_TYPE_LATEST)
