"""Removes blobs that no writer waits for any more; like acknowledged segments they are kept a while, for a collector that
is restored from a backup, and so that the same content is not copied again.

A training process adds a line to its list and then looks whether the blob is there; here a blob is first renamed, then the
lists are read once more. Whichever comes first, the other sees it: no blob that is listed is lost.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from runwell.core.blobs import DIRECTORY_NAME, LIST_NAME, PINS_NAME, is_sha256, read_list
from runwell.core.limits import KEPT_BYTES_MAX, KEPT_S_MAX
from runwell.forwarder.blob_lists import unsent
from runwell.forwarder.disk import LocalDisk
from runwell.forwarder.spools import names_of_spools

FRESH_S = 600.0
"""A blob that was just written may not be listed yet."""


class BlobRetention:
    """Looks after the blobs beside one directory of spools. Times are wall-clock seconds."""

    def __init__(self, place: Path) -> None:
        self._disk = LocalDisk()
        self._place = place
        self._folder = place.parent / DIRECTORY_NAME

    def prune(self, wall_time: float) -> None:
        """Removes what is too old or too much. Raises OSError."""
        self._bring_back()
        blobs = sorted(self._blobs(), key=lambda blob: blob[1], reverse=True)
        needed = self._needed() if blobs else set()
        kept_bytes, removed = 0, []
        for path, modified_at, size in blobs:
            if path.name in needed or wall_time - modified_at < FRESH_S:
                continue
            kept_bytes += size
            if kept_bytes > KEPT_BYTES_MAX or wall_time - modified_at > KEPT_S_MAX:
                removed.append(path)
        if removed:
            self._remove(removed)

    def _bring_back(self) -> None:
        """One that was killed in the middle may have put something aside that is needed."""
        for aside in self._folder.glob("[0-9a-f][0-9a-f]/.*"):
            if is_sha256(aside.name[1:]):
                aside.rename(aside.with_name(aside.name[1:]))

    def _blobs(self) -> Iterator[tuple[Path, float, int]]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if is_sha256(path.name):
                    yield path, status.st_mtime, status.st_size

    def _needed(self) -> set[str]:
        """What any writer's list has unsent, or a living process holds for an artifact that it has not logged yet."""
        needed: set[str] = set()
        for name in names_of_spools(self._disk, self._place):
            with contextlib.suppress(NotADirectoryError):
                if self._disk.size(self._place / name / LIST_NAME):
                    needed.update(listed.sha256 for listed in unsent(self._disk, self._place / name))
        for pins in (self._folder / PINS_NAME).glob("*"):
            needed.update(self._pinned(pins))
        return needed

    def _pinned(self, path: Path) -> set[str]:
        if not self._disk.locked(path):
            path.unlink(missing_ok=True)
            return set()
        return {listed.sha256 for listed in read_list(path.read_bytes())[0]}

    def _remove(self, paths: list[Path]) -> None:
        asides = [path.rename(path.with_name(f".{path.name}")) for path in paths]
        needed = self._needed()
        for path, aside in zip(paths, asides, strict=True):
            if path.name in needed:
                aside.rename(path)
            else:
                aside.unlink()
