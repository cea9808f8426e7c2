"""Spools and logs that earlier versions wrote are read as what they were, for ever."""

import json
import shutil
from pathlib import Path

import pytest

from runwell.core.history import select
from runwell_collector.log.sqlite import open_event_log
from runwell_projector.query import Views
from runwell_projector.rebuild import rebuild
from tests.golden.reading import history_of_log, history_of_spool

VERSIONS = sorted(path for path in Path(__file__).parent.iterdir() if (path / "expected.json").exists())


def same(found: object, expected: object) -> bool:
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_a_spool_of_an_earlier_version_is_read(version: Path):
    """Each record is what that version said it was: kind, step, time, flags and values."""
    expected = json.loads((version / "expected.json").read_text())["spool"]
    assert same(history_of_spool(version / "spool"), expected)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
async def test_a_log_of_an_earlier_version_is_read_and_gone_on_with(version: Path, tmp_path: Path):
    """Each record is what that version said it was, the log can be appended to, and views can be built from it."""
    expected = json.loads((version / "expected.json").read_text())["log"]
    shutil.copytree(version / "server", tmp_path, dirs_exist_ok=True)
    async with open_event_log(tmp_path / "log") as log:
        assert await log.end() > 0
    assert same(history_of_log(tmp_path), expected)
    rebuild(tmp_path, lambda reached, end: None)
    with Views.open(tmp_path) as views:
        (run,) = views.runs()[1]
        rows = views.history("lab", "digits", "golden", select(masked=True))[0]
    logged = [record for record in expected if record[1] == "row"]
    assert (run["state"], run["records"]["stored"]) == ("finished", len(expected))
    assert len(rows) == len({(record[3]) for record in logged})


def test_this_version_has_golden_files():
    """Whoever changes a format makes new files beside the old ones: `python -m tests.golden.make VERSION`."""
    assert VERSIONS
