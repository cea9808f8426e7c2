"""Fixtures that every area shares: nothing of the user's own settings, and a real server where a test asks for one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server


@pytest.fixture(autouse=True)
def runwell_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root directory of this test alone, also for the processes that it starts."""
    for name in [name for name in os.environ if name.startswith("RUNWELL_")]:
        monkeypatch.delenv(name)
    root = tmp_path_factory.mktemp("root")
    monkeypatch.setenv("RUNWELL_DIR", str(root))
    monkeypatch.setenv("RUNWELL_ENTITY", "tester")
    return root


@pytest.fixture
def server(runwell_dir: Path) -> Iterator[Server]:
    """`runwell up` on free ports, stopped gracefully at the end; clients of this test find it by themselves."""
    with contextlib.closing(Server.start(runwell_dir / "server")) as running:
        yield running
