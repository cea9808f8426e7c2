"""One server for all tests that only read, with the scene in it."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runwell.core.artifacts.manifest import Entry, manifest_bytes
from runwell.core.artifacts.naming import catalogue_writer
from runwell.core.names import ARTIFACT_STREAM
from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.log import NewBatch, RunId
from runwell_collector.log.sqlite import open_event_log
from tests.api.scene import component, send, write_scene
from tests.forwarder.spool_writer import SpoolWriter
from tests.sweeps.stream import write_sweep

BLOB_CONTENT = b'{"columns":["a"],"data":[[1]]}'
BLOB = hashlib.sha256(BLOB_CONTENT).hexdigest()


ARTIFACT = {"entity": "ada", "project": "digits", "name": "model", "version": "v0", "logged_id": "logged"}


async def _write_artifact(data_dir: Path) -> None:
    """A version in the log, as the collector decides it, with its manifest among the blobs."""
    manifest = manifest_bytes([Entry("a.txt", BLOB, len(BLOB_CONTENT))])
    sha256 = hashlib.sha256(manifest).hexdigest()
    for name, content in ((BLOB, BLOB_CONTENT), (sha256, manifest)):
        path = data_dir / "blobs" / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    logged = event_pb2.ArtifactLogged(name="model", type="model", sha256="d" * 64, id="logged", file_count=1, bytes=12)
    logged.files.add(path="manifest", sha256=sha256, bytes=len(manifest))
    said = event_pb2.ArtifactVersionAssigned(name="model", sha256="d" * 64, logged=logged, aliases=["latest"])
    said.run.CopyFrom(event_pb2.RunKey(entity="ada", project="digits", run_id="plain"))
    events = event_pb2.Events(events=[event_pb2.Event(time=1.0, artifact_version_assigned=said)]).SerializeToString()
    run, writer = RunId("ada", "digits", ARTIFACT_STREAM), catalogue_writer("ada", "digits")
    async with open_event_log(data_dir / "log") as log:
        await log.append([NewBatch(run, writer, 1, 1, 0, 1, 1.0, collector_pb2.CODEC_NONE, events)])


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
    asyncio.run(write_sweep(data_dir))
    view = SpoolWriter(root / "saved", "saved:seen")
    view.event(view_saved={"by": "ada", "name": "what I look at", "view_json": '{"query": "smooth=ema%3A0.5"}'})
    send(root / "saved", data_dir)
    asyncio.run(_write_artifact(data_dir))
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        yield Served(spool, data_dir, said["http"])


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard on a directory in which nothing was ever logged."""
    with component("runwell_dashboard", tmp_path_factory.mktemp("empty") / "server") as said:
        yield said["http"]
