"""Resuming from local spools, and by the server's word."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import runwell
from runwell.core import frames
from tests.client.spool_reading import events, read_rows, read_spool, spools, untimed

PLAIN = {"git": False}


def begin(**options: Any) -> runwell.Run:
    return runwell.init(**{"mode": "offline", "project": "p", "settings": PLAIN, "id": "one"} | options)


def first_attempt() -> None:
    """Steps 0 to 4, some config and summary, and a name."""
    with begin(name="first", config={"lr": 0.1, "depth": 3}) as run:
        for number in range(5):
            run.log({"a": number, "b": {"c": number * 0.5}})
        run.log({"text": "x"}, step=2)
        run.summary["best"] = 0.25
        run.summary["gone"] = 1
        del run.summary["gone"]


@pytest.mark.parametrize(
    ("resume", "exists", "outcome"),
    [
        ("must", True, "resumed"),
        ("must", False, "there is no run"),
        ("allow", True, "resumed"),
        ("allow", False, "new"),
        ("never", True, "exists"),
        ("never", False, "new"),
        (None, True, "attempt"),
        (None, False, "new"),
        (False, True, "attempt"),
    ],
)
def test_resume_offline_is_decided_by_spools(resume: str | None, exists: bool, outcome: str):
    """Each row of the table of resume holds without a server."""
    if exists:
        first_attempt()
    if outcome not in ("resumed", "new", "attempt"):
        with pytest.raises(runwell.UsageError, match=outcome):
            begin(resume=resume)
        return
    with begin(resume=resume) as run:
        assert run.resumed == (outcome == "resumed")
        assert run.starting_step == run.step == (5 if outcome == "resumed" else 0)
        assert run.attempt == (1 if outcome == "new" else 2)


def test_a_resumed_run_knows_what_it_was():
    """Config, summary and name are there again; new config wins; rows go on after the last step."""
    first_attempt()
    with begin(resume="must", config={"lr": 0.2}) as run:
        assert run.name == "first"
        assert dict(run.config) == {"lr": 0.2, "depth": 3}
        assert untimed(run.summary.as_dict()) == {"a": 4, "b": {"c": 2.0}, "best": 0.25}
        run.log({"a": 5})
        spool = run.spool
    assert read_rows(spool) == [(5, {"a": 5})]
    (resumed,) = events(spool, "run_resumed")
    assert (resumed["attempt"], resumed["starting_step"], resumed["resume"]) == (2, 5, "must")
    assert len(resumed["parents"]) == 1
    assert "name" not in resumed["fields"]


def test_what_a_resumed_run_removed_or_reshaped_stays_so():
    """Of three attempts the last one has the summary as the second left it, not what the first had below or above."""
    with begin() as run:
        run.summary.update({"gone": {"a": 1, "b": {"c": 2}}, "kept": 3})
        run.log({"shape": {"inner": 1}})
        run.log({"shape": 5})
    with begin(resume="must") as run:
        del run.summary["gone"]
        run.log({"shape": {"inner": 2}})
        left = untimed(run.summary.as_dict())
    with begin(resume="must") as run:
        assert untimed(run.summary.as_dict()) == left == {"kept": 3, "shape": {"inner": 2}}


def test_must_takes_an_id():
    """A run with a generated id cannot be there; "allow" begins one."""
    with pytest.raises(runwell.UsageError, match="takes the id of the run"):
        begin(id=None, resume="must")
    with begin(id=None, resume="allow") as run:
        assert not run.resumed


def test_an_existing_id_without_resume_is_a_new_attempt_and_said_so(capsys: pytest.CaptureFixture[str]):
    """It is not mixed with the earlier one: a new attempt from step 0, with a message that names the way to go on."""
    first_attempt()
    with begin() as run:
        assert not run.config
        spool = run.spool
    said = capsys.readouterr().err
    assert "attempt 2, from step 0" in said
    assert "resume='allow'" in said
    assert events(spool, "run_resumed")[0]["starting_step"] == 0


def test_runs_of_the_same_id_elsewhere_are_others():
    """Another project, another entity, and an id that begins the same are not the run."""
    first_attempt()
    for other in ({"project": "q"}, {"entity": "other"}, {"id": "one.more"}, {"id": "on"}):
        with begin(resume="allow", **other) as run:
            assert not run.resumed


def test_masked_rows_do_not_count_for_the_next_step(runwell_dir: Path):
    """The starting step is one more than the greatest step that counts."""
    with begin() as run:
        run.log({"a": 1}, step=7, commit=True)
        run.log({"a": 1}, step=3)
    with begin(resume="must") as run:
        assert run.starting_step == 8


def test_a_torn_and_a_damaged_spool_resume_as_far_as_they_go(runwell_dir: Path):
    """Half a record at the end, damage in the middle and a spool of a newer version: what is whole counts."""
    first_attempt()
    (segment,) = runwell_dir.glob("spool/*/*.seg")
    data = segment.read_bytes()
    assert len(read_spool(segment.parent)) > 8
    segment.write_bytes(data[:-3])
    with begin(resume="must") as run:
        assert run.starting_step == 5
    for damaged in (1, 5):
        end = [*frames.scan(memoryview(data), len(frames.SEGMENT_MAGIC))][damaged].end
        segment.write_bytes(data[: end - 3] + b"\0\0\0" + data[end:])
        with begin(resume="must") as run:
            assert run.starting_step == 5
    schema = next(frame.end for frame in frames.scan(memoryview(data), 8) if frame.kind == frames.Kind.SCHEMA)
    segment.write_bytes(data[: schema - 3] + b"\0\0\0" + data[schema:])
    with begin(resume="must") as run:
        assert run.starting_step == 5
    segment.write_bytes(data[:7] + b"\x7f" + data[8:])
    with begin(resume="allow", id="one") as run:
        assert run.attempt == 6


class StubServer(http.server.BaseHTTPRequestHandler):
    """Answers every question the same way."""

    answer: tuple[int, bytes] = (404, b"")
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, body = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StubServer]]:
    """A real HTTP server whose answer the test chooses."""
    StubServer.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), StubServer) as running:
        serving = threading.Thread(target=running.serve_forever, args=(0.01,))
        serving.start()
        monkeypatch.setenv("RUNWELL_BASE_URL", f"http://127.0.0.1:{running.server_port}")
        yield StubServer
        running.shutdown()
        serving.join()


def view(**fields: Any) -> bytes:
    known = {"attempts": 3, "last_step": 41, "writers": [{"writer": "ab" * 16}], "config": {"lr": 1}, "summary": {}}
    return json.dumps(known | {"name": "stored", "state": "crashed"} | fields).encode()


def past(run_id: str, resume: str) -> Any:
    from runwell._resume import find_past
    from runwell._settings import resolve

    settings = resolve(None, {})
    return find_past(("tester", "p", run_id), settings.spool_root, resume, settings.base_url, offline=False)


def test_the_server_is_asked_when_resume_needs_it(server: type[StubServer]):
    """Its word and that of the spools are joined: the run goes on after the greater of both last steps."""
    server.answer = (200, view(summary={"loss": 0.5, "n": {"x": 1}, "_step": 41}))
    found = past("one", "must")
    assert server.asked == ["/api/v1/runs/tester/p/one?consistent=0&statistics=1"]
    assert (found.attempts, found.last_step, found.config) == (3, 41, {"lr": 1})
    assert found.summary == {"loss": 0.5, "n\x1fx": 1}
    first_attempt()
    assert past("one", "allow").last_step == 41
    server.answer = (200, view(last_step=None, attempts=1))
    assert past("one", "allow").last_step == 4
    server.answer = (404, b"")
    assert past("two", "allow") is None


@pytest.mark.parametrize("answer", [(500, b""), (200, b"garbage"), (200, b"[]"), (200, b'{"attempts": "x"}')])
def test_a_server_without_an_answer(answer: tuple[int, bytes], server: type[StubServer], capsys: Any):
    """must and never raise and say how to go on without it; allow goes by the spools and says so."""
    server.answer = answer
    for resume in ("must", "never"):
        with pytest.raises(runwell.ServerUnreachableError, match="mode='offline'"):
            past("one", resume)
    first_attempt()
    assert past("one", "allow").last_step == 4
    assert "decided by local spools" in capsys.readouterr().err


def test_a_server_that_is_away_or_unknown(monkeypatch: pytest.MonkeyPatch):
    """A refused connection, an address that is none, and no address at all are answered alike."""
    for address in ("http://127.0.0.1:9", "nonsense", ""):
        monkeypatch.setenv("RUNWELL_BASE_URL", address)
        with pytest.raises(runwell.ServerUnreachableError, match="needs the server's word"):
            past("one", "must")


def test_new_spools_beside_old_ones(runwell_dir: Path):
    """Every attempt has a spool of its own; no old one is touched."""
    first_attempt()
    (old,) = spools(runwell_dir)
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    with begin(resume="must") as run:
        run.log({"a": 1})
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    assert len(spools(runwell_dir)) == 2
