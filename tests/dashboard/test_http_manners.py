"""The HTTP API under requests that are wrong, hostile, early or many."""

import asyncio
import base64
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runwell_dashboard.answers import RequestError
from runwell_dashboard.reader import LogEnd
from runwell_dashboard.settings import Settings, split_address
from tests.api.scene import component, send, write_plain
from tests.dashboard.conftest import Served
from tests.dashboard.requests import EventStream, raw, request
from tests.forwarder.spool_writer import SpoolWriter

RUN = "/api/v1/runs/ada/digits/plain"
FAR_CURSOR = base64.urlsafe_b64encode(b'[1,1000000000000000000000,0,"",0]').decode().rstrip("=")


@pytest.mark.parametrize(
    ("path", "status", "code", "part"),
    [
        ("/nowhere", 404, "not_found", "/api/v1/"),
        ("/api/v1/nothing/at/all", 404, "not_found", "nothing at this address"),
        ("/api/v1/runs/ada/digits/never", 404, "run_not_found", "ada/digits/never"),
        ("/api/v1/runs/ada/digits/never/history", 404, "run_not_found", "never"),
        ("/api/v1/runs/ada/digits/never/series?key=a", 404, "run_not_found", "never"),
        ("/api/v1/runs/ada/digits/never/tail", 404, "run_not_found", "never"),
        ("/api/v1/runs/ada/digits/plain%2Fhistory", 404, "run_not_found", "plain/history"),
        ("/api/v1/runs/ada/digits/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404, "run_not_found", "../../etc/passwd"),
        ("/api/v1/runs/a/b/%ff%00%22%27;drop", 404, "run_not_found", "drop"),
        ("/api/v1/runs?filter=stat%20==%20'x'", 400, "invalid_filter", "did you mean state?"),
        ("/api/v1/runs?filter=name%20=~%20'(a%2B)%2B'", 400, "invalid_filter", "can take for ever"),
        ("/api/v1/runs?order=loss", 400, "invalid_order", "there is no field loss"),
        ("/api/v1/runs?limit=1001", 400, "invalid_parameter", "0 to 1000"),
        ("/api/v1/runs?offset=-1", 400, "invalid_parameter", "offset"),
        ("/api/v1/runs?limit=%D9%A3", 400, "invalid_parameter", "whole number"),
        ("/api/v1/runs?consistent=maybe", 400, "invalid_parameter", "neither 0 nor 1"),
        (RUN + "/history?limit=0", 400, "invalid_parameter", "1 to 10000"),
        (RUN + "/history?after=nonsense", 400, "invalid_parameter", "cursor"),
        (RUN + "/history?after=" + FAR_CURSOR, 400, "invalid_parameter", "cursor"),
        (RUN + "/history?min_step=99999999999999999999", 400, "invalid_parameter", "min_step"),
        (RUN + "/series", 400, "invalid_parameter", "key=loss"),
        (RUN + "/tail?after=x", 400, "invalid_parameter", "after"),
    ],
)
def test_errors_have_one_shape(served: Served, path: str, status: int, code: str, part: str):
    """Each error is JSON with a code and a message that says what is wrong, under the fixed headers."""
    answer = request(served.base, path)
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert part in error["message"]
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"


def test_only_reading_is_possible(served: Served):
    """Another method than GET is answered with 405 in the same shape."""
    for method in ("POST", "PUT", "DELETE"):
        answer = request(served.base, "/api/v1/runs", method)
        assert (answer.status, answer.json()["error"]["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:80", "[::", ""])
def test_foreign_host_names_are_refused(served: Served, host: str):
    """A request that a web page sent to a name of its own is refused, since its answer would be readable there."""
    answer = request(served.base, "/api/v1/runs", headers={"host": host})
    assert (answer.status, answer.json()["error"]["code"]) == (403, "foreign_host")


def test_local_host_names_are_served(served: Served):
    """localhost is this machine under every spelling."""
    for host in ("localhost:1234", "127.0.0.1", "[::1]:80", "dev.localhost"):
        assert request(served.base, "/-/healthy", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "text",
    [
        b"GET /api/v1/runs/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/runs/a/b/\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/runs?filter=" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["dots", "raw bytes", "two slashes", "long", "nonsense"],
)
def test_odd_requests_are_answered(served: Served, text: bytes):
    """What is not a proper request is answered with an error, and the server goes on."""
    assert raw(served.base, text).split()[1].startswith(b"4")
    assert request(served.base, "/-/healthy").status == 200


def test_many_readers_at_once(served: Served):
    """Sixty requests at once are all answered in full."""
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: request(served.base, RUN + "/history").body, range(60)))
    assert len(set(answers)) == 1 and len(answers[0]) > 1000


def test_nothing_logged_yet(empty: str):
    """Before anything was logged every question has an answer, and the server is healthy but not ready."""
    assert request(empty, "/api/v1/projects").json() == {"projects": []}
    assert request(empty, "/api/v1/runs").json() == {"total": 0, "runs": []}
    assert request(empty, "/api/v1/runs/a/b/c").status == 404
    assert request(empty, "/api/v1/server").json()["log_id"] is None
    assert request(empty, "/api/v1/status").json()["log"] == {"id": None, "end": 0, "lag": 0}
    assert request(empty, "/api/v1/table").json() == {"total": 0, "runs": []}
    assert request(empty, "/api/v1/fields").json() == {"fields": []}
    assert request(empty, "/-/healthy").status == 200
    ready = request(empty, "/-/ready")
    assert ready.status == 503 and "collector: it has not started yet" in ready.body.decode()


def follow(base: str, run_id: str, after: int | None = 0, **headers: str) -> EventStream:
    """The events of a run."""
    query = "" if after is None else f"?after={after}"
    return EventStream(base, f"/api/v1/runs/ada/digits/{run_id}/tail{query}", headers)


def test_a_tail_begins_where_it_is_told(served: Served):
    """after=0 gives every row once, by writer; Last-Event-ID gives what came after it; the state comes once."""
    stream = follow(served.base, "resumed")
    events = iter(stream)
    parts = [next(events) for _ in range(2)]
    assert sorted((content["attempt"], len(content["rows"])) for _, _, content in parts) == [(1, 10), (2, 7)]
    kind, _, state = next(events)
    assert (kind, state["state"]) == ("run", "finished")
    stream.close()
    again = follow(served.base, "resumed", **{"last-event-id": str(parts[-1][1])})
    assert next(iter(again))[0] == "run"
    again.close()


def test_a_tail_sends_what_is_new_and_ends_with_the_server(tmp_path: Path):
    """A follower gets new rows without asking again, only those of its run, and does not keep the server from stopping."""
    data_dir = tmp_path / "server"
    write_plain(tmp_path / "first")
    send(tmp_path / "first", data_dir)
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        stream = follow(said["http"], "plain", after=None)
        events = iter(stream)
        assert next(events)[0] == "run"
        more, other = SpoolWriter(tmp_path / "second", "plain"), SpoolWriter(tmp_path / "second", "other")
        for spool in (more, other):
            spool.start()
            spool.row(50, {"loss": 0.25})
        send(tmp_path / "second", data_dir)
        kind, position, content = next(event for event in events if event[0] == "rows")
        assert (kind, content["writer"], [row["loss"] for row in content["rows"]]) == (
            "rows",
            more.writer.hex(),
            [0.25],
        )
        assert position is not None and position > 3
    assert all(kind == "run" for kind, _, _ in events)
    stream.close()


def test_without_a_projector_reads_say_so(tmp_path: Path):
    """A read that cannot be consistent is refused after a bounded wait, and consistent=0 answers what there is."""
    write_plain(tmp_path / "spool")
    send(tmp_path / "spool", tmp_path / "server")

    async def refused() -> list[RequestError]:
        log_end = LogEnd(tmp_path / "server", timeout_s=0.3)
        waits = await asyncio.gather(*(log_end.reached() for _ in range(5)), return_exceptions=True)
        log_end.close()
        return [error for error in waits if isinstance(error, RequestError)]

    errors = asyncio.run(refused())
    assert [(error.status, error.code, error.retry_after_s) for error in errors] == [(503, "behind", 1)] * 5
    assert "is the projector running?" in errors[0].message
    with component("runwell_dashboard", tmp_path / "server") as said:
        assert request(said["http"], "/api/v1/runs", consistent=0).json()["total"] == 0
        assert request(said["http"], "/api/v1/status").json()["log"]["lag"] == 2


def test_a_read_sees_what_was_logged_before_it(tmp_path: Path):
    """Whatever was in the log when a question came is in its answer, though nobody waited between."""
    data_dir = tmp_path / "server"
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        for number in range(5):
            spool = SpoolWriter(tmp_path / f"spool{number}", f"run{number}")
            spool.start()
            spool.rows_of(10)
            send(tmp_path / f"spool{number}", data_dir)
            assert request(said["http"], "/api/v1/runs").json()["total"] == number + 1
            assert len(request(said["http"], f"/api/v1/runs/ada/digits/run{number}/history").json()["rows"]) == 10


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the dashboard with arguments that it refuses."""
    line = [sys.executable, "-m", "runwell_dashboard", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)


def test_addresses_beyond_this_machine_need_a_word(tmp_path: Path):
    """Without --allow-remote only loopback is served."""
    refused = command("--data-dir", str(tmp_path), "--http", "0.0.0.0:0")
    assert refused.returncode == 2 and "--allow-remote" in refused.stderr
    assert Settings(tmp_path, "0.0.0.0", 0, allow_remote=True).host == "0.0.0.0"
    for host in ("127.0.0.1", "::1", "localhost"):
        Settings(tmp_path, host, 0)
    with pytest.raises(ValueError, match="not a port"):
        Settings(tmp_path, "127.0.0.1", 70_000)


def test_a_busy_port_is_said_in_a_line(tmp_path: Path):
    """A port that somebody else has ends the start with one line and status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = command("--data-dir", str(tmp_path), "--http", address)
    assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1 and address in refused.stderr


def test_addresses_are_read():
    """HOST:PORT has a host, a port, and brackets round IPv6."""
    assert (split_address("127.0.0.1:80"), split_address("[::1]:0")) == (("127.0.0.1", 80), ("::1", 0))
    for wrong in ("80", ":80", "host:", "host:x"):
        with pytest.raises(ValueError, match="is not HOST:PORT"):
            split_address(wrong)
