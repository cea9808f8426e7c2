"""References: files that an artifact names and does not copy. What tells their versions apart is asked of where they are."""

import hashlib
import os
from collections.abc import Iterator
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from runwell._blobs import digest_file
from runwell.core.artifacts.manifest import Entry
from runwell.errors import Error, UsageError

REQUEST_TIMEOUT_S = 10.0
OBJECTS_MAX = 10_000_000


def reference_entries(uri: str, name: str | None, *, checksum: bool, objects_max: int = OBJECTS_MAX) -> Iterator[Entry]:
    """What a reference adds to an artifact: one entry, or one for each file of a local directory.

    With ``checksum`` a local file's content, or an address's ETag and length, is part of its identity; else only the address is.
    Buckets (s3, gs, az) and other schemes are recorded by their address alone. Raises UsageError and Error.
    """
    parts = urlsplit(uri)
    if not parts.scheme:
        raise UsageError(
            f"{uri!r:.200} is no URI: begin with file://, http://, https://, s3://, gs:// or another scheme"
        )
    if parts.scheme == "file":
        yield from _local_entries(unquote(parts.path), name, checksum, objects_max)
        return
    path = name or parts.path.rstrip("/").rpartition("/")[2] or parts.netloc
    etag, size = _remote_state(uri) if checksum and parts.scheme in ("http", "https") else ("", 0)
    yield Entry(path, "", size, uri, etag or _of_address(uri))


def _local_entries(root: str, name: str | None, checksum: bool, objects_max: int) -> Iterator[Entry]:
    if not os.path.exists(root):
        raise UsageError(f"{root} is not there: give a reference to a file or a directory that is")
    if not os.path.isdir(root):
        yield _local_entry(root, name or os.path.basename(root), checksum)
        return
    count = 0
    for directory, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            count += 1
            if count > objects_max:
                raise UsageError(f"{root} has more than {objects_max:,} files: raise max_objects")
            path = os.path.join(directory, file)
            within = os.path.relpath(path, root).replace(os.sep, "/")
            yield _local_entry(path, f"{name}/{within}" if name else within, checksum)


def _local_entry(path: str, name: str, checksum: bool) -> Entry:
    uri = f"file://{os.path.abspath(path)}"
    try:
        if checksum:
            blob = digest_file(path).blob
            return Entry(name, blob.sha256, blob.bytes, uri)
        return Entry(name, "", os.path.getsize(path), uri, _of_address(uri))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _remote_state(uri: str) -> tuple[str, int]:
    """ETag and length of an address, by a HEAD request."""
    try:
        with urlopen(Request(uri, method="HEAD"), timeout=REQUEST_TIMEOUT_S) as answer:
            length = answer.headers.get("Content-Length", "")
            size = int(length) if length.isdecimal() else 0
            return (answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""), size
    except (URLError, OSError, ValueError) as error:
        raise Error(f"{uri} cannot be reached ({error}): give an address that can be, or checksum=False") from error


def _of_address(uri: str) -> str:
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()
