"""What ``Run`` does with artifacts."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runwell import _session
from runwell._api_errors import NotFoundError
from runwell._messages import say
from runwell.artifacts.artifact import Artifact, link_target
from runwell.artifacts.errors import ArtifactNotFoundError
from runwell.artifacts.known import KnownVersions
from runwell.artifacts.logging import log_draft
from runwell.artifacts.server import ArtifactServer
from runwell.core.artifacts import naming
from runwell.core.artifacts.naming import Place
from runwell.errors import ServerUnreachableError, UsageError

if TYPE_CHECKING:
    from runwell._run import Run

PENDING_TIMEOUT_S = 600.0
"""``use_artifact`` of what this process has just logged waits this long for it to arrive."""


def log_artifact(
    run: "Run",
    artifact_or_path: "Artifact | str | os.PathLike[str]",
    name: str | None,
    kind: str | None,
    aliases: Sequence[str] | None,
    tags: Sequence[str] | None,
) -> Artifact:
    """See ``Run.log_artifact``."""
    artifact = as_artifact(run, artifact_or_path, name, kind)
    if artifact._logged is not None:
        if artifact._view is not None and aliases:
            artifact.aliases = [*artifact.aliases, *aliases]
            artifact.save()
        return artifact
    log_draft(
        run, artifact, list(aliases or artifact.aliases or [naming.LATEST]), list(tags or artifact.tags), used=False
    )
    _pending(run).append(artifact)
    return artifact


def as_artifact(run: "Run", given: "Artifact | str | os.PathLike[str]", name: str | None, kind: str | None) -> Artifact:
    """An artifact, or a new one of a file or a directory."""
    if isinstance(given, Artifact):
        return given
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"artifact_or_path must be an Artifact or a path, not {type(given).__name__}")
    path = os.fspath(given)
    if path.startswith(("http://", "https://", "s3://", "gs://", "file://")):
        artifact = Artifact(
            name or f"run-{run.id}-{_plain(path.rstrip('/').rpartition('/')[2])}", kind or "unspecified"
        )
        artifact.add_reference(path)
        return artifact
    artifact = Artifact(
        name or f"run-{run.id}-{_plain(os.path.basename(os.path.abspath(path)))}", kind or "unspecified"
    )
    if os.path.isdir(path):
        artifact.add_dir(path)
    else:
        artifact.add_file(path)
    return artifact


def _plain(name: str) -> str:
    """A file's name as an artifact's."""
    return "".join(
        character if character.isascii() and (character.isalnum() or character in "-_.") else "-" for character in name
    )


def use_artifact(
    run: "Run", artifact_or_name: "Artifact | str", kind: str | None, aliases: Sequence[str] | None
) -> Artifact:
    """See ``Run.use_artifact``."""
    if isinstance(artifact_or_name, Artifact):
        artifact = artifact_or_name
        if artifact._logged is None:
            log_draft(run, artifact, list(aliases or [naming.LATEST]), list(artifact.tags), used=True)
            _pending(run).append(artifact)
            return artifact
        if artifact._view is None and run.settings.mode == "online":
            artifact.wait(PENDING_TIMEOUT_S)
        if artifact._view is not None:
            _note_use(run, artifact)
        return artifact
    if run.disabled:
        raise UsageError(
            "a disabled run finds no artifacts: use mode='online', or 'offline' with what was used here before"
        )
    artifact = _found(run, artifact_or_name)
    if kind is not None and artifact.type != kind:
        raise ValueError(f"{artifact_or_name} is of type {artifact.type!r}, not {kind!r}")
    _note_use(run, artifact)
    return artifact


def _found(run: "Run", text: str) -> Artifact:
    try:
        entity, project, name, wanted = naming.split_name(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    place = Place(entity or run.entity, project or run.project, name)
    known = KnownVersions(run.settings.root)
    settings = run.settings
    view: dict[str, Any] | None = None
    if settings.mode != "offline" and settings.base_url is not None:
        _await_pending(run, place)
        try:
            view = ArtifactServer(settings.base_url).version(place, wanted)
            known.remember(place, wanted, view)
        except NotFoundError:
            raise ArtifactNotFoundError(f"there is no artifact {place}:{wanted}") from None
        except ServerUnreachableError as error:
            view = known.recall(place, wanted)
            if view is None:
                raise
            say(f"{error}; {place}:{wanted} is taken as it was when it was last seen: {view['version']}")
    view = view or known.recall(place, wanted)
    if view is None:
        raise ArtifactNotFoundError(
            f"{place}:{wanted} was never used on this machine, so it cannot be found offline: use it once with a server"
        )
    return Artifact.of_view(view, settings.base_url, settings.root)


def _note_use(run: "Run", artifact: Artifact) -> None:
    fields = {
        "name": artifact.collection_name,
        "version": artifact.version,
        "type": artifact.type,
        "entity": artifact.entity,
        "project": artifact.project,
        "sha256": artifact.digest,
    }
    run._put_artifact_event("artifact_used", fields)


def link_artifact(run: "Run", artifact: Artifact, target_path: str, aliases: Sequence[str] | None) -> Artifact | None:
    """See ``Run.link_artifact``. The wish is an event of the run: offline it is granted by `runwell sync`."""
    if artifact._logged is None:
        log_artifact(run, artifact, None, None, None, None)
    logged = artifact._as_logged("link_artifact")
    target = link_target(target_path, logged.entity, logged.project)
    for alias in aliases or ():
        if problem := naming.alias_problem(alias):
            raise ValueError(problem)
    source = {"entity": logged.entity, "project": logged.project, "name": artifact.collection_name}
    version = {"version": artifact.version} if artifact._view is not None else {"logged_id": logged.id}
    fields = {"source": source, "target": target._asdict(), "aliases": list(aliases or []), **version}
    run._put_artifact_event("artifact_linked", fields)
    return None


def use_model(run: "Run", name: str) -> str:
    """See ``Run.use_model``."""
    artifact = use_artifact(run, name, None, None)
    folder = artifact.download()
    paths = list(artifact.manifest.entries)
    return os.path.join(folder, *paths[0].split("/")) if len(paths) == 1 else folder


def _pending(run: "Run") -> list[Artifact]:
    """What this process's runs have logged, for those that use it at once."""
    pending: list[Artifact] = run.__dict__.setdefault("_artifacts_logged", [])
    pending[:] = [artifact for artifact in pending if artifact._view is None]
    return pending


def _await_pending(run: "Run", place: Place) -> None:
    runs = {id(its): its for its in (*_session.open_runs(), run)}
    for its in runs.values():
        for artifact in list(_pending(its)):
            logged = artifact._logged
            same = logged is not None and Place(logged.entity, logged.project, artifact.collection_name) == place
            if same and logged is not None and not logged.offline:
                artifact.wait(PENDING_TIMEOUT_S)
