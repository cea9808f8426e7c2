"""Reads media back: their values from the spool, their files from where contents are kept."""

import json
from pathlib import Path
from typing import Any

import runwell
from runwell.core.keys import shown
from tests.client.spool_reading import events


def media(spool: Path) -> dict[tuple[str, int], Any]:
    """The values of the spool's media by key and step; the files that they name are there."""
    root = spool.parents[1]
    found = {}
    for event in events(spool, "media_logged"):
        value = json.loads(event["value_json"])
        for file in event["files"]:
            assert len(content(root, file["sha256"])) == file["bytes"]
            assert file["path"].startswith("media/")
        found[shown(event["key"]), int(event.get("step", 0))] = value
    return found


def content(root: Path, sha256: str) -> bytes:
    """A content that is kept under the root directory."""
    return (root / "blobs" / sha256[:2] / sha256).read_bytes()


def logged(run: runwell.Run, value: Any) -> tuple[Any, bytes]:
    """The value as the history has it, and its file."""
    run.log({"value": value})
    run.finish()
    assert run.spool is not None
    found = media(run.spool)["value", 0]
    return found, content(run.spool.parents[1], found["sha256"])
