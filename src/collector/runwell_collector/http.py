"""/-/healthy, /-/ready and /metrics: starlette on uvicorn, since the read API beside it is served so too."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from runwell_collector.config import Address, listening
from runwell_collector.counters import Counters

EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def health_app(counters: Counters, not_ready: Callable[[], str | None]) -> Starlette:
    """``not_ready`` says why the collector takes nothing at present, None when it does."""

    async def healthy(request: Request) -> Response:
        return PlainTextResponse("healthy\n")

    async def ready(request: Request) -> Response:
        reason = not_ready()
        return PlainTextResponse(f"{reason}\n", 503) if reason else PlainTextResponse("ready\n")

    async def metrics(request: Request) -> Response:
        return Response(counters.exposition(), media_type=EXPOSITION_TYPE)

    return Starlette(routes=[Route("/-/healthy", healthy), Route("/-/ready", ready), Route("/metrics", metrics)])


class _Server(uvicorn.Server):
    """Signals are the business of the process, not of one of its servers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving_http(app: Starlette, address: Address) -> AsyncIterator[Address]:
    """Serves ``app`` and gives the address that it has become. Raises ConfigError where that is in use."""
    listener = listening(address)
    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        try:
            yield Address(host, port)
        finally:
            server.should_exit = True
            await asyncio.wait([serving])
