"""Odd input on its whole way: logged by a training process, sent, stored, projected, and read back as it was."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runwell
from runwell._api_errors import ApiError
from runwell._api_runs import Run
from runwell.core import frames, limits
from tests.server import Server, until

PLUS_ONE = (1 << 53) + 1


def deep(levels: int) -> dict[str, Any]:
    """A dict in a dict in a dict."""
    value: dict[str, Any] = {"leaf": 1}
    for _ in range(levels):
        value = {"level": value}
    return value


ROWS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"x": math.nan}, {"x": math.nan}),
    ({"x": math.inf, "y": -math.inf}, {"x": math.inf, "y": -math.inf}),
    ({"x": PLUS_ONE}, {"x": PLUS_ONE}),
    ({"x": float(PLUS_ONE)}, {"x": float(1 << 53)}),
    ({"x": (1 << 63) - 1, "y": -(1 << 63)}, {"x": (1 << 63) - 1, "y": -(1 << 63)}),
    ({"x": 1 << 63, "y": 1 << 200}, {"x": 1 << 63, "y": 1 << 200}),
    ({"x": -0.0, "y": 5e-324, "z": 1.7976931348623157e308}, {"x": -0.0, "y": 5e-324, "z": 1.7976931348623157e308}),
    ({"x": True, "y": None}, {"x": True, "y": None}),
    (
        {"x": np.float32(0.1), "y": np.int64(PLUS_ONE), "z": np.bool_(True)},
        {"x": float(np.float32(0.1)), "y": PLUS_ONE, "z": True},
    ),
    ({"x": np.array([1.5, math.nan])}, {"x": [1.5, math.nan]}),
    ({"dot.key": 1, "dot": {"in": 2}}, {"dot.key": 1, "dot.in": 2}),
    ({"by": {1: "one", None: 2, ("a", 1): 3}}, {"by.1": "one", "by.None": 2, "by.a,1": 3}),
    ({"good": 1, "deep": deep(40)}, {"good": 1}),
    ({"x": "lone \udc80", "bad\ud800": 1}, {"x": "lone \\udc80", "bad\\ud800": 1}),
    ({"x": "käse \U0001f9c0\0\n\x1b[31m", "<b>": "<script>"}, {"x": "käse \U0001f9c0\0\n\x1b[31m", "<b>": "<script>"}),
    ({"good": 1, "long": "x" * (limits.STRING_BYTES_MAX + 1)}, {"good": 1}),
    ({"long": "x" * limits.STRING_BYTES_MAX}, {"long": "x" * limits.STRING_BYTES_MAX}),
    ({"": 1, " ": 2, "k" * limits.KEY_BYTES_MAX: 3, "k" * 600: 4}, {"": 1, " ": 2, "k" * limits.KEY_BYTES_MAX: 3}),
    ({}, {}),
    ({"x": [[1, 2.5], {"a": [None]}], "y": {}, "z": []}, {"x": [[1, 2.5], {"a": [None]}], "z": []}),
    ({"_step": 7, "x": 1}, {"x": 1}),
]
"""What is logged, and what is read."""

FULL_DISK = """
import resource, runwell
run = runwell.init(project="odd", id="full")
for number in range(10):
    run.log({"x": number, "_timestamp": 2_000_000_000 - 1_000 * number})
used = max(path.stat().st_size for path in run.spool.glob("*.seg"))
resource.setrlimit(resource.RLIMIT_FSIZE, (used + 10, resource.RLIM_INFINITY))
for number in range(20):
    run.log({"lost": number})
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
run.log({"x": 10})
run.log({"x": 11}, step=40)
run.log({"x": 12, "_timestamp": 1_000_000_000}, step=40)
run.finish()
"""
"""A clock that runs backwards, and a file size limit in place of a full disk: the same write() that takes only a part."""


def text(rows: list[dict[str, Any]]) -> list[str]:
    """Rows so that NaN equals itself, and 1, 1.0 and True differ."""
    return [repr(sorted(row.items())) for row in rows]


def untimed(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("_step", "_timestamp", "_runtime")}


def projected(base_url: str, path: str) -> Run | None:
    """The run, once the views are up to date: a transaction over 100,000 keys takes seconds, and a read waits for ten."""
    try:
        return runwell.Api(base_url).run(path)
    except ApiError:
        return None


def test_odd_values_are_read_as_they_were_logged(server: Server) -> None:
    """Every odd value of one online run is read back exactly; what is beyond a limit takes nothing else with it."""
    config = {1: "one", "nan": math.nan, "big": PLUS_ONE, "sur\ud800": "\udc80", "nested": {2: {None: 3}}}
    run = runwell.init(project="odd", id="käse 1", notes="\udc80\0", tags=["t\ud800"], config=config)
    for row, _ in ROWS:
        run.log(row)
    run.summary["best"] = {"of": PLUS_ONE, "ever\ud800": math.nan}
    run.finish()
    read = runwell.Api(server.http).run("tester/odd/käse 1")
    rows = read.history(samples=None)
    assert [row["_step"] for row in rows] == list(range(len(ROWS)))
    assert text([untimed(row) for row in rows]) == text([kept for _, kept in ROWS])
    kept_config = {"1": "one", "nan": None, "big": PLUS_ONE, "sur\\ud800": "\\udc80", "nested": {"2": {"None": 3}}}
    assert text([dict(read.config)]) == text([kept_config])
    assert text([dict(read.summary["best"])]) == text([{"of": PLUS_ONE, "ever\\ud800": math.nan}])
    assert (read.notes, list(read.tags)) == ("\\udc80\0", ["t\\ud800"])
    assert read.state == "finished"


@pytest.mark.parametrize("width", [10_000, pytest.param(limits.ROW_KEYS_MAX, marks=pytest.mark.slow)])
def test_a_wide_row_is_read_whole(width: int, server: Server) -> None:
    """A row of as many keys as are allowed takes the whole way beside ordinary ones, and can be read by one of its keys."""
    wide = {f"layer/{number}": number / 3 for number in range(width)}
    run = runwell.init(project="odd", id="wide")
    run.log({"loss": 0.5})
    run.log(wide)
    run.log({"loss": 0.25})
    run.finish()
    read = until(lambda: projected(server.http, "tester/odd/wide"), "the widest row is projected")
    last = f"layer/{width - 1}"
    assert [row["loss"] for row in read.history(keys=["loss"], samples=None)] == [0.5, 0.25]
    assert [row[last] for row in read.history(keys=[last], samples=None)] == [wide[last]]
    assert [untimed(row) for row in read.history(samples=None)] == [{"loss": 0.5}, wide, {"loss": 0.25}]
    assert read.summary[last] == wide[last]


def test_a_full_disk_and_a_clock_that_runs_backwards_cost_what_is_said(server: Server, runwell_dir: Path) -> None:
    """Rows that found no space are counted, all others are read in the order of their calls, whatever the clock said; a spool
    of a newer version beside them stays as it is."""
    newer = runwell_dir / "spool" / f"newer.{bytes(16).hex()}"
    newer.mkdir(parents=True)
    (newer / "00000001.seg").write_bytes(frames.SEGMENT_MAGIC[:-1] + bytes([frames.VERSION + 1]) + b"unknown")
    finished = subprocess.run(
        [sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=False, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    assert "20 rows were dropped" in finished.stderr
    assert "are with the server" in finished.stderr
    read = runwell.Api(server.http).run("tester/odd/full")
    rows = [(row["_step"], row["x"]) for row in read.history(samples=None)]
    assert rows == [*((number, number) for number in range(10)), (30, 10), (40, 12)]
    assert read.summary["x"] == 12
    assert read.view["records"]["dropped"] == 20
    assert [path.name for path in newer.iterdir()] == ["00000001.seg"]
