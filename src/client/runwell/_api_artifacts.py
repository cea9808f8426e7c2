"""Artifacts as ``runwell.Api`` gives them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runwell._api_errors import NotFoundError, RequestRefusedError
from runwell._api_http import HttpSource
from runwell._api_source import Source
from runwell.core.artifacts import naming
from runwell.core.artifacts.naming import Place

if TYPE_CHECKING:
    from runwell.artifacts.artifact import Artifact
    from runwell.artifacts.server import ArtifactServer


class ArtifactCollection:
    """The versions of one name, as they were when they were read."""

    def __init__(self, view: dict[str, Any], server: "ArtifactServer") -> None:
        self._view = view
        self._server = server

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._view["name"])

    @property
    def type(self) -> str:
        """The type of its versions."""
        return str(self._view["type"])

    @property
    def entity(self) -> str:
        """Whose it is."""
        return str(self._view["entity"])

    @property
    def project(self) -> str:
        """The project that it is in."""
        return str(self._view["project"])

    @property
    def aliases(self) -> list[str]:
        """All aliases of its versions."""
        return sorted(self._view["aliases"])

    def artifacts(self, per_page: int = 50) -> list["Artifact"]:
        """Its versions, the newest first."""
        place = Place(self.entity, self.project, self.name)
        return [artifact_of(view, self._server) for view in self._server.collection(place)["versions"]]

    def versions(self, per_page: int = 50) -> list["Artifact"]:
        """``artifacts`` under its old name."""
        return self.artifacts(per_page)

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.entity}/{self.project}/{self.name} ({self.type})>"


class ArtifactReads:
    """A part of ``Api``."""

    _source: Source

    def artifact(self, name: str, type: str | None = None) -> "Artifact":  # noqa: A002 - wandb's name
        """The version ``ENTITY/PROJECT/NAME:VERSION``; the entity may be left out when only one has that project.

        Raises NotFoundError, and RequestRefusedError for another type.
        """
        place, wanted = self.placed(name)
        artifact = artifact_of(self.artifact_server().version(place, wanted), self.artifact_server())
        if type is not None and artifact.type != type:
            raise RequestRefusedError(f"{name} is of type {artifact.type!r}, not {type!r}")
        return artifact

    def artifact_exists(self, name: str, type: str | None = None) -> bool:  # noqa: A002 - wandb's name
        """Whether there is that version."""
        try:
            self.artifact(name, type)
            return True
        except (NotFoundError, RequestRefusedError):
            return False

    def artifacts(
        self,
        type_name: str,
        name: str,
        per_page: int = 50,
        tags: list[str] | None = None,
    ) -> Iterator["Artifact"]:
        """The versions of ``ENTITY/PROJECT/NAME``, the newest first, of that type and with all these tags."""
        for artifact in self.artifact_collection(type_name, name).artifacts(per_page):
            if set(tags or ()) <= set(artifact.tags):
                yield artifact

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Iterator["Artifact"]:
        """``artifacts`` under its old name."""
        return self.artifacts(type_name, name, per_page)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """The collection ``ENTITY/PROJECT/NAME``. Raises NotFoundError."""
        place, _ = self.placed(name)
        view = self.artifact_server().collection(place)
        if view["type"] != type_name:
            raise NotFoundError(f"there is no artifact {place} of type {type_name!r}")
        return ArtifactCollection(view, self.artifact_server())

    def artifact_collections(self, project_name: str, type_name: str, per_page: int = 50) -> list[ArtifactCollection]:
        """The collections of ``ENTITY/PROJECT`` of a type."""
        entity, _, project = project_name.rpartition("/")
        views = self.artifact_server().collections(entity or None, project, type_name)
        return [ArtifactCollection(view, self.artifact_server()) for view in views]

    def placed(self, name: str) -> tuple[Place, str]:
        """The collection that a name means, and the version or alias. Raises NotFoundError and RequestRefusedError."""
        try:
            entity, project, own, wanted = naming.split_name(name)
        except ValueError as error:
            raise RequestRefusedError(str(error)) from None
        if entity is not None and project is not None:
            return Place(entity, project, own), wanted
        views = self.artifact_server().collections(None, project)
        places = [Place(view["entity"], view["project"], own) for view in views if view["name"] == own]
        if not places:
            raise NotFoundError(f"there is no artifact {name}")
        if len(places) > 1:
            raise RequestRefusedError(f"{name} could be any of {', '.join(map(str, places))}")
        return places[0], wanted

    def artifact_server(self) -> "ArtifactServer":
        """What answers about artifacts."""
        return server_of(self._source)


def server_of(source: Source) -> "ArtifactServer":
    """What answers about artifacts. Raises RequestRefusedError for spools, which have no versions."""
    from runwell.artifacts.server import ArtifactServer

    if not isinstance(source, HttpSource):
        raise RequestRefusedError("artifacts have versions on a server alone: send the spools with `runwell sync`")
    return ArtifactServer(source.base_url)


def artifact_of(view: dict[str, Any], server: "ArtifactServer") -> "Artifact":
    """The version of a view."""
    from runwell.artifacts.artifact import Artifact
    from runwell.artifacts.roots import current_root

    return Artifact.of_view(view, server.source.base_url, current_root())


def artifacts_of_run(source: Source, run: tuple[str, str, str], which: str) -> list["Artifact"]:
    """The versions that a run has logged or used."""
    server = server_of(source)
    found = server.of_run(run)[which]
    return [
        artifact_of(view, server) for view in found if view.get("version") and "digest" in view and not view["deleted"]
    ]
