"""Edits over HTTP: events that the collector makes durable, and nobody else's page can cause."""

import json
from pathlib import Path
from typing import Any

import pytest

import runwell
from tests.dashboard.requests import Answer, request
from tests.server import Server

RUN = "/api/v1/runs/tester/edits/one"


def edit(base: str, method: str, path: str, content: Any = None, **headers: str) -> Answer:
    sent = {"content-type": "application/json", **headers}
    body = content if isinstance(content, bytes) else json.dumps({} if content is None else content).encode()
    return request(base, path, method, sent, body=body)


def made(directory: Path) -> None:
    """A finished run of eleven records."""
    with runwell.init(project="edits", id="one", name="before", tags=["old"], dir=directory) as run:
        for step in range(10):
            run.log({"loss": 1 / (step + 1)})


def test_an_edit_is_an_event_that_survives_a_rebuild(server: Server, runwell_dir: Path):
    """Name, notes and tags change at once, are in the log, and are no part of what the run did and how long it took."""
    made(runwell_dir)
    before = request(server.http, RUN).json()
    answer = edit(server.http, "PATCH", RUN, {"name": "after", "notes": "<b>&\U0001f3c3", "tags": ["a", "b", "a"]})
    assert answer.status == 200, answer.body
    view = answer.json()
    assert (view["name"], view["notes"], view["tags"]) == ("after", "<b>&\U0001f3c3", ["a", "b"])
    assert edit(server.http, "PATCH", RUN, {"tags": []}).json()["tags"] == []
    for kept in ("state", "duration_s", "created_at", "records", "writers", "summary", "attempts"):
        assert view[kept] == before[kept], kept
    server.kill("projector")
    assert request(server.http, RUN).json()["name"] == "after"


def test_a_deleted_run_is_hidden_and_comes_back(server: Server, runwell_dir: Path):
    """Deleting hides a run from every list; restoring shows it again with every row."""
    made(runwell_dir)
    assert edit(server.http, "DELETE", RUN).json()["deleted"] is True
    assert request(server.http, "/api/v1/table").json()["total"] == 0
    assert request(server.http, "/api/v1/table", deleted=1).json()["total"] == 1
    assert edit(server.http, "POST", RUN + "/restore").json()["deleted"] is False
    assert len(request(server.http, RUN + "/history").json()["rows"]) == 10


def test_what_is_no_edit_is_refused(server: Server, runwell_dir: Path):
    """A wrong content, another type, another site and an unknown run are told apart, and change nothing."""
    made(runwell_dir)
    wrong: list[tuple[Any, int, str]] = [
        ({"state": "finished"}, 400, "invalid_edit"),
        ({"name": 5}, 400, "invalid_edit"),
        ({"name": "x" * 501}, 400, "invalid_edit"),
        ({"tags": "a"}, 400, "invalid_edit"),
        ([], 400, "invalid_edit"),
        (b"{", 400, "invalid_edit"),
        (b"[" * 100_000, 400, "invalid_edit"),
        (b" " * 2_000_000, 413, "too_large"),
    ]
    for content, status, code in wrong:
        answer = edit(server.http, "PATCH", RUN, content)
        assert (answer.status, answer.json()["error"]["code"]) == (status, code)
    foreign = edit(server.http, "PATCH", RUN, {"name": "x"}, origin="http://evil.example")
    assert (foreign.status, foreign.json()["error"]["code"]) == (403, "foreign_origin")
    form = edit(server.http, "PATCH", RUN, {"name": "x"}, **{"content-type": "text/plain"})
    assert (form.status, form.json()["error"]["code"]) == (415, "not_json")
    assert edit(server.http, "DELETE", "/api/v1/runs/tester/edits/never").status == 404
    assert request(server.http, RUN).json()["name"] == "before"


@pytest.mark.slow
def test_an_edit_waits_for_a_collector_that_is_started_again(server: Server, runwell_dir: Path):
    """After the collector was killed, edits are taken again once its successor serves."""
    made(runwell_dir)
    server.kill("collector")
    assert edit(server.http, "PATCH", RUN, {"notes": "still here"}).json()["notes"] == "still here"
