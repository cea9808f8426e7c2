"""What the sender of blobs does next."""

import os
from pathlib import Path

from runwell._blobs import BlobFolder
from runwell.core.blobs import LIST_NAME, Blob, list_line
from runwell.forwarder.blob_lists import BlobList
from runwell.forwarder.blob_plan import UNANSWERED_MAX, BlobPlan
from runwell.forwarder.disk import LocalDisk


def plan_of(root: Path, *blobs: Blob) -> BlobPlan:
    """The plan of one writer's list, all of which the server misses."""
    directory = root / "spool" / "run.w"
    directory.mkdir(parents=True)
    (directory / LIST_NAME).write_bytes(b"".join(map(list_line, blobs)))
    plan = BlobPlan()
    plan.lists[directory] = BlobList(LocalDisk(), directory)
    plan.lists[directory].look()
    while asked := plan.to_ask():
        plan.found(asked, dict.fromkeys(asked, 0))
    return plan


def test_lost_blobs_make_room_for_those_behind_them(tmp_path: Path):
    """However many contents are gone, what is there is sent on the same connection."""
    gone = [Blob(os.urandom(32).hex(), 10) for _ in range(UNANSWERED_MAX + 10)]
    kept = BlobFolder(tmp_path).add_bytes(b"kept")
    plan = plan_of(tmp_path, *gone, kept)
    sent = []
    while parts := plan.next_parts():
        for part in parts:
            sent.append(part.wanted.sha256.hex())
            if sent[-1] != kept.sha256:
                plan.lose(part.wanted, "gone")
    assert sent == [blob.sha256 for blob in [*gone, kept]]
    assert len(plan.lost) == len(gone)


def test_what_a_killed_forwarder_has_put_aside_is_found(tmp_path: Path):
    """Between two names a content is as good as under its own: it is sent, not told as lost."""
    folder = BlobFolder(tmp_path)
    blob = folder.add_bytes(b"aside")
    path = Path(folder.path(blob.sha256))
    path.rename(path.with_name(f".{path.name}"))
    (part,) = plan_of(tmp_path, blob).next_parts()
    assert [place.read_bytes() for place in part.wanted.paths() if place.exists()] == [b"aside"]
