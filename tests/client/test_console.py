"""What a program writes to its terminal is kept in lines, and the program notices nothing of it."""

import io
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runwell
from runwell import _console
from runwell._terminal import Numbering, Screen
from tests.client.spool_reading import events, read_rows, spools


def screen_of(*pieces: str) -> list[str]:
    """The lines of a screen that was written to."""
    screen, number, changed = Screen(), Numbering(), dict[int, str]()
    for piece in pieces:
        screen.write(piece, number, changed)
    assert sorted(changed) == list(range(number.next))
    return [changed[line] for line in sorted(changed)]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["a\nb\n"], ["a", "b"]),
        (["a", "b", "\nc"], ["ab", "c"]),
        (["\n\n"], ["", ""]),
        (["0%\r50%\r", "100%", "\n", "done\n"], ["100%", "done"]),
        (["a\r\nb\r\n"], ["a", "b"]),
        (["first\nsecond\x1b[A\rup\n"], ["up", "second"]),
        (["one\n", "two\n", "\x1b[2A\r1\n\r2\n", "three"], ["1", "2", "three"]),
        (["long text\x1b[2K\rnew"], ["new"]),
        (["\x1b[31mred\x1b[0m\n"], ["\x1b[31mred\x1b[0m"]),
        (["x" * 20_000 + "\nnext"], ["x" * 16_384 + " … cut off", "next"]),
        (["\x1b[99999999999999A up"], [" up"]),
        (["".join(f"{number}\n" for number in range(300))], [str(number) for number in range(300)]),
    ],
)
def test_a_stream_is_shown_as_a_terminal_would(pieces: list[str], lines: list[str]):
    """Carriage returns, bars below each other, endless lines: what a terminal would show in the end."""
    assert screen_of(*pieces) == lines


def lines_of(spool: Path | None) -> list[tuple[bool, str]]:
    """Stream and text of each line of a spool, by number; later ones replace earlier ones."""
    found: dict[int, tuple[bool, str]] = {}
    for event in events(spool, "console_logged"):
        assert len(event["times"]) == len(event["lines"])
        found |= {event["first_line"] + place: (event["stderr"], text) for place, text in enumerate(event["lines"])}
    assert sorted(found) == list(range(len(found)))
    return [found[number] for number in sorted(found)]


SCRIPT = """
import os, sys, threading
import runwell
run = runwell.init(mode="offline", project="p", id="console", settings={"git": False, "silent": True})
print("a", end=""); print("b")
sys.stderr.write("warning\\n")
for part in range(5): sys.stderr.write(f"\\r{part}/4")
print("odd \\x00 \\U0001f600 \\x1b[1mbold\\x1b[0m", file=sys.stderr)
sys.stdout.writelines(["one\\n", "two\\n"])
if os.fork() == 0:
    print("of the child")
    os._exit(0)
os.wait()
threads = [threading.Thread(target=lambda: sys.stdout.write("of a thread\\n")) for _ in range(4)]
[each.start() for each in threads]; [each.join() for each in threads]
class Odd(str): pass
sys.stdout.write(Odd("odd\\n"))
print("last")
raise ValueError("on purpose")
"""


def test_what_is_printed_is_kept_in_lines(runwell_dir: Path):
    """Also of a run that nobody finishes; the output and the exit status are those without us, the traceback is kept too."""
    environment = {
        "RUNWELL_DIR": str(runwell_dir),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(runwell_dir),
        "PYTHONUTF8": "1",
    }
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, check=False, timeout=50, env=environment
    )
    assert ended.returncode == 1
    (spool,) = spools(runwell_dir)
    lines = lines_of(spool)
    out = [text for stderr, text in lines if not stderr]
    assert out == ["ab", "one", "two", *["of a thread"] * 4, "last"]
    assert "of the child" in ended.stdout.decode()
    err = [text for stderr, text in lines if stderr]
    assert err[:2] == ["warning", "4/4odd \x00 \U0001f600 \x1b[1mbold\x1b[0m"]
    assert err[2] == "Traceback (most recent call last):"
    assert err[-1] == "ValueError: on purpose"


def test_off_is_off_and_streams_are_as_before(monkeypatch: pytest.MonkeyPatch):
    """With console="off" nothing is wrapped; else the stream is as it was once the last run has ended."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    options: dict[str, Any] = {"mode": "offline", "project": "p"}
    with runwell.init(**options, settings={"git": False, "console": "off"}) as run:
        print("unheard")
        assert "write" not in out.__dict__
    assert not events(run.spool, "console_logged")
    first = runwell.init(**options, settings={"git": False})
    second = runwell.init(**options, settings={"git": False}, reinit="create_new")
    print("to both")
    first.finish()
    print("to the second")
    second.finish()
    print("to none")
    assert "write" not in out.__dict__
    assert [text for stderr, text in lines_of(first.spool) if not stderr] == ["to both"]
    assert [text for stderr, text in lines_of(second.spool) if not stderr] == ["to both", "to the second"]
    assert out.getvalue() == "unheard\nto both\nto the second\nto none\n"


def test_what_is_wrapped_by_others_too_stays_so(monkeypatch: pytest.MonkeyPatch):
    """Somebody who wraps the stream after us keeps his wrapper, and everything is still written."""
    out, heard = io.StringIO(), list[str]()
    monkeypatch.setattr(sys, "stdout", out)
    with runwell.init(mode="offline", project="p", settings={"git": False}) as run:
        beneath = out.write

        def listening(text: str) -> int:
            heard.append(text)
            return beneath(text)

        out.write = listening  # type: ignore[method-assign]
        print("heard")
    print("after")
    assert heard == ["heard", "\n", "after", "\n"]
    assert out.getvalue() == "heard\nafter\n"
    assert (False, "heard") in lines_of(run.spool)


def test_a_stream_that_fails_fails_as_without_us(monkeypatch: pytest.MonkeyPatch):
    """A closed stream raises what it raises; none at all is no error of ours; nothing of either is kept as written."""
    closed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", None)
    with runwell.init(mode="offline", project="p", settings={"git": False}) as run:
        closed.close()
        with pytest.raises(ValueError, match="closed file"):
            print("never")
        run.log({"a": 1})
    assert not events(run.spool, "console_logged")


def test_a_flood_is_cut_and_counted():
    """More lines at once than are kept: the beginning and the end, and how many are missing; memory is bounded."""
    kept: list[dict[str, Any]] = []
    console = _console.Console(lambda fields: kept.append(fields) is None, lambda: None)
    for number in range(20_000):
        console.take(False, f"{number}\n")
    console.flush()
    assert sum(len(fields["lines"]) for fields in kept) == _console.LINES_AT_ONCE_MAX
    assert sum(fields.get("omitted", 0) for fields in kept) == 20_000 - _console.LINES_AT_ONCE_MAX
    assert kept[-1]["lines"][-1] == "19999"
    for _ in range(100):
        console.take(True, "x" * 100_000 + "\n")
    assert len(console._written) < 60
    console.flush()
    err = [fields for fields in kept if fields["stderr"]]
    assert sum(fields.get("omitted", 0) for fields in err) == 100 - sum(len(fields["lines"]) for fields in err)


KILLED = """
import os, signal, sys, time
from pathlib import Path
import runwell
run = runwell.init(mode="offline", project="p", settings={"git": False, "silent": True, "system_metrics": False})
# In two parts, since the spool has the program's arguments too.
before = "kept " + "before"
print(before)
while not any(before.encode() in path.read_bytes() for path in Path(run.spool).glob("*.seg")):
    time.sleep(0.02)
run.log({"a": 1})
print("late")
run.log({"a": 2})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_the_last_lines_and_no_row(runwell_dir: Path):
    """Lines of before are in the spool, those of the last moment may be missing, and the rows around them are all there."""
    ended = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, check=False, timeout=50)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (spool,) = spools(runwell_dir)
    assert lines_of(spool) in ([(False, "kept before")], [(False, "kept before"), (False, "late")])
    assert [row["a"] for _, row in read_rows(spool)] == [1, 2]
    assert not events(spool, "run_finished")
