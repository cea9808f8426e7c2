"""Run in a mount namespace of its own: a log on a file system of six megabytes, filled up to where it hurts.

Prints a JSON list: for each number of bytes left, what came of an append that begins a segment, and the log's end at a
later start; and last, how many batches were acknowledged until the disk was full, and how many of them are there.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from runwell.core import limits
from runwell_collector.log import LogFullError, NewBatch, RunId
from runwell_collector.log.sqlite import open_event_log

DISK_BYTES = 6 << 20
SEGMENT_BYTES = 400_000
WRITERS = 6_000
BYTES_LEFT = range(100_000, 2_000_000, 300_000)


def batch(writer: int, first: int = 1, size: int = 10) -> NewBatch:
    run = RunId("lab", "digits", "r1")
    return NewBatch(run, writer.to_bytes(16, "big"), first, 1, 0, 0, 1.5, 1, os.urandom(size))


def leave(disk: Path, bytes_left: int) -> Path:
    """Fills the disk but for so many bytes."""
    free = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - bytes_left))
    return filler


async def rotated(disk: Path, directory: Path, bytes_left: int) -> tuple[str, int]:
    """Many writers, whose positions are copied into a segment that is begun while so much is free."""
    async with open_event_log(directory, SEGMENT_BYTES) as log:
        for least in range(0, WRITERS, 1_000):
            await log.append([batch(writer) for writer in range(least, least + 1_000)])
        await log.append([batch(WRITERS, size=SEGMENT_BYTES)])
        filler = leave(disk, bytes_left)
        outcome = "appended"
        try:
            await log.append([batch(WRITERS + 1)])
        except LogFullError:
            outcome = "full"
        filler.unlink()
        if outcome == "full":
            await log.append([batch(WRITERS + 1)])
    async with open_event_log(directory) as log:
        return outcome, await log.end()


async def filled(directory: Path) -> tuple[int, int]:
    """Appends until the disk is full, with checkpoints that find it full too, and starts again on the full disk."""
    limits.CHECKPOINT_BYTES = 1 << 20
    acknowledged = 0
    async with open_event_log(directory) as log:
        try:
            while True:
                await log.append([batch(1, acknowledged + 1, 50_000)])
                acknowledged += 1
        except LogFullError:
            await asyncio.sleep(0)
    async with open_event_log(directory) as log:
        return acknowledged, await log.end()


def main() -> None:
    disk = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)], check=True)
    found: list[tuple[str | int, int]] = []
    for bytes_left in BYTES_LEFT:
        found.append(asyncio.run(rotated(disk, disk / "log", bytes_left)))
        shutil.rmtree(disk / "log")
    print(json.dumps([*found, asyncio.run(filled(disk / "log"))]))


if __name__ == "__main__":
    main()
