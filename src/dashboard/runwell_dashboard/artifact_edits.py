"""Edits of artifacts over HTTP: each is a wish that the collector decides about, and is answered once it has."""

import asyncio
import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell.core.artifacts import naming
from runwell.core.artifacts.naming import Place
from runwell.core.names import ARTIFACT_STREAM
from runwell.v1 import event_pb2
from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.artifact_views import version_view
from runwell_dashboard.artifacts import find_version, place_of
from runwell_dashboard.editing import EDIT_TIMEOUT_S, store
from runwell_dashboard.edits import BY, collector_address, edit_content
from runwell_dashboard.runs import reader_of
from runwell_projector.query import Views

TEXT_CHARACTERS_MAX = 200_000
METADATA_BYTES_MAX = 1 << 20
DECISION_POLL_S = 0.05
"""How often it is looked whether the collector has decided, which it does as soon as it has stored a wish."""


async def edit_version(request: Request) -> Response:
    """PATCH with any of "description", "metadata", "tags", "ttl_s", "aliases_added" and "aliases_removed".

    Answers the version as it is then.
    """
    content = await edit_content(request)
    edit = event_pb2.ArtifactEdited(by=BY)
    for name, value in content.items():
        _set(edit, name, value)
    return await _edited(request, edit)


async def delete_version(request: Request) -> Response:
    """DELETE takes a version away; with ``{"delete_aliases": true}`` also when it has aliases. Its number is not used again."""
    content = await edit_content(request)
    await _edited(
        request, event_pb2.ArtifactEdited(by=BY, deleted=True, delete_aliases=content.get("delete_aliases") is True)
    )
    return answer({"deleted": True})


async def link_version(request: Request) -> Response:
    """POST ``{"entity", "project", "name", "aliases"}`` makes the version one of another collection too."""
    content = await edit_content(request)
    place, wanted = place_of(request), segment(request, "version")
    target = Place(*(str(content.get(name) or default) for name, default in zip(Place._fields, place, strict=True)))
    aliases = [str(alias) for alias in content.get("aliases") or []]
    problem = naming.name_problem(target.name) or next(filter(None, map(naming.alias_problem, aliases)), None)
    if problem:
        raise _wrong(problem)
    digest = (await reader_of(request).ask(lambda views: find_version(views, place, wanted), consistent=True))[1].digest
    link = event_pb2.ArtifactLinked(by=BY, version=wanted, aliases=aliases)
    link.source.CopyFrom(event_pb2.ArtifactName(**place._asdict()))
    link.target.CopyFrom(event_pb2.ArtifactName(**target._asdict()))
    await _store(request, place, event_pb2.Event(artifact_linked=link), target)
    return answer(await _shown(request, target, digest))


async def _edited(request: Request, edit: event_pb2.ArtifactEdited) -> Response:
    place, wanted = place_of(request), segment(request, "version")
    found = await reader_of(request).ask(lambda views: find_version(views, place, wanted), consistent=True)
    collection, version = found
    aliases = set(collection.aliases_of(version.number)) - {naming.LATEST}
    if edit.deleted and aliases and not edit.delete_aliases:
        raise RequestError(
            409, "has_aliases", f"{place}:{wanted} has aliases: say delete_aliases to remove it all the same"
        )
    edit.version = f"v{version.number}"
    edit.artifact.CopyFrom(event_pb2.ArtifactName(**place._asdict()))
    await _store(request, place, event_pb2.Event(artifact_edited=edit), place)
    return answer({} if edit.deleted else await _shown(request, place, edit.version))


async def _store(request: Request, place: Place, event: event_pb2.Event, decided_in: Place) -> None:
    """Sends a wish and returns when its decision is in the views, which ``decided_in`` has. Raises RequestError."""
    stream = place.entity, place.project, ARTIFACT_STREAM
    writer = await store(await collector_address(request), stream, event)
    deadline = time.monotonic() + EDIT_TIMEOUT_S
    refused = None
    while refused is None:
        refused = await reader_of(request).ask(
            lambda views: views.catalogue(decided_in.entity, decided_in.project).answers.get((writer, 1)),
            consistent=True,
        )
        if refused is None:
            if time.monotonic() > deadline:
                raise RequestError(
                    503, "undecided", "the change is stored and not decided yet; look again", retry_after_s=1
                )
            await asyncio.sleep(DECISION_POLL_S)
    if refused:
        raise RequestError(409, "edit_refused", refused)


async def _shown(request: Request, place: Place, wanted: str) -> dict[str, Any]:
    def shown(views: Views) -> dict[str, Any]:
        return version_view(place, *find_version(views, place, wanted))

    return await reader_of(request).ask(shown, consistent=True)


def _set(edit: event_pb2.ArtifactEdited, name: str, value: Any) -> None:
    if name == "description":
        if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
            raise _wrong(f"description must be a text of at most {TEXT_CHARACTERS_MAX:,} characters")
        edit.description = value.encode("utf-8", "replace").decode()
    elif name == "metadata":
        text = json.dumps(value)
        if not isinstance(value, dict) or len(text) > METADATA_BYTES_MAX:
            raise _wrong(f"metadata must be an object of at most {METADATA_BYTES_MAX:,} bytes")
        edit.metadata_json = text
    elif name == "ttl_s":
        if not isinstance(value, int | float | None) or isinstance(value, bool) or (value or 0) < 0:
            raise _wrong("ttl_s must be a number of seconds, or null for ever")
        edit.ttl_s = value or 0.0
    elif name == "tags":
        edit.tags.values.extend(_texts(name, value, naming.tag_problem))
        edit.tags.SetInParent()
    elif name in ("aliases_added", "aliases_removed"):
        getattr(edit, name).extend(_texts(name, value, naming.alias_problem))
    else:
        raise _wrong(f"{name[:100]!r} cannot be changed")


def _texts(name: str, value: Any, problem_of: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > naming.ALIASES_MAX:
        raise _wrong(f"{name} must be a list of at most {naming.ALIASES_MAX} texts")
    if problem := next(filter(None, map(problem_of, value)), None):
        raise _wrong(problem)
    return value


def _wrong(problem: str) -> RequestError:
    return RequestError(400, "invalid_edit", f"the edit cannot be understood: {problem}")
