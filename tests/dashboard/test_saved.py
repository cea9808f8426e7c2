"""Saved views and reports: events of streams of their own, which no list of runs shows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import runwell
from tests.dashboard.conftest import Served
from tests.dashboard.requests import request
from tests.dashboard.test_edits import edit
from tests.server import Server

SAVED = "/api/v1/saved/tester/edits"


def names(base: str, kind: str) -> list[str]:
    return [found["name"] for found in request(base, f"{SAVED}/{kind}").json()["saved"]]


def test_what_is_saved_last_counts_and_survives_a_rebuild(server: Server, runwell_dir: Path):
    """A view and a report of one id are two things; each has what was saved last, also in views made anew from the log."""
    with runwell.init(project="edits", id="one", dir=runwell_dir):
        pass
    first = edit(server.http, "PUT", f"{SAVED}/views/a", {"name": "best <b>", "content": {"query": "order=-x"}})
    assert first.status == 200, first.body
    assert edit(server.http, "PUT", f"{SAVED}/reports/a", {"name": "report", "content": [1, "é", None]}).status == 200
    again = edit(server.http, "PUT", f"{SAVED}/views/a", {"name": "better", "content": {"query": "order=x"}}).json()
    assert (again["name"], again["content"], again["deleted"]) == ("better", {"query": "order=x"}, False)
    assert again["created_at"] == first.json()["created_at"] < again["updated_at"]
    assert names(server.http, "views") == ["better"]
    assert edit(server.http, "DELETE", f"{SAVED}/reports/a").json()["deleted"] is True
    assert names(server.http, "reports") == []
    subprocess.run([sys.executable, "-m", "runwell", "rebuild", "--dir", str(server.directory)], check=True)
    assert request(server.http, f"{SAVED}/views/a").json() == again
    assert request(server.http, f"{SAVED}/reports/a").json()["content"] == [1, "é", None]
    assert request(server.http, "/api/v1/runs").json()["total"] == 1
    assert request(server.http, "/api/v1/projects").json()["projects"][0]["runs"] == 1


def test_what_cannot_be_saved_is_refused(server: Server):
    """A name that is none, more or less than a name and a content, and an id that no stream can have, change nothing."""
    wrong: list[tuple[str, Any, int]] = [
        ("views/a", {"name": " ", "content": 1}, 400),
        ("views/a", {"name": "x" * 501, "content": 1}, 400),
        ("views/a", {"name": "x"}, 400),
        ("views/a", {"name": "x", "content": 1, "by": "me"}, 400),
        ("views/a%2Fb", {"name": "x", "content": 1}, 400),
        ("views/" + "a" * 200, {"name": "x", "content": 1}, 400),
        ("pies/a", {"name": "x", "content": 1}, 404),
        ("views/a", b'{"name": "x", "content": ' + b"[" * 2000 + b"]" * 2000 + b"}", 400),
    ]
    for path, content, status in wrong:
        assert edit(server.http, "PUT", f"{SAVED}/{path}", content).status == status, path
    foreign = edit(server.http, "PUT", f"{SAVED}/views/a", {"name": "x", "content": 1}, origin="http://evil.example")
    assert foreign.status == 403
    assert edit(server.http, "DELETE", f"{SAVED}/views/never").status == 404
    assert names(server.http, "views") == []


def test_what_is_saved_is_no_run(served: Served):
    """The stream of a saved view is in the log beside the runs, and only its own list shows it."""
    saved = request(served.base, "/api/v1/saved/ada/digits/views").json()["saved"]
    assert [found["id"] for found in saved] == ["seen"]
    assert request(served.base, "/api/v1/runs/ada/digits/saved%3Aseen").status == 404
