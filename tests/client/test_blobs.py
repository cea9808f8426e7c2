"""Contents of files that a training process hands over: kept once, listed for their writer, refused with a reason."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runwell
from runwell._blobs import BlobFolder, UnkeptBlobs
from runwell.core.blobs import Blob, Listed, blob_path, is_sha256, list_line, read_list
from runwell.errors import SpoolFullError, UsageError


def sha256(data: bytes) -> str:
    """The name of a content."""
    return hashlib.sha256(data).hexdigest()


def kept(root: Path) -> dict[str, bytes]:
    """All contents that are kept."""
    return {path.name: path.read_bytes() for path in root.glob("blobs/??/*")}


def listed(spool: Path) -> list[Listed]:
    """What a writer's events name."""
    return read_list((spool / "blobs").read_bytes())[0]


def test_a_content_is_kept_once_and_listed_for_its_writer(runwell_dir: Path, tmp_path: Path):
    """Bytes and files with the same content are one blob, and the list says that this writer needs it."""
    (tmp_path / "model.h5").write_bytes(b"weights")
    with runwell.init(mode="offline") as run:
        blob = run.blobs.store_bytes(b"weights")
        assert run.blobs.store_file(tmp_path / "model.h5") == blob == Blob(sha256(b"weights"), 7)
        assert run.spool is not None
        assert [line.blob for line in listed(run.spool)] == [blob, blob]
        assert kept(runwell_dir) == {blob.sha256: b"weights"}


def test_many_files_at_once(runwell_dir: Path, tmp_path: Path):
    """The blobs come in the order of the files, whatever order they were read in."""
    contents = [os.urandom(1000 + number) for number in range(50)]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    with runwell.init(mode="offline") as run:
        blobs = run.blobs.store_files([tmp_path / str(number) for number in range(50)])
    assert [blob.sha256 for blob in blobs] == [sha256(content) for content in contents]
    assert kept(runwell_dir) == {sha256(content): content for content in contents}


def test_what_was_stored_survives_a_kill(runwell_dir: Path):
    """A process that is killed right after store_bytes leaves the content and its line."""
    program = "import runwell, os; r = runwell.init(mode='offline'); r.blobs.store_bytes(b'x' * 5000); os.kill(os.getpid(), 9)"
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    (spool,) = runwell_dir.glob("spool/*.*")
    assert listed(spool) == [Listed(sha256(b"x" * 5000), 5000)]
    assert kept(runwell_dir) == {sha256(b"x" * 5000): b"x" * 5000}


def test_the_spools_limit_refuses_a_blob_and_no_row(runwell_dir: Path):
    """A blob beyond the limit is an error that says what to do; rows go on, and smaller blobs too."""
    with runwell.init(mode="offline", settings={"spool_bytes_max": 100_000}) as run:
        with pytest.raises(SpoolFullError, match="spool_bytes_max"):
            run.blobs.store_bytes(b"x" * 100_001)
        run.log({"loss": 1.0})
        run.blobs.store_bytes(b"x" * 50_000)
        with pytest.raises(SpoolFullError):
            run.blobs.store_bytes(b"y" * 60_000)
    assert run.status().dropped == 0
    assert list(kept(runwell_dir)) == [sha256(b"x" * 50_000)]


def test_a_full_disk_refuses_a_blob_and_leaves_nothing_behind(runwell_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """The half of a blob that the disk took is gone, the list has no line of it, and the run goes on."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with runwell.init(mode="offline") as run:
        run.blobs.store_bytes(b"first")
        with monkeypatch.context() as patch:
            patch.setattr("runwell._blobs.os.fsync", full)
            with pytest.raises(SpoolFullError, match="disk is full"):
                run.blobs.store_bytes(b"second")
        run.blobs.store_bytes(b"third")
        assert run.spool is not None
        assert [line.sha256 for line in listed(run.spool)] == [sha256(b"first"), sha256(b"third")]
    assert not list(runwell_dir.glob("blobs/.new-*"))


@pytest.mark.parametrize("what", ["missing", "a directory", "a pipe"])
def test_what_is_no_file_is_refused(what: str, runwell_dir: Path, tmp_path: Path):
    """A clear error names it, and nothing hangs on a pipe that nobody writes to."""
    path = tmp_path / "it"
    if what == "a directory":
        path.mkdir()
    elif what == "a pipe":
        os.mkfifo(path)
    with runwell.init(mode="offline") as run, pytest.raises(UsageError, match="it"):
        run.blobs.store_file(path)
    assert not kept(runwell_dir)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is kept is what the file had at one moment, or nothing."""
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 3_000_000)
    write = os.write

    def grow(descriptor: int, data: bytes) -> int:
        with path.open("ab") as file:
            file.write(b"more")
        return write(descriptor, data)

    monkeypatch.setattr("runwell._blobs.os.write", grow)
    with pytest.raises(UsageError, match="changed while it was read"):
        BlobFolder(tmp_path).add_file(str(path))
    assert not kept(tmp_path)


def test_a_disabled_run_keeps_nothing(runwell_dir: Path):
    """Digests are right all the same."""
    with runwell.init(mode="disabled") as run:
        assert isinstance(run.blobs, UnkeptBlobs)
        assert run.blobs.store_bytes(b"weights").sha256 == sha256(b"weights")
    assert not list(runwell_dir.iterdir())


def test_a_torn_list_has_its_whole_lines():
    """What a crash left of the last line is as if it were not there, and odd names of sources survive."""
    blobs = [Blob(sha256(b"a"), 1), Blob(sha256(b"b"), 1)]
    sources = ["/a b\n%/ü", "/\udcff"]
    data = b"".join(map(list_line, blobs, sources))
    whole, end = read_list(data + list_line(blobs[0])[:-1])
    assert whole == [Listed(*blob, source) for blob, source in zip(blobs, sources, strict=True)]
    assert end == len(data)


@pytest.mark.parametrize("name", ["", "../" + "a" * 61, "A" * 64, "a" * 63, "é" * 64, "a" * 63 + "/"])
def test_what_is_no_digest_is_no_path(name: str):
    """Only 64 lower-case hexadecimal digits become part of a path."""
    assert not is_sha256(name)
    with pytest.raises(ValueError, match="no SHA-256"):
        blob_path(name)
