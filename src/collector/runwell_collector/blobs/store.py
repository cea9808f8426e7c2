"""Where blobs are: one code path for a local folder and for buckets of S3, Google Cloud Storage and Azure.

A bucket is durable once it has answered. In a folder a blob is written aside, synced and then renamed, and so is its name:
what was answered for survives a power cut, what has a blob's name is whole, and no reader ever sees half of one.
"""

import asyncio
import contextlib
import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from runwell.core import limits
from runwell.core.blobs import Blob, blob_path

FOLDER_NAME = "blobs"
"""Under the data directory, unless a URL says otherwise."""

ASIDE = ".new-"
"""How names of files begin that are not blobs yet."""

PIECE_BYTES = 1 << 20
FULL = ("No space left on device", "os error 28", "Disk quota exceeded", "os error 122", "QuotaExceeded")
"""How stores say that they are full: obstore hands on the system's own words."""


class StoreError(Exception):
    """The store could not do it now; the message says why."""


class StoreFullError(StoreError):
    """The store takes nothing more."""


class BlobStore:
    """Every method raises StoreError; ``get`` raises FileNotFoundError for what is not there."""

    def __init__(self, store: ObjectStore, url: str, folder: Path | None, free_bytes: Callable[[Path], int]) -> None:
        self.url = url
        self.folder = folder
        """Where blobs are on this machine; None for a bucket."""
        self._store = store
        self._free_bytes = free_bytes
        self._made: set[Path] = set()
        """Parts of the folder that are known to be there durably."""

    def require_room(self, size: int) -> None:
        """Raises StoreFullError when so many bytes more would leave too little on the folder's disk."""
        if self.folder is not None and self._free_bytes(self.folder) - size < limits.LOG_FREE_BYTES_MIN:
            raise StoreFullError(f"the disk of the blob store {self.folder} is almost full; free space there")

    async def put(self, blob: Blob, content: bytes | Path) -> None:
        """Stores it durably, from memory or from a file. Whoever calls has compared it with its digest."""
        self.require_room(blob.bytes)
        path = blob_path(blob.sha256)
        with _in_own_words(f"{self.url} did not take a blob"):
            if self.folder is not None:
                await asyncio.to_thread(self._write, self.folder, path, content)
            else:
                await obstore.put_async(self._store, path, content, max_concurrency=4)

    async def adopt(self, blob: Blob, file: Path) -> None:
        """Stores a file that is on disk already, and takes it away: within a file system it is only renamed."""
        if self.folder is not None:
            target = self.folder / blob_path(blob.sha256)
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._move, file, target)
                return
        await self.put(blob, file)
        file.unlink()

    def asides(self) -> list[Path]:
        """What is being written into the folder, and what a kill has left of that."""
        return list(self.folder.glob(f"{ASIDE}*")) if self.folder is not None else []

    def _write(self, folder: Path, path: str, content: bytes | Path) -> None:
        aside = folder / f"{ASIDE}{os.urandom(8).hex()}"
        try:
            if isinstance(content, Path):
                shutil.copyfile(content, aside)
            else:
                aside.write_bytes(content)
            self._move(aside, folder / path)
        finally:
            aside.unlink(missing_ok=True)

    def _move(self, file: Path, target: Path) -> None:
        """Gives a file its place; both survive a power cut when it returns."""
        sync(file)
        if target.parent not in self._made:
            target.parent.mkdir(exist_ok=True)
            sync(target.parent.parent)
            self._made.add(target.parent)
        file.rename(target)
        sync(target.parent)

    async def size(self, sha256: str) -> int | None:
        """Bytes of a blob; None when it is not there."""
        with _in_own_words(f"{self.url} does not answer"):
            try:
                return (await obstore.head_async(self._store, blob_path(sha256)))["size"]
            except FileNotFoundError:
                return None

    async def get(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes from ``start`` up to ``end``, in pieces. Raises FileNotFoundError."""
        with _in_own_words(f"{self.url} does not answer"):
            options = {"range": {"offset": start}} if end is None else {"range": (start, end)}
            found = await obstore.get_async(self._store, blob_path(sha256), options=options)  # type: ignore[arg-type]
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)

    async def read(self, sha256: str) -> bytes:
        """All of it; for blobs that are known to be small. Raises FileNotFoundError."""
        with _in_own_words(f"{self.url} does not answer"):
            found = await obstore.get_async(self._store, blob_path(sha256))
            return bytes(await found.bytes_async())

    async def all(self) -> AsyncIterator[list[Blob]]:
        """Everything that is there."""
        with _in_own_words(f"{self.url} cannot be listed"):
            async for page in obstore.list(self._store):
                yield [Blob(str(meta["path"]).rpartition("/")[2], int(meta["size"])) for meta in page]


def open_blob_store(url: str | None, data_dir: Path, free_bytes: Callable[[Path], int] | None = None) -> BlobStore:
    """The store at ``url``: file:, s3:, gs: or az:, with credentials and endpoints from the environment as their own tools
    read them (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …). Without a URL a folder in the data directory. Raises ValueError.
    """
    free_bytes = free_bytes or _free_bytes
    parts = urlsplit(url or "")
    if url is None or parts.scheme == "file":
        folder = data_dir / FOLDER_NAME if url is None else Path(unquote(parts.path))
        folder.mkdir(parents=True, exist_ok=True)
        return BlobStore(LocalStore(folder, mkdir=True), f"file://{folder}", folder, free_bytes)
    if parts.scheme not in ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss"):
        raise ValueError(
            f"{url!r} names no blob store: give file:///DIRECTORY, s3://BUCKET, gs://BUCKET or az://ACCOUNT/CONTAINER"
        )
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    try:
        store = from_url(url, client_options={"allow_http": True} if plain else None)
    except (BaseError, ValueError) as error:
        raise ValueError(f"the blob store {url} cannot be opened: {error}") from error
    return BlobStore(store, url.rstrip("/"), None, free_bytes)


@contextlib.contextmanager
def _in_own_words(what: str):  # type: ignore[no-untyped-def]
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(word in str(error) for word in FULL)
        kind = StoreFullError if full else StoreError
        raise kind(f"{what}: {str(error).splitlines()[0][:300]}") from error


def sync(path: Path) -> None:
    """Returns when what a file, or a folder, holds survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free_bytes(path: Path) -> int:
    stated = os.statvfs(path)
    return stated.f_bavail * stated.f_frsize
