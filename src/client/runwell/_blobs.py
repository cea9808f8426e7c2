"""The blob spool: contents of files that events name, kept under ``ROOT/blobs`` until a server has them.

For whoever logs files (media, artifacts, code), in the training process:

    blobs = run.blobs                      # of this process's writer; a forked child has its own
    blob = blobs.store_bytes(png)          # or store_file(path), or store_files(paths) for many
    lane.put_event("media_logged", {"key": …, "step": …, "value_json": …,
                                    "files": [{"path": "media/x.png", "sha256": blob.sha256, "bytes": blob.bytes}]})

When a call returns, the content is on disk (written aside, synced, renamed) and listed for this writer, so it survives
whatever the event survives. Store first and log the event then. The same content is kept and sent once. Calls may come
from any thread; they take a millisecond and more, since they sync: the fast path of ``log()`` should not wait for them.
A blob that cannot be kept raises (SpoolFullError at the spool's limit or on a full disk, UsageError for a file that is
missing or changes while it is read), and nothing else is touched.

The forwarder sends what is listed beside the records and never before them, resumes what was cut off, and removes a blob
once the server has it and no other writer waits for it. ``runwell sync`` does the same.
"""

import contextlib
import errno
import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from runwell.core.blobs import ACKED_NAME, DIRECTORY_NAME, LIST_NAME, Blob, blob_path, list_line
from runwell.errors import Error, SpoolFullError, UsageError

Result = TypeVar("Result")

PIECE_BYTES = 1 << 20
"""Files are read and written in pieces of this size, so that memory does not grow with them."""

THREADS_MAX = 4
"""Of one call that stores many files: hashing, reading and syncing go on without the interpreter's lock."""

MEASURE_INTERVAL_S = 1.0
"""At the limit it is looked this often how much the forwarder has sent meanwhile."""

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileStamp(NamedTuple):
    """What tells that a file may have changed."""

    bytes: int
    mtime_ns: int
    inode: int


class KeptFile(NamedTuple):
    """A file that was stored: its content, and its stamp while it was read."""

    blob: Blob
    stamp: FileStamp


class BlobFolder:
    """The contents under ``ROOT/blobs``, whichever writers need them. Methods raise OSError."""

    def __init__(self, root: Path) -> None:
        self.directory = f"{root}/{DIRECTORY_NAME}"

    def path(self, sha256: str) -> str:
        """Where the content is, if it is there."""
        return f"{self.directory}/{blob_path(sha256)}"

    def has(self, sha256: str) -> bool:
        return os.path.exists(self.path(sha256))

    def add_bytes(self, data: bytes) -> Blob:
        """Keeps it; ``sync`` makes that durable."""
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        if not self.has(blob.sha256):
            with self._aside() as (descriptor, aside):
                _write_all(descriptor, data)
                self._place(descriptor, aside, blob)
        return blob

    def add_file(self, path: str) -> KeptFile:
        """Keeps a copy; ``sync`` makes that durable. Raises UsageError when the file changes meanwhile."""
        with open(path, "rb", buffering=0) as source, self._aside() as (descriptor, aside):
            before = stamp_of(os.fstat(source.fileno()))
            digest, size = hashlib.sha256(), 0
            # A file that grows faster than it is read would have no end.
            while size <= before.bytes and (piece := source.read(PIECE_BYTES)):
                digest.update(piece)
                _write_all(descriptor, piece)
                size += len(piece)
            if stamp_of(os.fstat(source.fileno())) != before or size != before.bytes:
                raise UsageError(f"{path} changed while it was read: give a file that nobody writes to meanwhile")
            blob = Blob(digest.hexdigest(), size)
            if not self.has(blob.sha256):
                self._place(descriptor, aside, blob)
            return KeptFile(blob, before)

    def sync(self, blobs: Sequence[Blob]) -> None:
        """Returns when the names of what was added survive power loss."""
        for directory in {os.path.dirname(self.path(blob.sha256)) for blob in blobs}:
            _sync_directory(directory)
        _sync_directory(self.directory)

    def _place(self, descriptor: int, aside: str, blob: Blob) -> None:
        os.fsync(descriptor)
        path = self.path(blob.sha256)
        try:
            os.rename(aside, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.rename(aside, path)

    @contextlib.contextmanager
    def _aside(self) -> Iterator[tuple[int, str]]:
        """A new file that nobody else looks at; gone afterwards unless it was renamed."""
        aside = f"{self.directory}/.new-{os.getpid()}-{os.urandom(8).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(aside, flags, 0o644)
        except FileNotFoundError:
            os.makedirs(self.directory, exist_ok=True)
            descriptor = os.open(aside, flags, 0o644)
        try:
            yield descriptor, aside
        finally:
            os.close(descriptor)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)


class BlobSpool:
    """What one writer's events name. ``directory`` is the writer's own; ``rows_bytes`` says what its segments have."""

    def __init__(self, root: Path, directory: Path, bytes_max: int, rows_bytes: Callable[[], int] = lambda: 0) -> None:
        self.folder = BlobFolder(root)
        self._directory = str(directory)
        self._bytes_max = bytes_max
        self._rows_bytes = rows_bytes
        self._lock = threading.Lock()
        self._list = -1
        self._listed_bytes = self._sent_bytes = 0
        self._measured_at = float("-inf")

    def store_bytes(self, data: bytes) -> Blob:
        """Keeps a content until a server has it. Raises SpoolFullError and Error."""
        with self._kept_whole(f"{len(data):,} bytes"):
            self._require_room(len(data))
            blob = self.folder.add_bytes(data)
            self._enlist([blob])
            if not self.folder.has(blob.sha256):
                # The forwarder had sent it before, and has just removed it.
                self.folder.add_bytes(data)
            self.folder.sync([blob])
            return blob

    def store_file(self, path: str | os.PathLike[str]) -> Blob:
        """Keeps a copy of a file. Raises SpoolFullError, UsageError and Error."""
        return self.store_files([path])[0]

    def store_files(self, paths: Sequence[str | os.PathLike[str]]) -> list[Blob]:
        """Keeps copies of files, several at a time; the blobs are in the order of the paths. Raises as ``store_file``."""
        names = [os.fspath(path) for path in paths]
        with self._kept_whole(names[0] if len(names) == 1 else f"{len(names):,} files"):
            self._require_room(sum(size_of_file(name) for name in names))
            blobs = [kept.blob for kept in in_threads(self.folder.add_file, names)]
            self._enlist(blobs)
            for blob, name in zip(blobs, names, strict=True):
                if not self.folder.has(blob.sha256):
                    self.folder.add_file(name)
            self.folder.sync(blobs)
            return blobs

    def enlist(self, blobs: Sequence[Blob], sources: Sequence[str], staged: BlobFolder) -> None:
        """Needs contents that are kept in ``staged``, or that are still in the files that they came from.

        Raises SpoolFullError, UsageError and Error.
        """
        with self._kept_whole(f"{len(blobs):,} files"):
            kept = [blob for blob in blobs if staged.has(blob.sha256)]
            self._require_room(sum(blob.bytes for blob in dict.fromkeys(kept)))
            if staged.directory != self.folder.directory:
                in_threads(self.folder.add_file, [staged.path(blob.sha256) for blob in kept])
                self.folder.sync(kept)
            self._enlist(blobs, sources)
            for blob, source in zip(blobs, sources, strict=True):
                if not self.folder.has(blob.sha256) and not os.path.exists(source):
                    raise UsageError(f"{source or blob.sha256} is gone, and it was not kept: add it again")

    def _require_room(self, more_bytes: int) -> None:
        """Raises SpoolFullError when the spool has not so much room left."""
        with self._lock:
            if (
                self._used() + more_bytes > self._bytes_max
                and time.monotonic() >= self._measured_at + MEASURE_INTERVAL_S
            ):
                self._measured_at = time.monotonic()
                self._sent_bytes = self._read_sent_bytes()
            left = self._bytes_max - self._used()
        if more_bytes > left:
            raise SpoolFullError(
                f"{more_bytes:,} bytes more do not fit in the spool, which has {max(0, left):,} bytes left of "
                f"{self._bytes_max:,}: wait until more is sent, or raise settings={{'spool_bytes_max': …}}"
            )

    def _used(self) -> int:
        return self._rows_bytes() + self._listed_bytes - self._sent_bytes

    def _read_sent_bytes(self) -> int:
        try:
            with open(f"{self._directory}/{ACKED_NAME}", "rb") as file:
                return int(json.loads(file.read())["bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return self._sent_bytes

    def _enlist(self, blobs: Sequence[Blob], sources: Sequence[str] | None = None) -> None:
        """Says that this writer needs them: from then on the forwarder sends them, and does not remove them before."""
        lines = b"".join(map(list_line, blobs, sources or [""] * len(blobs)))
        with self._lock:
            if self._list < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._list = os.open(f"{self._directory}/{LIST_NAME}", flags, 0o644)
                _sync_directory(self._directory)
            end = os.fstat(self._list).st_size
            try:
                _write_all(self._list, lines)
                os.fsync(self._list)
            except OSError:
                os.ftruncate(self._list, end)
                raise
            self._listed_bytes += sum(blob.bytes for blob in blobs)

    def close(self) -> None:
        """No more blobs come. May be called twice."""
        with self._lock:
            if self._list >= 0:
                os.close(self._list)
                self._list = -1

    @contextlib.contextmanager
    def _kept_whole(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise blob_error(error, what, self.folder.directory) from error


class UnkeptBlobs:
    """In the place of a BlobSpool for a disabled run: says what a content is and keeps nothing."""

    def store_bytes(self, data: bytes) -> Blob:
        return Blob(hashlib.sha256(data).hexdigest(), len(data))

    def store_file(self, path: str | os.PathLike[str]) -> Blob:
        try:
            return digest_file(os.fspath(path)).blob
        except OSError as error:
            raise blob_error(error, os.fspath(path), "") from error

    def store_files(self, paths: Sequence[str | os.PathLike[str]]) -> list[Blob]:
        return [self.store_file(path) for path in paths]

    def close(self) -> None:
        """Nothing is open."""


def blob_error(error: OSError, what: str, directory: str) -> Exception:
    """The exception for a blob that could not be kept, in words of who asked for it."""
    if error.errno in FULL_DISK:
        return SpoolFullError(f"{what} cannot be kept in {directory}, since the disk is full: free space there")
    if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError) and error.filename is not None:
        return UsageError(f"{os.fsdecode(error.filename)} cannot be read: {error.strerror}")
    return Error(f"{what} cannot be kept in {directory}: {error.strerror or error}")


def digest_file(path: str) -> KeptFile:
    """What a file contains, without keeping it. Raises OSError."""
    with open(path, "rb", buffering=0) as file:
        stamp = stamp_of(os.fstat(file.fileno()))
        digest = hashlib.file_digest(file, "sha256")
        return KeptFile(Blob(digest.hexdigest(), stamp.bytes), stamp)


def stamp_of(status: os.stat_result) -> FileStamp:
    """The stamp of a file."""
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)


def size_of_file(path: str) -> int:
    """Bytes of a regular file. Raises OSError, and UsageError for what would never end, such as a pipe."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is {'a directory' if stat.S_ISDIR(status.st_mode) else 'no regular file'}")
    return status.st_size


def in_threads(work: Callable[[str], Result], names: Sequence[str]) -> list[Result]:
    """The results in the order of ``names``. Raises the first error, and begins nothing more after it."""
    if len(names) < 2:
        return [work(name) for name in names]
    with ThreadPoolExecutor(THREADS_MAX, "runwell-blobs") as threads:
        try:
            return list(threads.map(work, names))
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
