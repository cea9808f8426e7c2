"""How the server is: for people, for load balancers and for Prometheus."""

import asyncio
import shutil
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runwell_dashboard import components
from runwell_dashboard.answers import answer
from runwell_dashboard.runs import reader_of
from runwell_dashboard.settings import Settings

VERSION = version("runwell")


def settings_of(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


async def show_server(request: Request) -> Response:
    """Version, gRPC port and log id: what a client needs to send runs here."""
    collector = await asyncio.to_thread(components.described, settings_of(request).data_dir, "collector")
    status = await reader_of(request).ask(lambda views: views.status())
    grpc = str((collector or {}).get("grpc", ""))
    port = urlsplit(f"//{grpc}").port if grpc else None
    return answer({"version": VERSION, "grpc_port": port, "log_id": status.get("log_id")})


async def show_status(request: Request) -> Response:
    """Components, offsets and lag, completeness, poison and free disk space."""
    data_dir = settings_of(request).data_dir
    states, disk = await asyncio.to_thread(lambda: (components.states(data_dir), _disk(request)))
    views = await reader_of(request).ask(lambda views: views.status())
    states["dashboard"] = {"alive": True, "ready": _are_ready(states)}
    return answer({"version": VERSION, "components": states, "views": views, "disk": disk})


def _disk(request: Request) -> dict[str, int]:
    usage = shutil.disk_usage(settings_of(request).data_dir)
    return {"free_bytes": usage.free, "total_bytes": usage.total}


def _are_ready(states: dict[str, dict[str, Any]]) -> bool:
    return all(state["ready"] for state in states.values())


async def show_healthy(request: Request) -> Response:
    """This process answers."""
    return PlainTextResponse("healthy\n")


async def show_ready(request: Request) -> Response:
    """200 only when collector and projector are ready; else 503 and what is missing."""
    states = await asyncio.to_thread(components.states, settings_of(request).data_dir)
    missing = [f"{name}: {state['reason']}" for name, state in states.items() if not state["ready"]]
    return PlainTextResponse("\n".join(missing or ["ready"]) + "\n", 503 if missing else 200)


async def show_metrics(request: Request) -> Response:
    """This process's counters."""
    return Response(generate_latest(request.app.state.counters.registry), media_type=CONTENT_TYPE_LATEST)
