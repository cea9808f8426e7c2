"""What an artifact consists of: a manifest, its form as JSON, and the digest that tells contents apart.

The digest follows the rule of wandb's manifests, with SHA-256 in the place of MD5: over ``runwell-artifact-manifest-v1``
and, sorted by path, ``PATH:DIGEST`` of each file, each on a line of its own. So metadata, description and aliases are no
part of an artifact's identity.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from runwell.core.blobs import is_sha256

HEADER = "runwell-artifact-manifest-v1\n"
PATH_BYTES_MAX = 4_096


class Entry(NamedTuple):
    """A file of an artifact. ``sha256`` is empty for a reference whose content was not read; then ``etag`` tells versions apart."""

    path: str
    sha256: str
    bytes: int
    reference: str = ""
    etag: str = ""

    @property
    def digest(self) -> str:
        """What tells its content from others."""
        return self.sha256 or self.etag

    @property
    def is_stored(self) -> bool:
        """Whether its content is with the server, rather than only referred to."""
        return not self.reference


class ManifestError(ValueError):
    """It is no manifest; the message says why."""


def digest_of(entries: Iterable[Entry]) -> str:
    """The artifact's digest, in hexadecimal digits."""
    lines = "".join(f"{entry.path}:{entry.digest}\n" for entry in sorted(entries, key=lambda entry: entry.path))
    return hashlib.sha256((HEADER + lines).encode("utf-8", "surrogatepass")).hexdigest()


def manifest_bytes(entries: Iterable[Entry]) -> bytes:
    """The manifest as a blob; equal entries give equal bytes."""
    files = [
        {name: value for name, value in entry._asdict().items() if value != "" or name in ("path", "sha256")}
        for entry in sorted(entries, key=lambda entry: entry.path)
    ]
    return json.dumps({"version": 1, "files": files}, separators=(",", ":")).encode("ascii")


def read_manifest(data: bytes) -> dict[str, Entry]:
    """The entries by path. Raises ManifestError for what is none, or would lead out of a folder."""
    try:
        fields = json.loads(data)
        if fields["version"] != 1:
            raise ManifestError(f"the manifest has version {fields['version']}; update Runwell")
        entries = [_entry(file) for file in fields["files"]]
    except ManifestError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ManifestError(f"it is no manifest: {type(error).__name__}: {str(error)[:200]}") from None
    by_path = {entry.path: entry for entry in entries}
    if len(by_path) < len(entries):
        raise ManifestError("the manifest names a path twice")
    for path in by_path:
        parts = path.split("/")
        if any("/".join(parts[:end]) in by_path for end in range(1, len(parts))):
            raise ManifestError(f"the manifest has {path!r:.200} below a file")
    return by_path


def _entry(file: Mapping[str, object]) -> Entry:
    path, sha256, size = file["path"], file["sha256"], file["bytes"]
    reference, etag = file.get("reference", ""), file.get("etag", "")
    if not isinstance(path, str) or not isinstance(sha256, str) or not isinstance(size, int) or size < 0:
        raise ManifestError("the manifest has a file without path, digest or size")
    if not isinstance(reference, str) or not isinstance(etag, str):
        raise ManifestError(f"the manifest's reference of {path!r:.200} is no text")
    if problem := path_problem(path):
        raise ManifestError(problem)
    if not is_sha256(sha256) and (sha256 or not reference):
        raise ManifestError(f"the manifest's digest of {path!r:.200} is no SHA-256")
    return Entry(path, sha256, size, reference, etag)


def path_problem(path: str) -> str | None:
    """Why it cannot be a file's path within an artifact; None when it can. Nothing leads out of a folder."""
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\\" in path or "\0" in path:
        return f"{path!r:.200} is no path within an artifact: use names joined by '/', without '..'"
    if any(ord(character) < 32 for character in path):
        return f"{path!r:.200} has control characters in its name"
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return f"{path!r:.200} is not valid Unicode: rename the file"
    return f"{path!r:.200} is longer than {PATH_BYTES_MAX} bytes" if size > PATH_BYTES_MAX else None
