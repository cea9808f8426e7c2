"""Contents of files on their way into an artifact: kept among the blobs, and held there until the artifact is logged."""

import fcntl
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from runwell._blobs import BlobFolder, blob_error, digest_file, in_threads
from runwell.artifacts.digests import DigestCache, Stamp, stamp_of
from runwell.core.blobs import PINS_NAME, SENT_NAME, Blob, is_sha256, list_line
from runwell.errors import UsageError

SENT_BYTES_MAX = 32 << 20
"""Of the notes of what servers have, the newest half a million."""


class Staged(NamedTuple):
    """A file's content."""

    blob: Blob
    source: str
    """The file's absolute path."""


class Staging:
    """For one artifact. Contents are copied, unless a server has them; ``immutable`` ones are only read."""

    def __init__(self, root: Path) -> None:
        self.folder = BlobFolder(root)
        self._root = root
        self._digests = DigestCache(root)
        self._pins = -1
        self._sent: frozenset[str] | None = None

    def stage(self, paths: Sequence[str], *, immutable: bool = False) -> list[Staged]:
        """The contents of files, in their order. Raises UsageError, SpoolFullError and Error; then none is part of anything."""
        sources = [os.path.abspath(path) for path in paths]
        try:
            stamps = {source: _regular(source) for source in sources}
            known = self._digests.known(stamps)
            fresh = [source for source in stamps if source not in known or not self._is_kept(known[source], immutable)]
            read = in_threads(self._read_only if immutable else self._kept_copy, fresh)
            blobs: dict[str, Blob] = {**known, **dict(zip(fresh, read, strict=True))}
            self._digests.remember((source, stamps[source], blobs[source]) for source in fresh if source not in known)
            if not immutable:
                self.folder.sync([blobs[source] for source in fresh])
                self._pin(blobs)
        except OSError as error:
            raise blob_error(
                error, paths[0] if len(paths) == 1 else f"{len(paths):,} files", self.folder.directory
            ) from error
        return [Staged(blobs[source], source) for source in sources]

    def stage_bytes(self, data: bytes) -> Staged:
        """A content that is no file. Raises SpoolFullError and Error."""
        try:
            blob = self.folder.add_bytes(data)
            self._pin({"": blob})
            self.folder.sync([blob])
        except OSError as error:
            raise blob_error(error, f"{len(data):,} bytes", self.folder.directory) from error
        return Staged(blob, "")

    def release(self) -> None:
        """The artifact was logged, or is not needed: others say from here on what is. May be called twice."""
        if self._pins >= 0:
            self._finalizer()
            self._pins = -1

    def was_sent(self, blob: Blob) -> bool:
        """Whether a server of this root directory has said that it has the content."""
        if self._sent is None:
            self._sent = _read_sent(Path(self.folder.directory) / SENT_NAME)
        return blob.sha256 in self._sent

    def _is_kept(self, blob: Blob, immutable: bool) -> bool:
        return immutable or self.folder.has(blob.sha256) or self.was_sent(blob)

    def _kept_copy(self, source: str) -> Blob:
        return self.folder.add_file(source).blob

    @staticmethod
    def _read_only(source: str) -> Blob:
        before = _regular(source)
        blob = digest_file(source).blob
        if _regular(source) != before:
            raise UsageError(f"{source} changed while it was read: give a file that nobody writes to meanwhile")
        return blob

    def _pin(self, blobs: Mapping[str, Blob]) -> None:
        """Whoever removes blobs that nobody waits for leaves these, as long as this process lives."""
        if self._pins < 0:
            directory = f"{self.folder.directory}/{PINS_NAME}"
            os.makedirs(directory, exist_ok=True)
            path = f"{directory}/{os.getpid()}-{os.urandom(8).hex()}"
            self._pins = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
            fcntl.lockf(self._pins, fcntl.LOCK_EX)
            self._finalizer = weakref.finalize(self, _unpin, self._pins, path)
        os.write(self._pins, b"".join(map(list_line, blobs.values())))
        for source, blob in blobs.items():
            if source and not self.folder.has(blob.sha256) and not self.was_sent(blob):
                # It was removed just before it was pinned.
                self.folder.add_file(source)


def _unpin(descriptor: int, path: str) -> None:
    os.close(descriptor)
    try:
        os.unlink(path)
    except OSError:
        return


def _regular(path: str) -> Stamp:
    """The stamp of a regular file. Raises OSError, and UsageError for anything else."""
    status = os.stat(path)
    if os.path.isfile(path):
        return stamp_of(status)
    raise UsageError(f"{path} is {'a directory: use add_dir' if os.path.isdir(path) else 'no regular file'}")


def _read_sent(path: Path) -> frozenset[str]:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - SENT_BYTES_MAX))
            lines = file.read().decode("ascii", "replace").split("\n")
    except OSError:
        return frozenset()
    return frozenset(line for line in lines if is_sha256(line))
