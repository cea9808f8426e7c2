"""One server for all tests that only read, with the scene in it."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.scene import component, send, write_scene
from tests.forwarder.spool_writer import SpoolWriter
from tests.sweeps.stream import write_sweep

BLOB_CONTENT = b"some content"
BLOB = hashlib.sha256(BLOB_CONTENT).hexdigest()


@dataclass(frozen=True)
class Served:
    """The scene's spools, the data directory that they were sent to, and the address that serves it."""

    spool: Path
    data_dir: Path
    base: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real projector and a real dashboard over the scene."""
    root = tmp_path_factory.mktemp("served")
    spool, data_dir = write_scene(root / "spool"), root / "server"
    send(spool, data_dir)
    content = data_dir / "blobs" / BLOB[:2] / BLOB
    content.parent.mkdir(parents=True, exist_ok=True)
    content.write_bytes(BLOB_CONTENT)
    asyncio.run(write_sweep(data_dir))
    view = SpoolWriter(root / "saved", "saved:seen")
    view.event(view_saved={"by": "ada", "name": "what I look at", "view_json": '{"query": "smooth=ema%3A0.5"}'})
    send(root / "saved", data_dir)
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        yield Served(spool, data_dir, said["http"])


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard on a directory in which nothing was ever logged."""
    with component("runwell_dashboard", tmp_path_factory.mktemp("empty") / "server") as said:
        yield said["http"]
