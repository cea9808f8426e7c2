"""/-/healthy, /-/ready and /metrics of the controller."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from runwell_sweeps.counters import Counters


def health_app(counters: Counters) -> Starlette:
    """Ready from when it serves on: without a collector it answers that one should try again."""

    async def healthy(request: Request) -> Response:
        return PlainTextResponse("healthy\n")

    async def ready(request: Request) -> Response:
        return PlainTextResponse("ready\n")

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(counters.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/-/healthy", healthy), Route("/-/ready", ready), Route("/metrics", metrics)])


class _Server(uvicorn.Server):
    """Signals are the business of the process, not of one of its servers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving_http(app: Starlette, listener: socket.socket) -> AsyncIterator[str]:
    """Serves ``app`` and gives its address."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True
            await asyncio.wait([serving])
