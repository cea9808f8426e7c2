"""The directory of a writer on a real disk."""

import os
from pathlib import Path

import pytest

from runwell._disk import LocalSpoolDisk
from runwell._segments import WriterIdentity
from runwell._spool import SpoolWriter
from tests.client.memory_disk import ManualClock


def test_a_sync_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A sync calls fsync on the segment and, once a segment is new, on the directories that name it."""
    synced: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    disk = LocalSpoolDisk(tmp_path / "spool", "r", bytes(16))
    writer = SpoolWriter(disk, ManualClock(), WriterIdentity(bytes(16), "me", "p", "r"))
    writer.start("run_started", {})
    segment = f"{disk.directory}/00000001.seg"
    for expected in ([segment, disk.directory, str(tmp_path / "spool")], [segment]):
        writer.put_event("config_set", {"set_json": "{}"})
        job = writer.sync_job()
        assert job is not None
        job.run()
        writer.end_sync(job)
        assert synced == expected
        synced.clear()
    writer.close()
