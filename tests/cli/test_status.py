"""`runwell status` against real components."""

import json
from pathlib import Path

import pytest

from tests.api.scene import component, send, write_plain
from tests.cli.terminal import in_terminal, piped


def test_status_tells_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """status shows each component, the log and the views; without a collector it says so and ends with 1."""
    data_dir = tmp_path / "server"
    write_plain(tmp_path / "spool")
    send(tmp_path / "spool", data_dir)
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        monkeypatch.setenv("RUNWELL_BASE_URL", said["http"])
        assert piped("ls").status == 0
        seen = in_terminal("status")
        assert seen.status == 1
        for part in ("collector", "gone", "it has not started yet", "up to batch 2, 0 behind; 1 runs", "GiB free"):
            assert part in seen.plain, seen.plain
        lines = dict(line.split("\t")[:2] for line in piped("status").output.splitlines())
        assert (lines["projector"], lines["collector"], lines["poisoned"]) == ("ready", "gone", "none")
        status = json.loads(piped("status", "--json").output)
        assert status["log"]["end"] == 2 and status["components"]["collector"]["ready"] is False
