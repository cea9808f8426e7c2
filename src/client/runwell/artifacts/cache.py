"""The cache of downloaded contents: by digest, under ``ROOT/cache/artifacts``, the one used longest ago leaves first."""

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from runwell.core.blobs import blob_path, is_sha256

BYTES_MAX = 10 << 30
"""Beyond this after a download, what was used longest ago is removed."""


class CachedFile(NamedTuple):
    """A content in the cache."""

    path: Path
    bytes: int
    used_at: float


class ArtifactCache:
    """Contents that were downloaded, for any project of this root directory."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "cache" / "artifacts"

    def path(self, sha256: str) -> Path:
        """Where a content is, if it is there."""
        return self.directory / blob_path(sha256)

    def partial(self, sha256: str) -> Path:
        """Where what has come of it gathers."""
        return self.directory / "partial" / sha256

    def use(self, sha256: str) -> Path | None:
        """The content, which counts as used now; None when it is not there."""
        path = self.path(sha256)
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def files(self) -> list[CachedFile]:
        """Everything in it, used longest ago first."""
        found = []
        for path in self.directory.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                if is_sha256(path.name):
                    found.append(CachedFile(path, status.st_size, status.st_mtime))
        return sorted(found, key=lambda file: file.used_at)

    def shrink(self, bytes_max: int = BYTES_MAX) -> int:
        """Removes what was used longest ago until no more than that is left; how many bytes went."""
        files = self.files()
        over, freed = sum(file.bytes for file in files) - bytes_max, 0
        for file in files:
            if freed >= over:
                break
            with contextlib.suppress(OSError):
                file.path.unlink()
                freed += file.bytes
        for path in self.directory.glob("partial/*"):
            with contextlib.suppress(OSError):
                if bytes_max == 0 or time.time() - path.stat().st_mtime > 24 * 3600:
                    path.unlink()
        return freed
