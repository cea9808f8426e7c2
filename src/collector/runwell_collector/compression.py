"""Compresses closed segments of the log, and moves them to an archive; the collector may run meanwhile.

The order of steps, for which a kill at any of them leaves every batch where readers find it, and the next call goes on:

1. The segment is written anew under a name that no reader looks at, synced, and compared with the old one, batch by batch.
2. It is renamed. From here on readers take it, and the old file is removed.
3. Archived: it is copied to the folder under another such name, synced, compared, renamed; then the log notes the folder;
   then the file here is removed.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from runwell.core import limits
from runwell_collector.directory import free_bytes
from runwell_collector.log import LogDamagedError
from runwell_collector.log.compressed import SUFFIX, CompressedSegment, compressed_path, write_compressed
from runwell_collector.log.files import (
    SqliteSegment,
    archive_folder,
    compressed_offsets,
    note_archive,
)
from runwell_collector.log.segment import first_offsets, segment_path, sync_directory

UNFINISHED = ".unfinished-"
EVERYTHING = 1 << 62
COMPARED_BYTES = 1 << 20

Progress = Callable[[int, int], None]
"""Told how many segments are done, of how many."""


class ToolError(Exception):
    """It cannot be done now; nothing is lost, and the message says what to do."""


class Size(NamedTuple):
    """Bytes of the segments that were compressed, before and after."""

    before: int
    after: int


def compress_log(log_dir: Path, progress: Progress) -> Size:
    """Compresses all closed segments. Raises ToolError, LogDamagedError and OSError."""
    before = after = 0
    with _sole_worker(log_dir):
        _remove_leftovers(log_dir)
        closed = first_offsets(log_dir)[:-1]
        for done, first in enumerate(closed, 1):
            before += segment_path(log_dir, first).stat().st_size
            _compress(log_dir, first)
            after += compressed_path(log_dir, first).stat().st_size
            progress(done, len(closed))
    return Size(before, after)


def archive_log(log_dir: Path, folder: Path, progress: Progress) -> int:
    """Moves all compressed segments to the folder; returns how many. Raises ToolError, LogDamagedError and OSError."""
    folder = folder.absolute()
    with _sole_worker(log_dir):
        if (noted := archive_folder(log_dir)) not in {None, folder}:
            raise ToolError(
                f"segments of this log are in {noted} already; move them to {folder} and change archive.json, or archive there"
            )
        _make_folder(folder)
        for leftover in folder.glob(f"{UNFINISHED}*"):
            leftover.unlink()
        local = compressed_offsets(log_dir)
        for done, first in enumerate(local, 1):
            _archive(log_dir, folder, first)
            progress(done, len(local))
    return len(local)


def _compress(log_dir: Path, first: int) -> None:
    source, target = segment_path(log_dir, first), compressed_path(log_dir, first)
    if not target.exists():
        _need_space(log_dir, source.stat().st_size)
        unfinished = log_dir / f"{UNFINISHED}{target.name}"
        with closing(SqliteSegment(source)) as segment:
            if (end := segment.end_offset) is None:
                raise LogDamagedError(source, "a later segment exists, and this one was never closed")
            description = {"first_offset": first, "end_offset": end}
            with unfinished.open("wb") as file:
                write_compressed(file, description, segment.writers, segment.rows(first - 1, EVERYTHING))
                file.flush()
                os.fsync(file.fileno())
        _compare(source, unfinished, first)
        unfinished.rename(target)
    else:
        _compare(source, target, first)
    # Also of one that a killed call has renamed: what replaces the old file survives a power cut before that is removed.
    sync_directory(log_dir)
    for path in (source, *(source.with_name(source.name + end) for end in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)
    sync_directory(log_dir)


def _compare(source: Path, compressed: Path, first: int) -> None:
    """Raises LogDamagedError where the two are not the same, to the last bit."""
    with closing(SqliteSegment(source)) as old, closing(CompressedSegment(compressed)) as new:
        if old.writers != new.writers or old.end_offset != new.end_offset:
            raise LogDamagedError(compressed, f"it is not the same as {source.name}")
        rows = zip(old.rows(first - 1, EVERYTHING), new.rows(first - 1, EVERYTHING), strict=True)
        try:
            differing = next((one[0] for one, other in rows if one != other), None)
        except ValueError:
            raise LogDamagedError(compressed, f"it has not as many batches as {source.name}") from None
        if differing is not None:
            raise LogDamagedError(compressed, f"offset {differing} is not the same as in {source.name}")


def _archive(log_dir: Path, folder: Path, first: int) -> None:
    source = compressed_path(log_dir, first)
    target = folder / source.name
    if not target.exists():
        _need_space(folder, source.stat().st_size)
        unfinished = folder / f"{UNFINISHED}{target.name}"
        with source.open("rb") as old, unfinished.open("wb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
        unfinished.rename(target)
    elif target.samefile(source):
        raise ToolError(f"{target} is {source} itself: choose a folder of its own for the archive")
    if not _same_bytes(source, target):
        raise ToolError(f"{target} is another file than {source}: choose a folder that no other log is archived in")
    # Also of a copy that was there before: who made it need not have synced it.
    with target.open("rb") as copy:
        os.fsync(copy.fileno())
    sync_directory(folder)
    note_archive(log_dir, folder)
    source.unlink()
    sync_directory(log_dir)


def _make_folder(folder: Path) -> None:
    """Makes it where it is missing; it survives a power cut with what is put there."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_directory(path.parent)


def _same_bytes(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        while (data := first.read(COMPARED_BYTES)) == second.read(COMPARED_BYTES):
            if not data:
                return True
    return False


def _need_space(directory: Path, size_bytes: int) -> None:
    if free_bytes(directory) < size_bytes + limits.LOG_FREE_BYTES_MIN:
        raise ToolError(f"too little is free under {directory} for another {size_bytes >> 20} MiB: free some space")


def _remove_leftovers(log_dir: Path) -> None:
    for path in log_dir.glob(f"{UNFINISHED}*{SUFFIX}"):
        path.unlink()
    for path in log_dir.glob("*.db-*"):
        if not path.with_name(path.name.rpartition("-")[0]).exists() and not path.name.startswith("."):
            path.unlink(missing_ok=True)


@contextmanager
def _sole_worker(log_dir: Path) -> Iterator[None]:
    if not log_dir.is_dir():
        raise ToolError(f"there is no event log in {log_dir.parent}; is it the server's data directory?")
    descriptor = os.open(log_dir / ".compressing", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ToolError("another process compresses or archives this log; wait for it") from error
        yield
    finally:
        os.close(descriptor)
