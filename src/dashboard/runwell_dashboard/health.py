"""How the server is: for people and for load balancers."""

import asyncio
import shutil
from importlib.metadata import version
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runwell_dashboard import components
from runwell_dashboard.alerts import delivery_status
from runwell_dashboard.answers import answer
from runwell_dashboard.runs import reader_of
from runwell_dashboard.settings import Settings
from runwell_projector.query import log_end

VERSION = version("runwell")
NEEDED = ("collector", "projector")
"""Without them nothing of a run is taken or shown; without the controller of sweeps only sweeps wait."""


def settings_of(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


async def show_server(request: Request) -> Response:
    """Version, gRPC port and log id: what a client needs to send runs here."""
    collector = await asyncio.to_thread(components.described, settings_of(request).data_dir, "collector")
    log_id, _ = await reader_of(request).ask(lambda _: log_end(settings_of(request).data_dir))
    grpc = str((collector or {}).get("grpc", ""))
    port = urlsplit(f"//{grpc}").port if grpc else None
    return answer({"version": VERSION, "grpc_port": port, "log_id": log_id})


async def show_status(request: Request) -> Response:
    """Components, offsets and lag, completeness, poison, who is told of alerts, and free disk space."""
    data_dir = settings_of(request).data_dir
    states = await asyncio.to_thread(components.states, data_dir)
    states["dashboard"] = {**(components.described(data_dir, "dashboard") or {}), "alive": True, "ready": True}
    views = await reader_of(request).ask(lambda views: views.status())
    log_id, end = await reader_of(request).ask(lambda _: log_end(data_dir))
    told = [] if settings_of(request).alerts is None else await asyncio.to_thread(delivery_status, data_dir)
    usage = shutil.disk_usage(data_dir)
    return answer(
        {
            "version": VERSION,
            "components": states,
            "log": {
                "id": log_id,
                "end": end,
                "lag": max(0, end - views["offset"]) if log_id == views["log_id"] else end,
            },
            "views": views,
            "alerts": told,
            "disk": {"free_bytes": usage.free, "total_bytes": usage.total},
        }
    )


async def show_healthy(request: Request) -> Response:
    """This process answers."""
    return PlainTextResponse("healthy\n")


async def show_ready(request: Request) -> Response:
    """200 only when collector and projector are ready; else 503 and what is missing."""
    states = await asyncio.to_thread(components.states, settings_of(request).data_dir)
    missing = [f"{name}: {state['reason']}" for name, state in states.items() if name in NEEDED and not state["ready"]]
    return PlainTextResponse("\n".join(missing or ["ready"]) + "\n", 503 if missing else 200)
