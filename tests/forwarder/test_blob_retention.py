"""What leaves the blob spool, and what never does."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from runwell._blobs import BlobFolder
from runwell.core.blobs import LIST_NAME, PINS_NAME, Blob, list_line
from runwell.forwarder import blob_retention
from runwell.forwarder.blob_lists import BlobList, unsent
from runwell.forwarder.blob_retention import BlobRetention
from runwell.forwarder.disk import LocalDisk

DAY_S = 24 * 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root directory with one writer."""
    (tmp_path / "spool" / "run.w").mkdir(parents=True)
    return tmp_path


def keep(root: Path, content: bytes, age_s: float) -> Blob:
    """A blob that was written so long ago."""
    folder = BlobFolder(root)
    blob = folder.add_bytes(content)
    then = time.time() - age_s
    os.utime(folder.path(blob.sha256), (then, then))
    return blob


def enlist(root: Path, *blobs: Blob, writer: str = "run.w") -> BlobList:
    """Lists them for a writer."""
    directory = root / "spool" / writer
    directory.mkdir(exist_ok=True)
    with (directory / LIST_NAME).open("ab") as file:
        file.write(b"".join(map(list_line, blobs)))
    its = BlobList(LocalDisk(), directory)
    its.look()
    return its


def sent(its: BlobList) -> None:
    """Everything of the list is with a server."""
    its.speak_to("a log")
    for entry in its.entries:
        entry.done = entry.stored = True
    its.settle()
    its.save()


def left(root: Path) -> set[str]:
    """What is still there."""
    return {path.name for path in root.glob("blobs/??/*")}


def test_what_is_sent_goes_after_a_day_and_what_is_not_stays(root: Path):
    """The list decides, not the age: an offline run's files wait for years."""
    old, waiting, fresh = keep(root, b"old", 2 * DAY_S), keep(root, b"waiting", 900 * DAY_S), keep(root, b"fresh", 3600)
    sent(enlist(root, old, fresh))
    enlist(root, waiting, writer="other.w")
    BlobRetention(root / "spool").prune(time.time())
    assert left(root) == {waiting.sha256, fresh.sha256}


def test_of_what_is_sent_only_so_much_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch):
    """The newest stay."""
    monkeypatch.setattr(blob_retention, "KEPT_BYTES_MAX", 2_500)
    blobs = [keep(root, bytes([number]) * 1_000, 3600 + number) for number in range(5)]
    sent(enlist(root, *blobs))
    BlobRetention(root / "spool").prune(time.time())
    assert left(root) == {blob.sha256 for blob in blobs[:2]}


def test_what_a_living_process_holds_for_a_draft_stays(root: Path):
    """Until its lock is gone; then nobody needs it."""
    blob = keep(root, b"staged", 2 * DAY_S)
    pins = root / "blobs" / PINS_NAME / "1"
    pins.parent.mkdir()
    pins.write_bytes(list_line(blob))
    child = os.fork()
    if child == 0:
        held = os.open(pins, os.O_RDWR)
        fcntl.lockf(held, fcntl.LOCK_EX)
        (root / "locked").touch()
        time.sleep(60)
        os._exit(0)
    try:
        while not (root / "locked").exists():
            os.sched_yield()
        BlobRetention(root / "spool").prune(time.time())
        assert left(root) == {blob.sha256}
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    BlobRetention(root / "spool").prune(time.time())
    assert left(root) == set()
    assert not pins.exists()


def test_what_was_put_aside_by_one_that_was_killed_comes_back(root: Path):
    """A blob between two names is needed all the same."""
    blob = keep(root, b"needed", 2 * DAY_S)
    enlist(root, blob)
    path = Path(BlobFolder(root).path(blob.sha256))
    path.rename(path.with_name(f".{path.name}"))
    BlobRetention(root / "spool").prune(time.time())
    assert left(root) == {blob.sha256}


def test_a_blob_that_is_listed_while_it_is_removed_stays(root: Path, monkeypatch: pytest.MonkeyPatch):
    """A process that needs it again in the very moment finds it, or its line is seen."""
    blob = keep(root, b"again", 2 * DAY_S)
    sent(enlist(root, blob))
    rename = Path.rename

    def rename_while_listed(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if target.name.startswith("."):
            enlist(root, blob, writer="late.w")
        return moved

    monkeypatch.setattr(Path, "rename", rename_while_listed)
    BlobRetention(root / "spool").prune(time.time())
    assert left(root) == {blob.sha256}


def test_another_server_is_told_everything_again(root: Path):
    """What one log has, another may not have: its list begins anew."""
    blob = keep(root, b"x", 0)
    its = enlist(root, blob)
    sent(its)
    assert not its.pending
    assert not unsent(LocalDisk(), root / "spool" / "run.w")
    again = BlobList(LocalDisk(), root / "spool" / "run.w")
    again.look()
    assert not again.pending
    assert again.speak_to("another log")
    again.look()
    assert [entry.listed.sha256 for entry in again.entries] == [blob.sha256]
