"""The application: its routes and what wraps them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runwell_collector.blobs import open_blob_store
from runwell_dashboard import (
    alerts,
    artifact_edits,
    artifacts,
    blobs,
    console,
    curves,
    edits,
    exports,
    health,
    history,
    media,
    metrics,
    openapi,
    pages,
    runs,
    saved,
    series,
    sweeps,
    table,
    tables,
    tail,
)
from runwell_dashboard.addresses import LocalHosts, RawPaths, SecureHeaders
from runwell_dashboard.alerting.service import AlertService
from runwell_dashboard.answers import RequestError, answer_failure, answer_http_exception, answer_request_error
from runwell_dashboard.counters import Counted, Counters
from runwell_dashboard.reader import Reader
from runwell_dashboard.settings import Settings

ARTIFACT = "/api/v1/artifacts/{entity}/{project}/{name}"
RUN = "/api/v1/runs/{entity}/{project}/{run_id}"

ARTIFACT_ROUTES = (
    Route("/api/v1/blobs/{sha256}", blobs.show_blob),
    Route("/api/v1/artifacts", artifacts.list_artifacts),
    Route(ARTIFACT, artifacts.show_collection),
    Route(ARTIFACT + "/{version}", artifacts.show_version),
    Route(ARTIFACT + "/{version}", artifact_edits.edit_version, methods=["PATCH"]),
    Route(ARTIFACT + "/{version}", artifact_edits.delete_version, methods=["DELETE"]),
    Route(ARTIFACT + "/{version}/files", artifacts.list_files),
    Route(ARTIFACT + "/{version}/lineage", artifacts.show_lineage),
    Route(ARTIFACT + "/{version}/link", artifact_edits.link_version, methods=["POST"]),
    Route("/api/v1/loggings/{entity}/{project}/{logged_id}", artifacts.show_logging),
    Route(RUN + "/artifacts", artifacts.list_of_run),
)


async def nowhere(request: Request) -> Response:
    """Answers what no entity is named after."""
    raise HTTPException(404)


def _routes() -> list[Route]:
    return [
        Route("/api/v1/openapi.json", openapi.show_openapi),
        Route("/api/v1/server", health.show_server),
        Route("/api/v1/status", health.show_status),
        Route("/api/v1/projects", runs.list_projects),
        Route("/api/v1/runs", runs.list_runs),
        Route("/api/v1/table", table.list_table),
        Route("/api/v1/fields", table.list_fields),
        Route("/api/v1/groups", table.list_groups),
        Route("/api/v1/values", table.list_values),
        Route("/api/v1/export/runs", exports.export_runs),
        Route("/api/v1/export/history", exports.export_history),
        Route("/api/v1/alerts", alerts.list_alerts),
        Route("/api/v1/importance", table.show_importance),
        Route("/api/v1/keys", table.list_keys),
        Route("/api/v1/tail", tail.follow_runs),
        Route("/api/v1/changes", tail.follow_changes),
        Route("/api/v1/series", curves.show_curves, methods=["GET", "POST"]),
        *ARTIFACT_ROUTES,
        Route(RUN, runs.show_run),
        Route(RUN, edits.edit_run, methods=["PATCH"]),
        Route(RUN, edits.delete_run, methods=["DELETE"]),
        Route(RUN + "/restore", edits.restore_run, methods=["POST"]),
        Route(RUN + "/undo", edits.undo_edit, methods=["POST"]),
        Route(RUN + "/edits", edits.list_edits),
        Route(RUN + "/history", history.show_history),
        Route(RUN + "/series", series.show_series),
        Route(RUN + "/alerts", alerts.list_of_run),
        Route(RUN + "/console", console.show_console),
        Route(RUN + "/tail", tail.follow_run),
        Route("/api/v1/media", media.list_media),
        Route("/api/v1/media/values", media.show_values),
        Route("/api/v1/histograms", media.show_histograms),
        Route("/api/v1/tables/{sha256}", tables.show_rows),
        *sweeps.ROUTES,
        *saved.ROUTES,
        Route("/-/healthy", health.show_healthy),
        Route("/-/ready", health.show_ready),
        Route("/metrics", metrics.show_metrics),
        Route("/api/v1/prometheus/targets", metrics.list_targets),
        Route("/api/{rest:path}", nowhere),
        Route("/-/{rest:path}", nowhere),
        *pages.ROUTES,
    ]


def create_app(settings: Settings, stopping: asyncio.Event) -> Starlette:
    """The ASGI application; ``stopping`` ends what would stream for ever."""
    counters = Counters()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.reader = Reader(settings.data_dir)
        app.state.blobs = open_blob_store(settings.blobs, settings.data_dir)
        app.state.tables = tables.Tables(app.state.blobs)
        app.state.run_gauges = metrics.RunGauges(app.state.reader, settings.data_dir)
        app.state.sweeps = sweeps.SweepController(settings.data_dir)
        app.state.tails = tail.Tails(app.state.reader, counters, stopping)
        service = None if settings.alerts is None else AlertService(settings.data_dir, settings.alerts)
        if service is not None:
            await asyncio.to_thread(service.start)
        try:
            yield
        finally:
            if service is not None:
                service.close()
            await app.state.sweeps.close()
            app.state.reader.close()

    app = Starlette(
        routes=_routes(),
        middleware=[
            Middleware(Counted, counters=counters),
            Middleware(SecureHeaders),
            Middleware(LocalHosts, allow_remote=settings.allow_remote),
            Middleware(RawPaths),
        ],
        exception_handlers={
            RequestError: answer_request_error,
            HTTPException: answer_http_exception,
            Exception: answer_failure,
        },
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.counters = counters
    return app
