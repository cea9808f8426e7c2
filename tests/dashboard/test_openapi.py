"""The OpenAPI document says what the server does."""

import ast
import inspect
import json
import re
from urllib.parse import quote

from runwell_dashboard import (
    alerts,
    artifacts,
    blobs,
    console,
    curves,
    edits,
    exports,
    health,
    history,
    media,
    openapi,
    parameters,
    runs,
    saved,
    series,
    sweeps,
    table,
    tables,
    tail,
)
from tests.dashboard.conftest import ARTIFACT, BLOB, Served
from tests.dashboard.requests import EventStream, request

RUN = {
    "entity": "ada",
    "project": "digits",
    "run_id": "plain",
    "sweep_id": "lr",
    "kind": "views",
    "id": "seen",
    "sha256": BLOB,
    **ARTIFACT,
}
NEEDED = {
    "/series": {"run": "ada/digits/plain", "key": "loss"},
    "/runs/{entity}/{project}/{run_id}/series": {"key": "loss"},
    "/groups": {"by": "state"},
    "/media": {"run": "ada/digits/plain"},
    "/media/values": {"run": "ada/digits/plain", "key": "loss"},
    "/histograms": {"run": "ada/digits/plain", "key": "loss"},
    "/values": {"field": "state"},
    "/export/history": {"run": "ada/digits/plain"},
    "/importance": {"target": "summary.loss"},
    "/tail": {"run": "ada/digits/plain"},
}


def documented(base: str) -> dict:
    return request(base, "/api/v1/openapi.json").json()


def filled(path: str) -> str:
    return "/api/v1" + re.sub(r"\{(\w+)\}", lambda found: quote(RUN[found[1]], safe=""), path)


def test_every_documented_question_is_answered_as_documented(served: Served):
    """Each GET of the document answers 200 in the documented form."""
    paths = documented(served.base)["paths"]
    assert len(paths) > 15
    for path, operations in paths.items():
        if "get" not in operations or "{rest" in path:
            continue
        kind = next(iter(operations["get"]["responses"]["200"]["content"]))
        if kind == "text/event-stream":
            query = "&".join(f"{name}={quote(value, safe='')}" for name, value in NEEDED.get(path, {}).items())
            EventStream(served.base, filled(path) + "?" + query).close()
            continue
        answer = request(served.base, filled(path), **NEEDED.get(path, {}))
        assert answer.status == 200, (path, answer.body)
        assert answer.headers["content-type"].startswith(kind), path


def test_no_parameter_is_forgotten():
    """Every query parameter that the code reads by its name is in the document, and nothing else is."""
    read: set[str] = set()
    for module in (
        alerts,
        artifacts,
        blobs,
        console,
        curves,
        edits,
        exports,
        health,
        history,
        media,
        parameters,
        runs,
        saved,
        series,
        sweeps,
        table,
        tables,
        tail,
    ):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            names = [text for text in texts if isinstance(text, str) and text]
            source = ast.unparse(node.func) + ast.unparse(node.args[0] if node.args else node)
            if called in ("get", "getlist", "integer", "whole", "flag", "asked_fields", "_number") and re.search(
                "query|parameters|request", source
            ):
                read.update(names[:1])
    read -= {"accept", "content-type", "host", "if-none-match", "last-event-id", "origin", "range"}
    told = {name for queries in openapi.QUERIES.values() for name in queries} | {"consistent"}
    assert told == read


def test_errors_are_documented(served: Served):
    """The one shape of errors is in the document, and an error has it."""
    schema = documented(served.base)["components"]["schemas"]["Error"]
    error = json.loads(request(served.base, "/api/v1/runs", limit="x").body)
    assert set(error) == set(schema["required"]) and set(error["error"]) == {"code", "message"}
