"""The JSON forms of artifacts."""

import json
from collections.abc import Sequence
from typing import Any

from runwell.core.artifacts.catalogue import Collection, Version
from runwell.core.artifacts.naming import LATEST, Place


def collection_view(place: Place, collection: Collection) -> dict[str, Any]:
    """A collection without its versions."""
    versions = [version for version in collection.versions if not version.deleted]
    latest = collection.find(LATEST)
    return {
        **place._asdict(),
        "type": collection.type,
        "version_count": len(versions),
        "latest": f"v{latest.number}" if latest else None,
        "aliases": {alias: f"v{number}" for alias, number in sorted(collection.aliases.items())},
        "bytes": sum(version.bytes for version in versions),
        "created_at": collection.versions[0].created_at,
        "updated_at": max(version.updated_at for version in collection.versions),
    }


def version_view(place: Place, collection: Collection, version: Version) -> dict[str, Any]:
    """A version."""
    source = version.source
    return {
        **place._asdict(),
        "version": f"v{version.number}",
        "type": version.type,
        "digest": version.digest,
        "description": version.description,
        "metadata": json.loads(version.metadata_json or "{}"),
        "aliases": collection.aliases_of(version.number),
        "tags": version.tags,
        "ttl_s": version.ttl_s or None,
        "file_count": version.file_count,
        "bytes": version.bytes,
        "manifest": version.manifest,
        "manifest_bytes": version.manifest_bytes,
        "created_at": version.created_at,
        "updated_at": version.updated_at,
        "deleted": version.deleted,
        "run": run_of(version.run) if version.run else None,
        "source": {"entity": source[0], "project": source[1], "name": source[2], "version": f"v{source[3]}"}
        if source
        else None,
    }


def run_of(run: Sequence[str]) -> dict[str, str]:
    """A run's name."""
    return dict(zip(("entity", "project", "run_id"), run, strict=True))
