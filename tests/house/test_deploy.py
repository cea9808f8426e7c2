"""What deploy/ holds is valid."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_units_are_valid(tmp_path: Path) -> None:
    """systemd takes the unit without a word; the program is put in the place of one that is not installed here."""
    unit = tmp_path / "runwell.service"
    text = (ROOT / "deploy" / "systemd" / unit.name).read_text()
    assert "/opt/runwell/bin/runwell" in text
    unit.write_text(text.replace("/opt/runwell/bin/runwell", sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and unit.name not in verified.stderr, verified.stderr
