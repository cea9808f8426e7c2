"""The files of an artifact as the program sees them."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from runwell.core.artifacts.manifest import Entry
from runwell.errors import UsageError

if TYPE_CHECKING:
    from runwell.artifacts.artifact import Artifact


class ArtifactManifestEntry:
    """One file. ``local_path`` is where its content is on this machine, if it is."""

    def __init__(
        self, entry: Entry, source: str = "", owner: "Artifact | None" = None, *, is_staged: bool = False
    ) -> None:
        self.entry = entry
        self.is_staged = is_staged
        """Whether its content is held on this machine until a server has it."""
        self.local_path: str | None = source or None
        self._owner = owner

    @property
    def path(self) -> str:
        """Its path within the artifact."""
        return self.entry.path

    @property
    def digest(self) -> str:
        """SHA-256 of the content, or what else tells a reference's versions apart."""
        return self.entry.digest

    @property
    def size(self) -> int:
        """Bytes."""
        return self.entry.bytes

    @property
    def ref(self) -> str | None:
        """The URI of a reference; None for a file."""
        return self.entry.reference or None

    @property
    def is_known(self) -> bool:
        """Whether others find its content: it is only referred to, or part of a version that a server has."""
        return self._owner is not None or bool(self.entry.reference)

    def ref_target(self) -> str:
        """The URI. Raises UsageError for a file."""
        if not self.entry.reference:
            raise UsageError(f"{self.path} is a file of the artifact, no reference")
        return self.entry.reference

    def download(self, root: str | os.PathLike[str] | None = None, skip_cache: bool | None = None) -> str:
        """Fetches this one file; returns where it is."""
        if self._owner is None:
            raise UsageError(f"{self.path} is part of no logged artifact yet: log it and wait() first")
        folder = self._owner.download(root, skip_cache=skip_cache, path_prefix=self.path)
        return os.path.join(folder, *self.path.split("/"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path} {self.size} bytes>"


class ArtifactManifest:
    """The files of an artifact, by path."""

    def __init__(self, entries: Callable[[], dict[str, ArtifactManifestEntry]]) -> None:
        self._entries = entries

    @property
    def entries(self) -> dict[str, ArtifactManifestEntry]:
        """By path."""
        return dict(self._entries())

    def __len__(self) -> int:
        return len(self._entries())
