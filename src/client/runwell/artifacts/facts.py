"""What is known of an artifact: its names, its contents' digest, and what is said of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from runwell.artifacts.entries import ArtifactManifest, ArtifactManifestEntry
from runwell.artifacts.errors import ArtifactNotLoggedError
from runwell.artifacts.metadata import plain_metadata
from runwell.core.artifacts import naming
from runwell.core.artifacts.manifest import digest_of


class LoggedAs(NamedTuple):
    """How a draft was logged."""

    id: str
    entity: str
    project: str
    base_url: str | None
    offline: bool


class ArtifactFacts:
    """A part of ``Artifact``."""

    _name: str
    _type: str
    _description: str
    _metadata: dict[str, Any]
    _aliases: list[str]
    _tags: list[str]
    _ttl_s: float
    _logged: LoggedAs | None
    _view: dict[str, Any] | None

    @property
    def name(self) -> str:
        """Its name, once it is a version with that: ``model:v3``."""
        return self._name if self._view is None else f"{self._name}:{self._view['version']}"

    @property
    def collection_name(self) -> str:
        """Its name without a version."""
        return self._name

    @property
    def qualified_name(self) -> str:
        """``entity/project/name:version``."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def type(self) -> str:
        """What kind of thing it is, the same for all versions."""
        return self._type

    @property
    def entity(self) -> str:
        """Whose it is."""
        return self._as_logged("entity").entity

    @property
    def project(self) -> str:
        """The project that it is in."""
        return self._as_logged("project").project

    @property
    def version(self) -> str:
        """``v`` and a number."""
        return str(self._committed("version")["version"])

    @property
    def digest(self) -> str:
        """SHA-256 over its sorted paths and their digests: the same for the same contents, whatever the metadata."""
        if self._view is not None:
            return str(self._view["digest"])
        return digest_of(entry.entry for entry in self._known_entries().values())

    @property
    def size(self) -> int:
        """Bytes of all files, references included."""
        return sum(entry.size for entry in self._known_entries().values())

    @property
    def file_count(self) -> int:
        """Its files."""
        return len(self._known_entries())

    @property
    def state(self) -> str:
        """``PENDING`` until it has a version, then ``COMMITTED``."""
        return "PENDING" if self._view is None else "DELETED" if self._view.get("deleted") else "COMMITTED"

    @property
    def description(self) -> str | None:
        """What is said of it."""
        return self._description or None

    @description.setter
    def description(self, text: str | None) -> None:
        self._description = text or ""

    @property
    def metadata(self) -> dict[str, Any]:
        """Values that belong to it."""
        return self._metadata

    @metadata.setter
    def metadata(self, values: Mapping[str, Any]) -> None:
        self._metadata = plain_metadata(values)

    @property
    def aliases(self) -> list[str]:
        """What else the version is called."""
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: Sequence[str]) -> None:
        for alias in aliases:
            if problem := naming.alias_problem(alias):
                raise ValueError(problem)
        self._aliases = list(aliases)

    @property
    def tags(self) -> list[str]:
        """Tags of the version."""
        return self._tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        for tag in tags:
            if problem := naming.tag_problem(tag):
                raise ValueError(problem)
        self._tags = list(dict.fromkeys(tags))

    @property
    def ttl(self) -> timedelta | None:
        """How long the version is kept from when it was made; None: for ever."""
        return timedelta(seconds=self._ttl_s) if self._ttl_s else None

    @ttl.setter
    def ttl(self, ttl: timedelta | None) -> None:
        if ttl is not None and ttl <= timedelta(0):
            raise ValueError("ttl must be longer than nothing")
        self._ttl_s = 0.0 if ttl is None else ttl.total_seconds()

    @property
    def created_at(self) -> str:
        """When the version was made, as ISO 8601."""
        return _iso(self._committed("created_at")["created_at"])

    @property
    def updated_at(self) -> str:
        """When it was last changed, as ISO 8601."""
        return _iso(self._committed("updated_at")["updated_at"])

    @property
    def manifest(self) -> ArtifactManifest:
        """Its files."""
        return ArtifactManifest(self._known_entries)

    @property
    def is_link(self) -> bool:
        """Whether it is a version of another collection too."""
        return self._view is not None and self._view.get("source") is not None

    @property
    def url(self) -> str | None:
        """Where a server shows it."""
        logged = self._logged
        if logged is None or not logged.base_url or self._view is None:
            return None
        return f"{logged.base_url}/{self.entity}/{self.project}/-/artifacts?name={self._name}&version={self.version}"

    def is_draft(self) -> bool:
        """Whether it has no version yet."""
        return self._view is None

    def _as_logged(self, what: str) -> LoggedAs:
        if self._logged is None:
            raise ArtifactNotLoggedError(
                f"'{what}' needs an artifact that was logged: call run.log_artifact({self._name}) first"
            )
        return self._logged

    def _committed(self, what: str) -> dict[str, Any]:
        if self._view is None:
            self._as_logged(what)
            raise ArtifactNotLoggedError(f"'{what}' needs {self._name} to have its version: call wait() first")
        return self._view

    def _known_entries(self) -> dict[str, ArtifactManifestEntry]:
        raise NotImplementedError


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
