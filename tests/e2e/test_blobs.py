"""Contents of files from a training process to whoever asks the server for them."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import runwell
from tests.server import Server, until


def fetch(server: Server, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """What the server answers below /api/v1/."""
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=20)
    try:
        connection.request("GET", f"/api/v1/{path}", headers=headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def blob_of(server: Server, sha256: str) -> bytes | None:
    """The content, or None while it is not there."""
    status, _, body = fetch(server, f"blobs/{sha256}")
    if status == 404:
        assert json.loads(body)["error"]["code"] == "blob_uploading"
        return None
    assert status == 200
    return body


def test_a_run_is_complete_with_its_files(server: Server, tmp_path: Path):
    """finish() returns when small and large files are with the server, each once; and they are gone from the way."""
    large = os.urandom(3_500_000)
    (tmp_path / "model.bin").write_bytes(large)
    with runwell.init() as run:
        small = run.blobs.store_bytes(b"\x89PNG tiny")
        again = run.blobs.store_bytes(b"\x89PNG tiny")
        model = run.blobs.store_file(tmp_path / "model.bin")
        empty = run.blobs.store_bytes(b"")
        spool = run.spool
    assert small == again
    assert spool is not None
    for blob, content in ((small, b"\x89PNG tiny"), (model, large), (empty, b"")):
        assert blob_of(server, blob.sha256) == content
    assert sorted(path.name for path in (server.directory / "blobs").glob("??/*")) == sorted(
        {small.sha256, model.sha256, empty.sha256}
    )
    assert not list((server.directory / "incoming").iterdir())
    until((spool / "blobs.acked").exists, "the note that the files were sent")


def test_ranges_types_and_what_a_browser_must_not_run(server: Server):
    """Parts of a content, safe types only, and headers under which nothing executes."""
    content = bytes(range(256)) * 100
    with runwell.init() as run:
        sha256 = run.blobs.store_bytes(content).sha256
    path = f"blobs/{sha256}"
    status, headers, body = fetch(server, path, {"Range": "bytes=100-199"})
    assert (status, body, headers["content-range"]) == (206, content[100:200], f"bytes 100-199/{len(content)}")
    assert fetch(server, path, {"Range": "bytes=-10"})[2] == content[-10:]
    assert fetch(server, path, {"Range": "bytes=25590-"})[2] == content[25590:]
    assert fetch(server, path, {"Range": "bytes=99999-"})[0] == 416
    status, headers, body = fetch(server, path)
    assert body == content
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert fetch(server, path, {"If-None-Match": headers["etag"]})[0] == 304
    assert fetch(server, path + "?type=image/png")[1]["content-type"] == "image/png"
    for unsafe in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "image/png%0d%0ax:y"):
        headers = fetch(server, f"{path}?type={unsafe}")[1]
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"].startswith("attachment")
    headers = fetch(server, path + "?type=image/png&name=../a%22%0d%0ab.png")[1]
    assert headers["content-disposition"] == 'attachment; filename="a___b.png"'
    assert fetch(server, "blobs/" + "0" * 63)[0] == 404
    assert json.loads(fetch(server, "blobs/" + "0" * 64)[2])["error"]["code"] == "blob_uploading"


def test_an_offline_run_is_synced_with_its_files(server: Server, runwell_dir: Path):
    """`runwell sync` sends what an offline run kept, says so with its status, and a second time has nothing to do."""
    with runwell.init(mode="offline") as run:
        sha256 = run.blobs.store_bytes(b"kept offline" * 1000).sha256
    assert blob_of(server, sha256) is None
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-m", "runwell", "sync"], check=False, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        assert blob_of(server, sha256) == b"kept offline" * 1000


def test_a_file_that_was_lost_here_is_told_and_stops_nothing(server: Server, runwell_dir: Path):
    """Someone removed a file that was not sent: sync says which, and everything else arrives."""
    with runwell.init(mode="offline") as run:
        lost = run.blobs.store_bytes(b"to be removed").sha256
        kept = run.blobs.store_bytes(b"to be kept").sha256
        run.log({"loss": 1.0})
    (runwell_dir / "blobs" / lost[:2] / lost).unlink()
    ended = subprocess.run([sys.executable, "-m", "runwell", "sync"], check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert lost in ended.stderr
    assert blob_of(server, kept) == b"to be kept"
    assert [row["loss"] for row in runwell.Api().run(run.path).history()] == [1.0]


def test_a_file_that_was_damaged_here_never_arrives_as_what_it_is_not(server: Server, runwell_dir: Path):
    """The server compares what comes with its digest, in one part and in many."""
    with runwell.init(mode="offline") as run:
        digests = [run.blobs.store_bytes(b"x" * size).sha256 for size in (1_000, 3_000_000)]
    for digest in digests:
        path = runwell_dir / "blobs" / digest[:2] / digest
        path.write_bytes(path.read_bytes()[:-1] + b"y")
    ended = subprocess.run([sys.executable, "-m", "runwell", "sync"], check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert all(digest in ended.stderr for digest in digests)
    assert [blob_of(server, digest) for digest in digests] == [None, None]
    assert not list((server.directory / "incoming").iterdir())


def _grown(path: Path, size: int) -> bool:
    """Whether the file is there and longer than that."""
    return path.exists() and path.stat().st_size > size


def test_kills_in_the_middle_of_a_large_file(server: Server, runwell_dir: Path, tmp_path: Path):
    """Sender and collector are killed again and again while a file is on its way: it arrives whole, and is gone on with."""
    content = os.urandom(64 << 20)
    (tmp_path / "large").write_bytes(content)
    with runwell.init(mode="offline") as run:
        sha256 = run.blobs.store_file(tmp_path / "large").sha256
    assert sha256 == hashlib.sha256(content).hexdigest()
    incoming = server.directory / "incoming" / sha256
    seen = 0
    for victim in ("sender", "collector", "sender"):
        sender = subprocess.Popen([sys.executable, "-m", "runwell", "sync"], stdout=subprocess.DEVNULL)
        # It is gone on with, never begun anew: what was there is still there.
        until(partial(_grown, incoming, seen), "more of the file")
        if victim == "collector":
            os.kill(json.loads((server.directory / "components" / "collector.json").read_text())["pid"], signal.SIGKILL)
        sender.kill()
        sender.wait()
        seen = incoming.stat().st_size
        assert 0 < seen < len(content)
    ended = subprocess.run([sys.executable, "-m", "runwell", "sync"], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert blob_of(server, sha256) == content
