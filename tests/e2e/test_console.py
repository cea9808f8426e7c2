"""The console of a run, from the program to whoever reads, searches and follows it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.server import Server, until

TRAINER = """
import sys, runwell
run = runwell.init(project="p", id="loud", settings={"git": False, "silent": True, "system_metrics": False})
print("begun", flush=True)
for step in range(200):
    print(f"step {step}")
    sys.stderr.write(f"\\r{step}/199")
    run.log({"loss": step})
print("", file=sys.stderr)
print("\\x1b[32mGreen\\x1b[0m <b>end</b>")
sys.stdin.readline()
print("after the line")
run.finish()
"""


@pytest.fixture
def server(tmp_path: Path):
    server = Server.start(tmp_path / "server")
    yield server
    server.close()


def ask(server: Server, query: str = "") -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.http}/api/v1/runs/tester/p/loud/console?{query}", timeout=30) as answer:
        return json.load(answer)


def runwell(server: Server, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "RUNWELL_BASE_URL": server.http, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "runwell", *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def test_the_console_is_read_searched_and_followed(server: Server):
    """All lines in order, a page, the last ones, those with a text; live in logs and tail; the same after a rebuild."""
    environment = {**os.environ, "RUNWELL_BASE_URL": server.http}
    trainer = subprocess.Popen(
        [sys.executable, "-c", TRAINER], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment
    )
    logs = runwell(server, "logs", "--help")
    assert "--follow" in logs.communicate(timeout=30)[0]
    try:
        until(lambda: any("Green" in line["text"] for line in _lines(server)) or None, "the lines are there")
        following, tailing = runwell(server, "logs", "loud", "--follow"), runwell(server, "tail", "loud")
        assert following.stdout is not None
        first = [following.stdout.readline().rstrip("\n") for _ in range(201)]
        assert first[0] == "begun"
        assert "step 0" in first
        assert tailing.stdout is not None
        assert tailing.stdout.readline() == "state\trunning\n"
        assert trainer.stdin is not None
        while "Green" not in first[-1]:
            first.append(following.stdout.readline().rstrip("\n"))
        trainer.stdin.write(b"\n")
        trainer.stdin.close()
        rest, _ = following.communicate(timeout=60)
        assert "after the line" in rest
        tailed, _ = tailing.communicate(timeout=60)
        assert "stdout\tafter the line" in tailed
    finally:
        trainer.kill()
        trainer.communicate()
    found = ask(server)
    texts = [line["text"] for line in found["lines"] if not line["stderr"]]
    assert texts == [
        "begun",
        *(f"step {step}" for step in range(200)),
        "\x1b[32mGreen\x1b[0m <b>end</b>",
        "after the line",
    ]
    assert [line["text"] for line in found["lines"] if line["stderr"]] == ["199/199"]
    assert (found["total"], found["start"]) == (204, 0)
    assert [line["text"] for line in ask(server, "contains=STEP%2019")["lines"]] == [
        "step 19",
        *(f"step {n}" for n in range(190, 200)),
    ]
    assert [line["text"] for line in ask(server, "last=1")["lines"]] == ["after the line"]
    assert ask(server, "stderr=1")["total"] == 1
    page = ask(server, "start=1&limit=2")["lines"]
    assert page == found["lines"][1:3]
    last = runwell(server, "logs", "loud", "-n", "2", "--grep", "e")
    assert last.communicate(timeout=30)[0] == "Green <b>end</b>\nafter the line\n"
    subprocess.run([sys.executable, "-m", "runwell", "rebuild", "--dir", str(server.directory)], check=True, timeout=60)
    assert ask(server) == found


def _lines(server: Server) -> list[dict[str, Any]]:
    try:
        return ask(server)["lines"]
    except urllib.error.HTTPError:
        return []
