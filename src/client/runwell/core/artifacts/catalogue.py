"""A project's artifacts: collections, versions and aliases, folded from decisions, and how the next one is decided.

Decisions are logged by the collector alone, in one stream, so that their order is that of its records. Whoever shows
artifacts folds them and decides nothing; the collector folds the same, and decides by what it has folded.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runwell.core.artifacts import naming


@dataclass(slots=True)
class Version:
    """One version of a collection. Times are unix seconds."""

    number: int
    digest: str
    type: str
    description: str
    metadata_json: str
    manifest: str
    """SHA-256 of the manifest."""
    manifest_bytes: int
    file_count: int
    bytes: int
    tags: list[str]
    ttl_s: float
    created_at: float
    updated_at: float
    run: tuple[str, str, str] | None
    source: tuple[str, str, str, int] | None = None
    """For a link: entity, project, name and version of what it is."""
    deleted: bool = False


@dataclass(slots=True)
class Collection:
    """Versions of one name."""

    name: str
    type: str
    versions: list[Version] = field(default_factory=list)
    """By number."""
    aliases: dict[str, int] = field(default_factory=dict)
    by_digest: dict[str, int] = field(default_factory=dict)

    def find(self, wanted: str) -> Version | None:
        """The version by number, alias or digest; None when there is none, or it was deleted."""
        number = naming.version_number(wanted)
        if number is None:
            number = self.aliases.get(wanted, self.by_digest.get(wanted))
        if number is None or not 0 <= number < len(self.versions) or self.versions[number].deleted:
            return None
        return self.versions[number]

    def aliases_of(self, number: int) -> list[str]:
        """What means that version."""
        return sorted(alias for alias, its in self.aliases.items() if its == number)


class Decision(NamedTuple):
    """What becomes of a wish."""

    version: int = 0
    existing: bool = False
    aliases: tuple[str, ...] = ()
    refused: str = ""


class Catalogue:
    """One project's. ``record`` is the number of the last decision that was taken in."""

    def __init__(self) -> None:
        self.record = 0
        self.collections: dict[str, Collection] = {}
        self.by_id: dict[str, tuple[str, int]] = {}
        """Name and version by the id of the logging that they answer."""
        self.refused_ids: dict[str, str] = {}
        """Why a logging was refused."""
        self.answers: dict[tuple[bytes, int], str] = {}
        """Why a wish, by writer and record, was refused; empty when it was not."""

    # ---- What was decided

    def apply(self, record: int, event: Any) -> None:
        """Takes in a decision; those that were taken in before are passed over."""
        if record <= self.record:
            return
        self.record = record
        kind = event.WhichOneof("event")
        said = getattr(event, kind)
        self.answers[said.wish.writer_id, said.wish.record] = said.refused
        if kind == "artifact_version_assigned":
            if said.refused:
                self.refused_ids[said.logged.id] = said.refused
            else:
                self._assign(said, event.time)
        elif kind == "artifact_changed" and not said.refused:
            self._change(said, event.time)

    def _assign(self, said: Any, time: float) -> None:
        logged = said.logged
        collection = self.collections.get(said.name)
        if collection is None:
            collection = self.collections[said.name] = Collection(said.name, logged.type)
        if not said.existing:
            assert said.version == len(collection.versions), "versions are counted without gaps"
            run = (said.run.entity, said.run.project, said.run.run_id) if said.run.run_id else None
            source = (said.source.entity, said.source.project, said.source.name, said.source_version)
            version = Version(
                number=said.version,
                digest=said.sha256,
                type=logged.type,
                description=logged.description,
                metadata_json=logged.metadata_json,
                manifest=logged.files[0].sha256 if logged.files else "",
                manifest_bytes=logged.files[0].bytes if logged.files else 0,
                file_count=logged.file_count,
                bytes=logged.bytes,
                tags=list(logged.tags),
                ttl_s=logged.ttl_s,
                created_at=time,
                updated_at=time,
                run=run,
                source=source if said.source.name else None,
            )
            collection.versions.append(version)
            collection.by_digest[said.sha256] = said.version
        collection.aliases.update(dict.fromkeys(said.aliases, said.version))
        self.by_id[logged.id] = said.name, said.version

    def _change(self, said: Any, time: float) -> None:
        edit = said.edit
        collection = self.collections[edit.artifact.name]
        version = collection.versions[said.version]
        for name in ("description", "metadata_json", "ttl_s"):
            if edit.HasField(name):
                setattr(version, name, getattr(edit, name))
        if edit.HasField("tags"):
            version.tags = list(edit.tags.values)
        for alias in edit.aliases_removed:
            if collection.aliases.get(alias) == said.version:
                del collection.aliases[alias]
        collection.aliases.update(dict.fromkeys(edit.aliases_added, said.version))
        version.updated_at = time
        if edit.deleted:
            self._delete(collection, version)

    @staticmethod
    def _delete(collection: Collection, version: Version) -> None:
        version.deleted = True
        for alias in collection.aliases_of(version.number):
            del collection.aliases[alias]
        if collection.by_digest.get(version.digest) == version.number:
            del collection.by_digest[version.digest]
        left = [its.number for its in collection.versions if not its.deleted]
        if left and naming.LATEST not in collection.aliases:
            collection.aliases[naming.LATEST] = left[-1]

    # ---- What is to be decided

    def decide_logged(self, name: str, kind: str, digest: str, aliases: Iterable[str]) -> Decision:
        """What becomes of an artifact that was logged: a new version, or the one that has this content."""
        problem = naming.name_problem(name) or next(filter(None, map(naming.alias_problem, aliases)), None)
        if problem:
            return Decision(refused=problem)
        collection = self.collections.get(name)
        if collection is None:
            return Decision(0, aliases=tuple(dict.fromkeys([*aliases, naming.LATEST])))
        if collection.type != kind:
            return Decision(
                refused=f"{name} holds artifacts of type {collection.type!r}, not {kind!r}: choose another name"
            )
        existing = collection.by_digest.get(digest)
        if existing is not None:
            return Decision(existing, existing=True, aliases=tuple(dict.fromkeys(aliases or [naming.LATEST])))
        return Decision(len(collection.versions), aliases=tuple(dict.fromkeys([*aliases, naming.LATEST])))

    def decide_edit(self, edit: Any) -> Decision:
        """What becomes of an edit."""
        collection = self.collections.get(edit.artifact.name)
        version = collection.find(edit.version) if collection is not None else None
        if collection is None or version is None:
            return Decision(refused=f"there is no {edit.artifact.name}:{edit.version}")
        if problem := _edit_problem(edit):
            return Decision(refused=problem)
        others = set(collection.aliases_of(version.number)) - {naming.LATEST}
        if edit.deleted and others and not edit.delete_aliases:
            return Decision(
                refused=f"v{version.number} has the aliases {', '.join(sorted(others))}: delete_aliases=True says that they go too"
            )
        return Decision(version.number)


def _edit_problem(edit: Any) -> str | None:
    problems = [*map(naming.alias_problem, edit.aliases_added), *map(naming.tag_problem, edit.tags.values)]
    if edit.HasField("metadata_json"):
        problems.append(metadata_problem(edit.metadata_json))
    return next(filter(None, problems), None)


def metadata_problem(text: str) -> str | None:
    """Why a text is no metadata; None when it is."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return "metadata must be JSON"
    return None if isinstance(value, dict) else "metadata must be a JSON object"
