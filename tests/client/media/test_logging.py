"""How media travel: the row at once, the value when it is encoded, in the order of logging, whatever happens meanwhile."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runwell
from runwell.media import queue
from runwell.media.values import Files, Media
from tests.client.media.reading import content, media
from tests.client.spool_reading import events, read_rows, spools


class Slow(Media):
    """A value that is encoded when somebody says so."""

    def __init__(self, name: str, size: int = 0) -> None:
        self.name, self.size = name, size
        self.begun, self.may_end = threading.Event(), threading.Event()

    @property
    def held_bytes(self) -> int:
        return self.size

    def form(self, files: Files) -> dict[str, Any]:
        self.begun.set()
        assert self.may_end.wait(30)
        return {"_type": "slow", "name": self.name, **files.add("slow", self.name.encode(), ".txt")}


class Broken(Media):
    """A value that cannot be encoded."""

    def form(self, files: Files) -> dict[str, Any]:
        raise ValueError("its pixels are gone")


def history(run: runwell.Run) -> list[dict[str, Any]]:
    """The rows as people read them, with names in place of slow values."""
    (found,) = runwell.Api(spool=run.settings.root).runs("p")
    rows = []
    for row in found.scan_history():
        shown = {key: value for key, value in row.items() if key not in ("_timestamp", "_runtime")}
        rows.append({key: value["name"] if isinstance(value, dict) else value for key, value in shown.items()})
    return rows


def test_the_row_is_there_before_its_media(offline: runwell.Run):
    """While a value is encoded the row is in the spool, with its numbers, and so are later rows; then they are one row."""
    slow = Slow("a")
    offline.log({"loss": 0.5, "image": slow})
    offline.log({"image": slow})
    offline.log({"loss": 0.25})
    assert offline.spool is not None
    assert read_rows(offline.spool) == [(0, {"loss": 0.5}), (1, {}), (2, {"loss": 0.25})]
    assert offline.step == 3
    slow.may_end.set()
    offline.finish()
    assert history(offline) == [
        {"_step": 0, "loss": 0.5, "image": "a"},
        {"_step": 1, "image": "a"},
        {"_step": 2, "loss": 0.25},
    ]
    assert {value["sha256"] for value in media(offline.spool).values()} == {slow_digest("a")}


def slow_digest(name: str) -> str:
    """Of a slow value's file."""
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()


def in_thread(action: Callable[[], object]) -> threading.Thread:
    """Begins something that may have to wait."""
    thread = threading.Thread(target=action)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "then",
    [
        lambda run: run.log({"x": 1.0}),
        lambda run: run.log({"x": {"below": 1.0}}),
        lambda run: run.log({"x": "text"}),
        lambda run: run.summary.update({"x": 1.0}),
    ],
    ids=["a number", "something below it", "a text", "a summary by hand"],
)
def test_what_is_said_later_wins(offline: runwell.Run, then: Callable[[runwell.Run], None]):
    """A value of the same key waits until the earlier one is encoded, so that it is the later one everywhere."""
    offline.log({"x": 0.5})
    slow = Slow("a")
    offline.log({"x": slow})
    thread = in_thread(lambda: then(offline))
    assert slow.begun.wait(30)
    slow.may_end.set()
    thread.join()
    offline.finish()
    assert isinstance(offline.summary["x"], float | str | int) or offline.summary["x"]["below"] == 1.0
    (found,) = runwell.Api(spool=offline.settings.root).runs("p")
    assert found.summary["x"] == (offline.summary.as_dict()["x"])


def test_numbers_of_other_keys_never_wait(offline: runwell.Run):
    """Only who touches the very key waits: a thousand rows are written while a value is encoded."""
    slow = Slow("a")
    offline.log({"x": slow})
    assert slow.begun.wait(30)
    for number in range(1_000):
        offline.log({"loss": number})
    slow.may_end.set()
    offline.finish()
    assert len(history(offline)) == 1_001


def test_memory_is_bounded(offline: runwell.Run, monkeypatch: pytest.MonkeyPatch):
    """With so much waiting, the next value waits for room, and nothing is lost."""
    monkeypatch.setattr(queue, "HELD_BYTES_MAX", 100)
    monkeypatch.setattr(queue.MediaQueue.__init__, "__defaults__", (100,))
    values = [Slow(str(number), 60) for number in range(4)]
    offline.log({"x": values[0]})
    waiting = in_thread(lambda: [offline.log({"x": value}) for value in values[1:]])
    assert values[0].begun.wait(30)
    assert not values[1].begun.is_set()
    for value in values:
        value.may_end.set()
    waiting.join()
    offline.finish()
    assert [row["x"] for row in history(offline)] == ["0", "1", "2", "3"]


def test_a_value_that_cannot_be_encoded_takes_nothing_with_it(offline: runwell.Run, capfd: pytest.CaptureFixture[str]):
    """A warning names the key and the reason; its row and every other value are kept."""
    good = Slow("a")
    good.may_end.set()
    for _ in range(3):
        offline.log({"loss": 0.5, "bad": Broken(), "good": good})
    offline.finish()
    assert history(offline) == [{"_step": step, "loss": 0.5, "good": "a"} for step in range(3)]
    said = capfd.readouterr().err
    assert said.count("the value of 'bad' cannot be kept: its pixels are gone") == 1


def test_a_file_that_goes_between_is_a_warning(offline: runwell.Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """The file was there when the value was made and is not when it is logged: the row is kept."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    sound = runwell.Audio(path)
    path.unlink()
    offline.log({"loss": 1, "sound": sound})
    offline.finish()
    assert offline.spool is not None
    assert read_rows(offline.spool) == [(0, {"loss": 1})]
    assert not events(offline.spool, "media_logged")
    assert "a.wav cannot be read" in capfd.readouterr().err


def test_hidden_rows_have_hidden_media(offline: runwell.Run):
    """What is logged for a step that is over is kept and hidden, its media with it, and is no last value."""
    first, late = Slow("first"), Slow("late")
    first.may_end.set()
    late.may_end.set()
    offline.log({"x": first}, step=5)
    offline.log({"x": late, "loss": 1.0}, step=3)
    offline.finish()
    assert history(offline) == [{"_step": 5, "x": "first"}]
    (found,) = runwell.Api(spool=offline.settings.root).runs("p")
    hidden = list(found.scan_history(masked=True))
    assert [row["x"]["name"] for row in hidden] == ["late", "first"]
    assert found.summary["x"]["name"] == "first"
    assert offline.summary["x"]["name"] == "first"


def test_a_resumed_run_knows_the_media_of_before(tmp_path: Path):
    """The summary goes on from them, also without a server."""
    value = Slow("a")
    value.may_end.set()
    settings = {"git": False}
    with runwell.init(mode="offline", dir=tmp_path, project="p", id="r", settings=settings) as run:
        run.log({"x": value})
    with runwell.init(mode="offline", dir=tmp_path, project="p", id="r", resume="must", settings=settings) as run:
        assert run.summary["x"]["name"] == "a"
        assert run.step == 1


def test_media_in_the_summary(offline: runwell.Run):
    """They are kept at once, since nothing would follow a row."""
    offline.summary["best"] = runwell.Image(np.zeros((2, 2), np.uint8))
    offline.summary.update({"broken": Broken(), "number": 3})
    found = offline.summary.as_dict()
    assert found["best"]["_type"] == "image-file"
    assert content(offline.settings.root, found["best"]["sha256"]).startswith(b"\x89PNG")
    assert found["number"] == 3
    assert "broken" not in found


def test_a_disabled_run_takes_media():
    """And keeps nothing of them."""
    with runwell.init(mode="disabled") as run:
        run.log({"x": Broken(), "loss": 1.0})
        run.summary["y"] = Broken()
        assert run.summary.as_dict() == {"loss": 1.0}


SCRIPT = """
import os, sys, threading, time
import runwell
from runwell.media.values import Media

class Stuck(Media):
    def form(self, files):
        print("stuck", flush=True)
        threading.Event().wait()

class Quick(Media):
    def form(self, files):
        return {"_type": "quick", **files.add("quick", b"quick", ".txt")}

run = runwell.init(mode="offline", project="p", id="r", settings={"git": False, **eval(sys.argv[1])})
"""


def started(program: str, directory: Path, settings: str = "{}") -> subprocess.Popen[str]:
    """A training program."""
    environment = {**os.environ, "RUNWELL_DIR": str(directory), "RUNWELL_SILENT": "true"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT + program, settings], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_a_kill_loses_what_is_not_encoded_and_nothing_else(tmp_path: Path):
    """The rows are there, and so are the values that were encoded before."""
    program = """
run.log({"a": Quick(), "loss": 0})
run.log({"a": Stuck(), "loss": 1})
run.log({"a": Quick(), "loss": 2})
run.log({"loss": 3})
print("logged", flush=True)
threading.Event().wait()
"""
    process = started(program, tmp_path)
    assert process.stdout is not None
    assert sorted(process.stdout.readline().strip() for _ in range(2)) == ["logged", "stuck"]
    process.kill()
    process.wait()
    process.stdout.close()
    (spool,) = spools(tmp_path)
    assert [row["loss"] for _, row in read_rows(spool)] == [0, 1, 2, 3]
    assert [*media(spool)] == [("a", 0)]


def test_always_durable_means_media_too(tmp_path: Path):
    """With durability="always" a value is encoded and synced when log() returns: a kill then loses nothing."""
    program = """
run.log({"a": Quick(), "loss": 0})
os.kill(os.getpid(), 9)
"""
    process = started(program, tmp_path, '{"durability": "always"}')
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (spool,) = spools(tmp_path)
    assert [*media(spool)] == [("a", 0)]


def test_a_program_that_just_ends_has_its_media(tmp_path: Path):
    """What waits is encoded before the end of the run is written."""
    process = started(
        """
for step in range(50): run.log({"a": Quick(), "loss": step})
""",
        tmp_path,
    )
    process.communicate()
    assert process.returncode == 0
    (spool,) = spools(tmp_path)
    assert len(media(spool)) == 50
    assert events(spool, "run_finished") == [{"exit_code": 0}]


def test_a_terminated_program_waits_for_its_media_only_so_long(tmp_path: Path):
    """SIGTERM ends it within seconds, though a value is never encoded; its rows are there."""
    process = started(
        """
run.log({"a": Stuck(), "loss": 1})
# Python runs no handler of a signal that came just before a wait without an end, until that ends.
while True: time.sleep(0.05)
""",
        tmp_path,
        '{"finish_timeout_s": 0.2}',
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    process.wait(20)
    process.stdout.close()
    (spool,) = spools(tmp_path)
    assert [row["loss"] for _, row in read_rows(spool)] == [1]
    assert events(spool, "run_finished") == [{"exit_code": 143}]


def test_forked_children_encode_their_own(tmp_path: Path):
    """A child forked in the middle of encoding does not encode the parent's values, and logs media of its own."""
    process = started(
        """
import time
for step in range(20): run.log({"a": Quick(), "loss": step})
children = []
for number in range(4):
    run.log({"a": Quick()})
    child = os.fork()
    if not child:
        run.log({"child": Quick(), "number": number})
        run.finish()
        os._exit(0)
    children.append(child)
for child in children: assert os.waitpid(child, 0)[1] == 0
""",
        tmp_path,
    )
    process.communicate()
    assert process.returncode == 0
    found = [media(spool) for spool in spools(tmp_path)]
    assert sorted(len(values) for values in found) == [1, 1, 1, 1, 24]
    assert all({key for key, _ in values} == ({"a"} if len(values) > 1 else {"child"}) for values in found)


def test_many_threads_log_media(offline: runwell.Run):
    """Each value is there once."""

    def log(number: int) -> None:
        for _ in range(20):
            offline.log({f"x{number}": runwell.Image(np.full((2, 2), number, np.uint8)), f"n{number}": number})

    threads = [in_thread(lambda number=number: log(number)) for number in range(4)]  # type: ignore[misc]
    for thread in threads:
        thread.join()
    offline.finish()
    assert offline.spool is not None
    found = media(offline.spool)
    rows = {step: row for step, row in read_rows(offline.spool) if row}
    assert len(found) == len(rows) == 80
    assert {(f"x{row[key]}", step) for step, row in rows.items() for key in row} == found.keys()


def test_media_values_are_json(offline: runwell.Run):
    """Odd captions and keys do no harm."""
    image = runwell.Image(np.zeros((2, 2), np.uint8), caption="\ud800\n\0<script>")
    offline.log({"../../etc/passwd": image, "\ud800": image, "": image})
    offline.finish()
    assert offline.spool is not None
    for event in events(offline.spool, "media_logged"):
        assert json.loads(event["value_json"])["caption"] == "\\ud800\n\0<script>"
        assert all(".." not in file["path"] and file["path"].startswith("media/") for file in event["files"])
