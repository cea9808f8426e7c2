"""Fixtures that every area shares: nothing of the user's own settings, and a real server where a test asks for one."""

import contextlib
import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server

# A projector keeps a descriptor of its views as long as its process lives, and here one process has hundreds of projectors.
_hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))


@pytest.fixture(autouse=True)
def runwell_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root directory of this test alone, also for the processes that it starts; its forwarders end with the test."""
    for name in [name for name in os.environ if name.startswith(("RUNWELL_", "WANDB_"))]:
        monkeypatch.delenv(name)
    root = tmp_path_factory.mktemp("root")
    monkeypatch.setenv("RUNWELL_DIR", str(root))
    monkeypatch.setenv("RUNWELL_ENTITY", "tester")
    # Samples come when they come: only tests of them have them among the records that they count.
    monkeypatch.setenv("RUNWELL_SYSTEM_METRICS", "0")
    yield root
    for lock in root.glob("spool/.forwarder/*.lock"):
        with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
            os.kill(json.loads(lock.read_text())["pid"], signal.SIGTERM)


@pytest.fixture
def server(runwell_dir: Path) -> Iterator[Server]:
    """`runwell up` on free ports, stopped gracefully at the end; clients of this test find it by themselves."""
    with contextlib.closing(Server.start(runwell_dir / "server")) as running:
        yield running
