"""What init(), config and summary make of input that log() would refuse."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runwell
from runwell.core import limits
from tests.client.spool_reading import events, read_spool, spools

HUGE = 64 << 20
"""Characters of a text that nobody would log; a gigabyte goes through log() in test_values."""


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"level": value}
    return value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda: {"name": "x" * (limits.NAME_CHARACTERS_MAX + 1)}, "name has 1,025 characters, and the limit is 1,024"),
        (lambda: {"group": "x" * HUGE}, "group has 67,108,864 characters"),
        (lambda: {"job_type": 5}, "job_type must be a string, and 5 is of type int"),
        (lambda: {"notes": "x" * (limits.STRING_BYTES_MAX + 1)}, "notes has 1,048,577 characters"),
        (lambda: {"id": " " + "x" * HUGE}, "begins or ends with a blank"),
        (lambda: {"tags": ["x" * HUGE]}, "1 to 64 characters"),
    ],
    ids=["name", "group", "job_type", "notes", "id", "tag"],
)
def test_a_text_of_any_size_is_answered_before_anything_is_made(
    options: Callable[[], dict[str, Any]], words: str, tmp_path: Path
):
    """A text beyond its limit, or that is none, raises with a short message; no spool appears."""
    with pytest.raises(runwell.UsageError, match=words) as caught:
        runwell.init(**{"mode": "offline", "dir": tmp_path} | options())
    assert len(str(caught.value)) < 300
    assert runwell.run is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "config", [lambda: {"value": deep(40)}, lambda: {"value": deep(100_000)}, lambda: {"value": "x" * HUGE}]
)
def test_a_config_that_cannot_be_kept_is_answered_before_anything_is_made(
    config: Callable[[], dict[str, Any]], tmp_path: Path
):
    """init() raises with the key and the limit, and leaves neither an open run nor a spool."""
    with pytest.raises(runwell.ConfigError, match="config 'value' is"):
        runwell.init(mode="offline", dir=tmp_path, config=config())
    assert runwell.run is None
    assert not list(tmp_path.iterdir())


def test_odd_config_is_kept(offline: runwell.Run):
    """Keys of other types become text, NaN is null, large integers and lone surrogates are kept as for rows."""
    offline.config.update(
        {1: 2, "nested": {2: {None: 3}}, "nan": math.nan, "big": (1 << 53) + 1, "sur\ud800": "\udc80"}
    )
    (event,) = events(offline.spool, "config_set")
    kept = json.loads(event["set_json"])
    assert kept.pop("nan") is None
    assert kept == {"1": 2, "nested": {"2": {"None": 3}}, "big": (1 << 53) + 1, "sur\\ud800": "\\udc80"}


def test_a_refused_summary_value_leaves_the_rest(offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """A value beyond a limit is left out with a warning, the others are set."""
    offline.summary.update({"good": 1, "deep": deep(100_000), "long": "x" * HUGE, "nan": math.nan})
    assert sorted(offline.summary) == ["good", "nan"]
    said = capsys.readouterr().err
    assert "nested deeper than 32 levels" in said
    assert "is a string of 67,108,864 bytes" in said


def test_summary_values_too_large_together_are_refused_whole(offline: runwell.Run):
    """Values that no record can hold raise, and change nothing; one by one they are taken."""
    text = "x" * limits.STRING_BYTES_MAX
    before = len(read_spool(offline.spool))
    with pytest.raises(runwell.UsageError, match="16,777,216"):
        offline.summary.update({f"text{number}": text for number in range(17)})
    assert not dict(offline.summary)
    assert len(read_spool(offline.spool)) == before
    offline.summary["text"] = text
    assert offline.summary["text"] == text


@pytest.mark.parametrize("step", [math.nan, math.inf, 1.0, "1"])
def test_a_step_that_is_no_integer_is_refused_on_both_paths(step: Any, offline: runwell.Run):
    """A float, even a whole one, is no step: the fast path and the general one say so and write nothing."""
    offline.log({"a": 1.0})
    before = len(read_spool(offline.spool))
    for row in ({"a": 2.0}, {"a": "text"}):
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            offline.log(row, step=step)
    assert len(read_spool(offline.spool)) == before
    assert offline.step == 1


def test_a_clock_that_jumps_back_keeps_the_order(offline: runwell.Run):
    """Rows with earlier and earlier times are all there, in the order and at the steps of their calls."""
    for number in range(5):
        offline.log({"a": number, "_timestamp": 1_000.0 - number})
    records = [record for record in read_spool(offline.spool) if record.event is None]
    assert [(record.step, record.time) for record in records] == [(n, 1_000.0 - n) for n in range(5)]
    assert offline.summary["a"] == 4
    assert len(spools(offline.spool.parents[1])) == 1


WITHOUT_EFFECT = """
import runwell
for again in range(2):
    asked = {"save_code": True, "tensorboard": True, "sync_tensorboard": True, "monitor_gym": True}
    with runwell.init(mode="offline", settings={"git": False}, **asked) as run:
        run.log({"a": 1})
runwell.init(mode="disabled", save_code=False, monitor_gym=None, settings={"sync_tensorboard": True, "monitor_gym": True})
"""


def test_what_wandb_takes_and_has_no_effect_is_said_once(tmp_path: Path):
    """Scripts that ask for code, TensorBoard and videos of gym run; each is told once in a process, with what to do."""
    environment = {**os.environ, "RUNWELL_DIR": str(tmp_path)}
    command = [sys.executable, "-c", WITHOUT_EFFECT]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    warnings = [line for line in ended.stderr.splitlines() if "warning" in line]
    assert len(warnings) == 3
    for words in ("save_code changes nothing", "TensorBoard is not read", "monitor_gym changes nothing"):
        assert len([line for line in warnings if words in line]) == 1


def test_a_graph_of_a_model_is_said_not_to_be_logged(offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """Whoever asks for one learns, once in a run, that there will be none."""
    for _ in range(2):
        with pytest.raises(TypeError):
            offline.watch("no model", log_graph=True)
    assert capsys.readouterr().err.count("logs no graph") == 1
