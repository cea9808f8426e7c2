"""The OpenAPI document: what can be asked at /api/v1/, made from the routes themselves, so that it never lags behind."""

import re
from collections.abc import Sequence
from inspect import getdoc
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runwell_dashboard.answers import answer
from runwell_dashboard.health import VERSION

PREFIX = "/api/v1"

INTEGER, NUMBER, FLAG, TEXT = {"type": "integer"}, {"type": "number"}, {"type": "boolean"}, {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}

PLACE = {"entity": TEXT, "project": TEXT}
CHOICE = {**PLACE, "filter": TEXT, "order": TEXT, "offset": INTEGER, "limit": INTEGER, "deleted": FLAG}
KEYS = {"keys": TEXT, "key": TEXTS}

QUERIES: dict[str, dict[str, Any]] = {
    "/runs": CHOICE,
    "/alerts": {**PLACE, "limit": INTEGER},
    "/table": {**CHOICE, "column": TEXTS},
    "/fields": PLACE,
    "/sweeps": {**PLACE, "sweep_id": TEXT},
    "/groups": {**PLACE, "filter": TEXT, "deleted": FLAG, "by": TEXTS, "column": TEXTS},
    "/export/runs": {**PLACE, "format": TEXT, "filter": TEXT, "order": TEXT, "deleted": FLAG, "column": TEXTS},
    "/export/history": {
        **KEYS,
        "format": TEXT,
        "run": TEXTS,
        "min_step": INTEGER,
        "max_step": INTEGER,
        "masked": FLAG,
        "all": FLAG,
        "stream": TEXT,
    },
    "/values": {**PLACE, "filter": TEXT, "deleted": FLAG, "field": TEXT, "limit": INTEGER},
    "/importance": {**PLACE, "filter": TEXT, "order": TEXT, "deleted": FLAG, "target": TEXT, "parameter": TEXTS},
    "/keys": {**PLACE, "run": TEXTS, "stream": TEXT, "match": TEXT},
    "/series": {
        **KEYS,
        "run": TEXTS,
        "x": TEXT,
        "x_key": TEXT,
        "min": NUMBER,
        "max": NUMBER,
        "samples": INTEGER,
        "bands": FLAG,
        "masked": FLAG,
        "stream": TEXT,
    },
    "/artifacts": {**PLACE, "type": TEXT, "limit": INTEGER},
    "/artifacts/{entity}/{project}/{name}/{version}/files": {"prefix": TEXT, "offset": INTEGER, "limit": INTEGER},
    "/artifacts/{entity}/{project}/{name}/{version}/lineage": {"steps": INTEGER},
    "/media": {"run": TEXTS},
    "/media/values": {**KEYS, "run": TEXTS, "min_step": INTEGER, "max_step": INTEGER, "samples": INTEGER},
    "/histograms": {
        **KEYS,
        "run": TEXTS,
        "min_step": INTEGER,
        "max_step": INTEGER,
        "samples": INTEGER,
        "bins": INTEGER,
    },
    "/tables/{sha256}": {"offset": INTEGER, "limit": INTEGER, "order": TEXT, "filter": TEXT, "search": TEXT},
    "/blobs/{sha256}": {"type": TEXT, "name": TEXT},
    "/tail": {"console": FLAG, **KEYS, "run": TEXTS, "after": INTEGER, "stream": TEXT},
    "/runs/{entity}/{project}/{run_id}": {"statistics": FLAG, "upto": INTEGER},
    "/runs/{entity}/{project}/{run_id}/history": {
        **KEYS,
        "min_step": INTEGER,
        "max_step": INTEGER,
        "masked": FLAG,
        "all": FLAG,
        "stream": TEXT,
        "after": TEXT,
        "limit": INTEGER,
    },
    "/runs/{entity}/{project}/{run_id}/series": {**KEYS, "masked": FLAG},
    "/runs/{entity}/{project}/{run_id}/alerts": {"limit": INTEGER},
    "/runs/{entity}/{project}/{run_id}/console": {
        "start": INTEGER,
        "limit": INTEGER,
        "last": INTEGER,
        "contains": TEXT,
        "stderr": FLAG,
    },
    "/runs/{entity}/{project}/{run_id}/tail": {"console": FLAG, **KEYS, "after": INTEGER, "stream": TEXT},
}
"""Parameters of the questions, by path."""

WAITING = {
    "/alerts",
    "/sweeps",
    "/artifacts",
    "/media",
    "/media/values",
    "/histograms",
    "/projects",
    "/runs",
    "/table",
    "/fields",
    "/groups",
    "/values",
    "/importance",
    "/export/runs",
    "/export/history",
    "/keys",
    "/series",
}
"""Paths that also take ``consistent=0``; so do those of one run."""

ARTIFACT_BODY = {
    "type": "object",
    "properties": {
        "description": TEXT,
        "metadata": {"type": "object"},
        "tags": TEXTS,
        "ttl_s": {"type": ["number", "null"]},
        "aliases_added": TEXTS,
        "aliases_removed": TEXTS,
    },
    "additionalProperties": False,
}
LINK_BODY = {"type": "object", "properties": {**PLACE, "name": TEXT, "aliases": TEXTS}}
BODY = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "group": TEXT,
        "notes": TEXT,
        "tags": TEXTS,
        "config": {"type": "object"},
        "summary": {"type": "object"},
        "config_removed": TEXTS,
        "summary_removed": TEXTS,
        "by": TEXT,
        "id": TEXT,
        "seen": {"type": ["number", "null"]},
    },
    "additionalProperties": False,
}
OWN = {"by": TEXT, "id": TEXT}
UNDO_BODY = {"type": "object", "required": ["undoes"], "properties": {"undoes": TEXT, **OWN}}
SAVED = {"type": "object", "required": ["name", "content"], "properties": {"name": TEXT, "content": {}}}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "object", "required": ["code", "message"], "properties": {"code": TEXT, "message": TEXT}}
    },
}


async def show_openapi(request: Request) -> Response:
    """This document."""
    return answer(document(request.app.routes))


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The document of an application's routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, Route) and route.path.startswith(PREFIX + "/"):
            path = route.path.removeprefix(PREFIX)
            for method in sorted((route.methods or set()) - {"HEAD"}):
                paths.setdefault(path, {})[method.lower()] = _operation(path, method, route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runwell",
            "version": VERSION,
            "description": "What the dashboard, the CLI and runwell.Api read.",
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}},
    }


def _operation(path: str, method: str, route: Route) -> dict[str, Any]:
    told = getdoc(route.endpoint) or ""
    summary, _, description = told.partition("\n\n")
    kind = "text/event-stream" if path.endswith(("/tail", "/changes")) else "application/json"
    kind = "application/octet-stream" if path.startswith("/blobs/") else kind
    kind = "text/csv" if path.startswith("/export/") else kind
    operation: dict[str, Any] = {
        "operationId": f"{route.endpoint.__name__}_{method.lower()}",
        "summary": " ".join(summary.replace("``", "`").split()),
        "parameters": _parameters(path, method),
        "responses": {
            "200": {"description": "The answer.", "content": {kind: {}}},
            "default": {
                "description": "What is wrong.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if description:
        operation["description"] = " ".join(description.replace("``", "`").split())
    if method == "PUT" and path.startswith("/saved/"):
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": SAVED}}}
    elif path.startswith("/artifacts/") and method != "GET":
        schema = {"PATCH": ARTIFACT_BODY, "POST": LINK_BODY}.get(method, {"properties": {"delete_aliases": FLAG}})
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif path.endswith("/undo"):
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": UNDO_BODY}}}
    elif method in ("PATCH", "DELETE") or path.endswith("/restore"):
        schema = BODY if method == "PATCH" else {"type": "object", "properties": OWN}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif method == "POST":
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {}}}
    return operation


def _parameters(path: str, method: str) -> list[dict[str, Any]]:
    found = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in re.findall(r"\{(\w+)\}", path)]
    if method != "GET":
        return found
    queries = QUERIES.get(path, {})
    if path in WAITING or path.startswith(("/artifacts/", "/loggings/", "/runs/", "/saved/", "/sweeps/")):
        queries = {**queries, "consistent": FLAG}
    return found + [{"name": name, "in": "query", "schema": schema} for name, schema in queries.items()]
