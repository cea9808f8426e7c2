"""The event log on a disk that is really full; needs Linux, and the right to mount in a namespace of one's own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("small_disk.py")
NAMESPACE = ["unshare", "--map-root-user", "--mount"]


def in_namespace(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*NAMESPACE, *command], capture_output=True, text=True, check=False)


def may_mount() -> bool:
    return bool(shutil.which("unshare")) and in_namespace("true").returncode == 0


@pytest.mark.skipif(not may_mount(), reason="no user namespaces here")
def test_a_log_on_a_full_disk_is_whole(tmp_path: Path):
    """Wherever the disk becomes full, also while a segment is begun or checkpointed, the log says so and stays whole."""
    done = in_namespace(sys.executable, str(SCRIPT), str(tmp_path))
    assert done.returncode == 0, done.stderr
    *rotations, (acknowledged, end) = json.loads(done.stdout)
    assert {outcome for outcome, _ in rotations} == {"full", "appended"}
    assert {end for _, end in rotations} == {6_002}
    assert end == acknowledged > 20
