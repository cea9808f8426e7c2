"""The same scripts under Runwell and under wandb's own client leave the same rows, summaries and configs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.differential import environment
from tests.differential.comparison import differences, read_table
from tests.differential.playing import SCRIPTS, TIMEOUT_S, played

DOCUMENT = environment.ROOT / "docs" / "differences.md"


@pytest.mark.slow
@pytest.mark.timeout(3 * TIMEOUT_S)
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_means_the_same(script: str, tmp_path: Path):
    """What differs is listed in docs/differences.md with its reason, and what is listed there differs."""
    clients = ("runwell", "wandb")
    for client in clients:
        (tmp_path / client).mkdir()
    with ThreadPoolExecutor() as pool:
        ours, theirs = pool.map(lambda client: played(script, client, tmp_path / client), clients)
    found = differences(ours, theirs)
    entries = [entry for entry in read_table(DOCUMENT.read_text()) if entry.place.startswith(f"{script}/")]
    unlisted = [str(difference) for difference in found if not any(entry.explains(difference) for entry in entries)]
    assert not unlisted, "not listed:\n" + "\n".join(unlisted)
    stale = [entry for entry in entries if not any(entry.explains(difference) for difference in found)]
    assert not stale, f"listed, but they no longer differ so: {stale}"
    assert any(place.endswith(": exit code") for place in theirs)
