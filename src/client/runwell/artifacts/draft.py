"""What is put into an artifact before it is logged."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from runwell.artifacts.entries import ArtifactManifestEntry
from runwell.artifacts.staging import Staged, Staging
from runwell.core.artifacts.manifest import Entry, path_problem
from runwell.errors import UsageError


class Draft:
    """Files by path. ``root`` is the root directory whose blobs they are kept among."""

    def __init__(self, root: Path) -> None:
        self.staging = Staging(root)
        self.entries: dict[str, ArtifactManifestEntry] = {}

    def add_files(
        self, files: Iterable[tuple[str, str]], *, immutable: bool, overwrite: bool
    ) -> list[ArtifactManifestEntry]:
        """Files of the machine, each with its path within the artifact. Raises UsageError, SpoolFullError and Error."""
        pairs = list(files)
        for _, path in pairs:
            self._check(path)
        staged = self.staging.stage([source for source, _ in pairs], immutable=immutable)
        return [
            self._add(Entry(path, its.blob.sha256, its.blob.bytes), its, overwrite=overwrite)
            for (_, path), its in zip(pairs, staged, strict=True)
        ]

    def add_bytes(self, data: bytes, path: str, *, overwrite: bool) -> ArtifactManifestEntry:
        """A content that is no file of the machine."""
        self._check(path)
        staged = self.staging.stage_bytes(data)
        return self._add(Entry(path, *staged.blob), staged, overwrite=overwrite)

    def add_entry(self, entry: Entry, *, overwrite: bool = False) -> ArtifactManifestEntry:
        """A reference, or a file that the server has."""
        self._check(entry.path)
        return self._add(entry, None, overwrite=overwrite)

    def remove(self, path: str) -> None:
        """A file, or all below a directory. Raises FileNotFoundError."""
        below = path.rstrip("/") + "/"
        gone = [known for known in self.entries if known == path or known.startswith(below)]
        if not gone:
            raise FileNotFoundError(f"No such file or directory: {path}")
        for known in gone:
            del self.entries[known]

    def _check(self, path: str) -> None:
        if problem := path_problem(path):
            raise UsageError(problem)

    def _add(self, entry: Entry, staged: Staged | None, *, overwrite: bool) -> ArtifactManifestEntry:
        before = self.entries.get(entry.path)
        if before is not None and before.digest != entry.digest and not overwrite:
            raise ValueError(f"Cannot add the same path twice: {entry.path!r}; use overwrite=True to replace it")
        added = self.entries[entry.path] = ArtifactManifestEntry(
            entry, staged.source if staged else "", is_staged=staged is not None
        )
        return added


def files_below(directory: str, prefix: str | None) -> Iterator[tuple[str, str]]:
    """Every regular file below a directory, with its path within the artifact; links are followed, and loops of them end.

    Raises UsageError.
    """
    if not os.path.isdir(directory):
        raise UsageError(
            f"{directory} is not a directory" if os.path.exists(directory) else f"{directory} is not there"
        )

    def refuse(error: OSError) -> None:
        raise UsageError(f"{os.fsdecode(error.filename or directory)} cannot be read: {error.strerror}") from error

    for folder, folders, files in os.walk(directory, onerror=refuse, followlinks=True):
        here = os.path.realpath(folder)
        for name in list(folders):
            target = os.path.realpath(os.path.join(folder, name))
            if os.path.islink(os.path.join(folder, name)) and (here == target or here.startswith(target + os.sep)):
                folders.remove(name)
        folders.sort()
        for name in sorted(files):
            source = os.path.join(folder, name)
            within = os.path.relpath(source, directory).replace(os.sep, "/")
            yield source, f"{prefix.strip('/')}/{within}" if prefix else within
