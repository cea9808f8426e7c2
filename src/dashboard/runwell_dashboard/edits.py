"""Edits over HTTP: names, notes, groups and tags of runs, deleting and restoring them."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from runwell.v1 import event_pb2
from runwell_dashboard import components
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.editing import store
from runwell_dashboard.runs import find_run, run_name

BODY_BYTES_MAX = 1 << 20
"""Of an edit; a longer one is refused."""

TAGS_MAX = 200
"""Tags of a run, each of at most TEXT_CHARACTERS_MAX."""

TEXT_CHARACTERS_MAX = 500
NOTES_CHARACTERS_MAX = 200_000
TEXTS = {"name": TEXT_CHARACTERS_MAX, "group": TEXT_CHARACTERS_MAX, "notes": NOTES_CHARACTERS_MAX}

BY = "dashboard"


async def edit_run(request: Request) -> Response:
    """PATCH with any of "name", "group", "notes" and "tags"; answers the run as it is then."""
    fields = event_pb2.RunFields()
    for name, value in (await edit_content(request)).items():
        if name in TEXTS:
            setattr(fields, name, edit_text(name, value, TEXTS[name]))
        elif name == "tags":
            fields.tags.values.extend(_tags(value))
        else:
            raise wrong_edit(f"{name[:100]!r} cannot be changed; known are {', '.join([*TEXTS, 'tags'])}")
        if name == "tags" and not value:
            fields.tags.SetInParent()
    return await _stored(request, event_pb2.Event(run_annotated=event_pb2.RunAnnotated(by=BY, fields=fields)))


async def delete_run(request: Request) -> Response:
    """DELETE hides a run; nothing of it is removed."""
    await edit_content(request)
    return await _stored(request, event_pb2.Event(run_deleted=event_pb2.RunDeleted(by=BY)))


async def restore_run(request: Request) -> Response:
    """POST shows a deleted run again."""
    await edit_content(request)
    return await _stored(request, event_pb2.Event(run_restored=event_pb2.RunRestored(by=BY)))


async def _stored(request: Request, event: event_pb2.Event) -> Response:
    await find_run(request)
    await store(await collector_address(request), run_name(request), event)
    view, headers = await find_run(request)
    return answer(view, headers=headers)


async def collector_address(request: Request) -> str:
    """Where events are taken. Raises RequestError while nobody takes them."""
    data_dir = request.app.state.settings.data_dir
    collector = await asyncio.to_thread(components.described, data_dir, "collector")
    address = str((collector or {}).get("grpc", ""))
    if not address:
        raise RequestError(503, "collector_unreachable", "the collector has not started yet", retry_after_s=1)
    return address


async def edit_content(request: Request, bytes_max: int = BODY_BYTES_MAX) -> dict[str, Any]:
    """The JSON object of the body. Another site's page can send neither its type nor our origin without being asked."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise RequestError(403, "foreign_origin", f"{origin[:100]} may not change anything here")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RequestError(415, "not_json", "an edit is sent as application/json")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > bytes_max:
            raise RequestError(413, "too_large", f"an edit has at most {bytes_max} bytes")
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise wrong_edit("it is not JSON") from None
    if not isinstance(content, dict):
        raise wrong_edit("it is no JSON object")
    return content


def edit_text(name: str, value: Any, characters_max: int) -> str:
    """A text of an edit that is not too long. Raises RequestError."""
    if not isinstance(value, str) or len(value) > characters_max:
        raise wrong_edit(f"{name} must be a text of at most {characters_max} characters")
    return _encodable(value)


def _tags(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > TAGS_MAX:
        raise wrong_edit(f"tags must be a list of at most {TAGS_MAX} texts")
    return list(dict.fromkeys(edit_text("each tag", tag, TEXT_CHARACTERS_MAX) for tag in value))


def _encodable(text: str) -> str:
    """A lone surrogate cannot travel as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def wrong_edit(problem: str) -> RequestError:
    """The error for an edit that cannot be understood."""
    return RequestError(400, "invalid_edit", f"the edit cannot be understood: {problem}")
