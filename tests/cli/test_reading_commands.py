"""ls, show and history on spools, in a terminal and in a pipe."""

import csv
import io
import json
import math
import subprocess
import sys

import pytest

from runwell._api import Api
from runwell.cli._plot import plot
from runwell.cli._shown import duration, exact, printable, short
from runwell.cli._tables import Column, fitting
from runwell.core.tables import age
from tests.api.scene import HOSTILE_ID, PROJECT, write_scene
from tests.cli.terminal import in_terminal, piped


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory with the spools of the scene."""
    return str(write_scene(tmp_path_factory.mktemp("scene")))


def test_ls_in_a_terminal_is_a_coloured_table(spool: str):
    """A person sees names, ages and coloured states, and no control character that a run's name contains."""
    ended = in_terminal("ls", "--spool", spool)
    assert ended.status == 0, ended.output
    assert "\x1b[32mfinished" in ended.output and "\x1b[31mfailed" in ended.output
    assert "calm-heron-1" in ended.plain and "STATE" in ended.plain
    assert "odd\\x1b[31m\\nname\\u202e" in ended.plain
    assert len(ended.plain.splitlines()) == 5


def test_ls_in_a_narrow_terminal_keeps_one_line_a_run(spool: str):
    """In a narrow terminal a run has one line, with its whole id, and what there is no room for is named."""
    ended = in_terminal("ls", "--filter", "config.lr > 0", "--spool", spool, columns=60)
    lines = ended.plain.splitlines()
    assert len(lines) == 4 and max(map(len, lines[:-1])) <= 60
    assert "finished  plain  calm-heron-1" in ended.plain
    assert lines[-1].startswith("no room for ") and lines[-1].endswith("loss")


def test_optional_columns_give_way_from_the_right():
    """As many optional columns are left out as needed, the last first, and never one that is not optional."""
    columns = [Column("a"), Column("b", optional=True), Column("c", optional=True), Column("d")]
    widths = [10, 10, 10, 10]
    assert [fitting(columns, widths, width) for width in (46, 45, 34, 33, 5)] == [
        [0, 1, 2, 3],
        [0, 1, 3],
        [0, 1, 3],
        [0, 3],
        [0, 3],
    ]


def test_ls_in_a_pipe_is_separated_by_tabs(spool: str):
    """A pipe gets exact values separated by tabs, in the order and with the columns that were asked for."""
    columns = "run_id,state,config.lr,summary.loss,config.limit"
    ended = piped(
        "ls", PROJECT, "--spool", spool, "--order", "config.lr", "--columns", columns, "--filter", "config.lr > 0"
    )
    assert (ended.status, ended.errors) == (0, "")
    assert ended.output.splitlines() == [
        "run_id\tstate\tconfig.lr\tsummary.loss\tconfig.limit",
        "plain\tfinished\t0.1\t0.05\t",
        "odd\tfailed\t0.2\tinf\tinf",
    ]
    default = piped("ls", "--spool", spool).output.splitlines()
    assert default[0].split("\t")[:4] == ["state", "entity", "project", "run_id"]
    assert len(default) == 5 and all(line.count("\t") == default[0].count("\t") for line in default)


def test_ls_json_is_exact(spool: str):
    """--json prints the views as the Api has them, NaN and large integers included."""
    views = json.loads(piped("ls", "--spool", spool, "--json").output)
    expected = [run.view for run in Api(spool=spool).runs()]
    assert repr(views) == repr(expected)
    assert len(json.loads(piped("ls", "--spool", spool, "--json", "--limit", "1").output)) == 1


def test_show_tells_everything(spool: str):
    """show prints what is known of a run: for people, line by line for programs, and as JSON."""
    seen = in_terminal("show", "plain", "--spool", spool)
    assert seen.status == 0
    for part in (
        "finished",
        "24 of 24 records",
        "baseline, fast",
        "opt.weight.decay",
        "python train.py --lr 0.1",
        "ada",
    ):
        assert part in seen.plain, seen.plain
    lines = dict(line.split("\t", 1) for line in piped("show", "odd", "--spool", spool).output.splitlines())
    assert lines["state"] == "failed" and lines["exit code"] == "3" and lines["config.limit"] == "inf"
    assert lines["records"] == "8 of 8 records, 1 masked"
    assert json.loads(piped("show", HOSTILE_ID, "--spool", spool, "--json").output)["run_id"] == HOSTILE_ID


def test_history_json_and_csv_are_exact(spool: str):
    """history gives every row: one JSON object a line, or a CSV that reads back."""
    rows = [json.loads(line) for line in piped("history", "odd", "--spool", spool, "--json").output.splitlines()]
    assert repr(rows) == repr(Api(spool=spool).run("odd").history())
    table = list(csv.DictReader(io.StringIO(piped("history", "odd", "--spool", spool, "--csv").output)))
    assert [row["_step"] for row in table] == ["0", "1", "2"]
    assert math.isnan(float(table[0]["loss"])) and table[0]["count"] == str(2**53 + 1) and table[1]["extra"] == "-inf"
    assert json.loads(table[2]["list"]) == [1, {"a": 2}] and table[2]["text"] == "tab\\tnew\\nline 🏃"
    separated = piped("history", "resumed", "--keys", "loss", "--all", "--spool", spool).output.splitlines()
    assert separated[0] == "_step\t_timestamp\t_runtime\tloss" and len(separated) == 18


def test_history_in_a_terminal_is_a_table(spool: str):
    """A person sees the rows as a table, without the columns that only programs want."""
    ended = in_terminal("history", "plain", "--keys", "loss,epoch", "--spool", spool)
    lines = ended.plain.splitlines()
    assert lines[0].split() == ["step", "loss", "epoch"] and lines[-1].split() == ["19", "0.05", "3"]
    assert len(in_terminal("history", "odd", "--masked", "--spool", spool).plain.splitlines()) == 3 + 1


def test_plot_draws_the_curve(spool: str):
    """--plot draws Braille dots where the terminal has them, stars where it has not, with the range of both axes."""
    drawn = in_terminal("history", "plain", "--plot", "loss", "--spool", spool).plain
    assert "loss of calm-heron-1: 20 points, last 0.05" in drawn
    assert any(0x2800 < ord(character) <= 0x28FF for character in drawn) and "19" in drawn.splitlines()[-1]
    plain = in_terminal(
        "history", "plain", "--plot", "loss", "--spool", spool, PYTHONUTF8="0", LC_ALL="C", PYTHONIOENCODING="ascii"
    )
    assert "*" in plain.plain and plain.output.isascii()
    missing = piped("history", "plain", "--plot", "nothing", "--spool", spool)
    assert (missing.status, missing.output) == (1, "") and "has no numbers under nothing" in missing.errors


@pytest.mark.parametrize(
    ("arguments", "status", "part"),
    [
        (["show", "nothing"], 1, "there is no run nothing"),
        (["show", "a/b/c/d"], 2, "is not ENTITY/PROJECT/ID"),
        (["ls", "--filter", "stat == 'x'"], 2, "did you mean state?"),
        (["ls", "--order", "loss"], 2, "there is no field loss"),
        (["ls", "--columns", "nope"], 2, "there is no field nope"),
        (["ls", "--limit", "-1"], 2, "must not be negative"),
        (["history", "plain", "--csv", "--plot", "loss"], 2, "not allowed with"),
        (["history"], 2, "required: RUN"),
    ],
)
def test_mistakes_are_told_in_a_line(spool: str, arguments: list[str], status: int, part: str):
    """A mistake ends with 1 or 2 and says what is wrong, without a traceback."""
    ended = piped(*arguments, "--spool", spool)
    assert (ended.status, ended.output) == (status, "")
    assert part in ended.errors and "Traceback" not in ended.errors


def test_no_server_names_the_way_out():
    """Without a server the commands say how to start one, and status 1."""
    for command in (["ls"], ["show", "x"], ["history", "x"], ["status"]):
        ended = piped(*command)
        assert ended.status == 1 and len(ended.errors.splitlines()) == 1
        assert "runwell up" in ended.errors


def test_a_reader_that_goes_away_is_no_failure(spool: str):
    """`runwell history | head` ends quietly."""
    script = f"{sys.executable} -m runwell history plain --spool {spool} | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=30)
    assert done.stdout.count(b"\n") == 1 and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("seconds", "shown_age", "shown_duration"),
    [
        (0, "0 s", "0 s"),
        (5.25, "5 s", "5.2 s"),
        (75, "1 min", "1 min 15 s"),
        (7300, "2 h", "2 h 01 min"),
        (200_000, "2 d", "2 d 7 h"),
    ],
)
def test_time_spans_read_well(seconds, shown_age, shown_duration):
    """Time spans are told in units that people use."""
    assert (age(seconds), duration(seconds)) == (shown_age, shown_duration)


def test_values_read_well():
    """Values are short for people, exact for programs, and never hold a control character."""
    assert (short(0.123456789), exact(0.1), exact(True), exact(None), exact([1.5, "é"])) == (
        "0.12346",
        "0.1",
        "true",
        "",
        '[1.5, "é"]',
    )
    assert printable("a\tb\x1b\u202e\ud800") == "a\\tb\\x1b\\u202e\\ud800"
    assert short("x" * 50) == "x" * 39 + "…"


@pytest.mark.parametrize(
    "values",
    [[1.0], [1.0] * 5, [math.nan, 1.0, math.inf, 2.0], [1e308, -1e308, 0.0], [2**2000, 1], [math.nan], [True, False]],
    ids=["one", "flat", "not finite", "huge", "huge integer", "nothing", "booleans"],
)
def test_plots_of_odd_values_fit_their_box(values):
    """Whatever the values, the drawing has its size."""
    for braille in (True, False):
        lines = plot(range(len(values)), values, 30, 6, braille)
        assert len(lines) in (1, 7) and all(len(line) < 50 for line in lines)


def test_no_spike_is_lost():
    """One point among a million others is still drawn in its row."""
    values = [0.0] * 100_000
    values[77_777] = 1.0
    lines = plot(range(len(values)), values, 40, 8)
    assert lines[0].strip("1 │")
