"""Logging a draft: its contents are listed for the run's writer, and an event names its manifest."""

import os
from typing import TYPE_CHECKING, Any

from runwell._blobs import BlobSpool
from runwell._events import json_bytes
from runwell.artifacts.artifact import Artifact
from runwell.artifacts.facts import LoggedAs
from runwell.core.artifacts import naming
from runwell.core.artifacts.manifest import manifest_bytes
from runwell.core.blobs import Blob
from runwell.core.limits import RECORD_BYTES_MAX
from runwell.errors import UsageError

if TYPE_CHECKING:
    from runwell._run import Run


def log_draft(run: "Run", artifact: Artifact, aliases: list[str], tags: list[str], *, used: bool) -> None:
    """Keeps everything, then appends the event. Raises UsageError, SpoolFullError and Error; then the draft is as before."""
    draft = artifact._writable("log_artifact")
    for problem in (*map(naming.alias_problem, aliases), *map(naming.tag_problem, tags)):
        if problem:
            raise ValueError(problem)
    blobs = run.blobs
    entries = [entry.entry for entry in draft.entries.values()]
    logged_id = os.urandom(8).hex()
    if isinstance(blobs, BlobSpool):
        manifest = blobs.store_bytes(manifest_bytes(entries))
        _hand_over(artifact, blobs)
        fields: dict[str, Any] = {
            "name": artifact.collection_name,
            "type": artifact.type,
            "description": artifact.description or "",
            "metadata_json": json_bytes(artifact.metadata).decode(),
            "files": [{"path": "manifest", "sha256": manifest.sha256, "bytes": manifest.bytes}],
            "aliases": aliases,
            "tags": tags,
            "sha256": artifact.digest,
            "id": logged_id,
            "file_count": len(entries),
            "bytes": artifact.size,
            "ttl_s": artifact._ttl_s,
            "used": used,
        }
        if len(json_bytes(fields)) > RECORD_BYTES_MAX:
            raise UsageError(
                f"what is said of {artifact.collection_name} has more than {RECORD_BYTES_MAX:,} bytes: shorten its metadata"
            )
        run._put_artifact_event("artifact_logged", fields)
    settings = run.settings
    artifact._logged = LoggedAs(
        logged_id, run.entity, run.project, settings.base_url, offline=settings.mode != "online"
    )
    artifact._tags, artifact._aliases = tags, aliases
    draft.staging.release()


def _hand_over(artifact: Artifact, blobs: BlobSpool) -> None:
    """The writer's list takes over what the draft held; what is elsewhere, or with the server already, is not listed."""
    draft = artifact._writable("log_artifact")
    staged = [entry for entry in draft.entries.values() if entry.is_staged]
    blobs.enlist(
        [Blob(entry.digest, entry.size) for entry in staged],
        [entry.local_path or "" for entry in staged],
        draft.staging.folder,
    )
