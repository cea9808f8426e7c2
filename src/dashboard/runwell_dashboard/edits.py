"""Edits of runs over HTTP: what they say, deleting, restoring, and taking any of it back.

Each has an id, that of its event's writer. Whoever sends one may choose it, and may then send it twice: the second one is
answered as the first.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response

from runwell.v1 import event_pb2
from runwell_dashboard import components
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.edit_fields import annotation, edit_text, wrong_edit
from runwell_dashboard.editing import RunName, store
from runwell_dashboard.runs import consistent, find_run, reader_of, run_name

BODY_BYTES_MAX = 1 << 20
"""Of an edit; a longer one is refused."""

BY = "dashboard"
BY_CHARACTERS_MAX = 200

_ID = re.compile(r"[0-9a-f]{32}")

_locks: WeakValueDictionary[RunName, asyncio.Lock] = WeakValueDictionary()
"""One edit of a run at a time, so that what it was compared with is still so when it is stored."""


async def edit_run(request: Request) -> Response:
    """PATCH with any of "name", "group", "notes", "tags", "config", "summary", "config_removed" and "summary_removed".

    Answers the run as it is then. "by" says who, "id" makes it safe to send twice. With "seen", the run's "edited_at" as it
    was read, it is refused when somebody has changed the same since.
    """
    content = await edit_content(request)
    own: dict[str, Any] = {name: content.pop(name) for name in ("by", "id", "seen") if name in content}
    said = annotation(content)
    said.by = _by(own)

    def check(view: Mapping[str, Any], edits: list[dict[str, Any]]) -> None:
        if view["deleted"]:
            raise RequestError(409, "run_deleted", f"the run {view['run_id']} is deleted: restore it first")
        if "seen" in own:
            _check_seen(own["seen"], _names(content), edits)

    return await _stored(request, event_pb2.Event(run_annotated=said), own, check)


async def delete_run(request: Request) -> Response:
    """DELETE hides a run; nothing of it is removed."""
    own = await edit_content(request)
    return await _stored(request, event_pb2.Event(run_deleted=event_pb2.RunDeleted(by=_by(own))), own)


async def restore_run(request: Request) -> Response:
    """POST shows a deleted run again."""
    own = await edit_content(request)
    return await _stored(request, event_pb2.Event(run_restored=event_pb2.RunRestored(by=_by(own))), own)


async def undo_edit(request: Request) -> Response:
    """POST ``{"undoes": ID}`` takes an edit back, as if it had never been made; also one that took back another."""
    own = await edit_content(request)
    undoes = str(own.get("undoes"))

    def check(view: Mapping[str, Any], edits: list[dict[str, Any]]) -> None:
        found = next((edit for edit in edits if edit["id"] == undoes), None)
        if found is None:
            raise RequestError(404, "edit_not_found", f"the run {view['run_id']} has no change {undoes[:100]!r}")
        if found["undone"]:
            raise RequestError(409, "undone_already", f"the change {undoes} is taken back already")

    said = event_pb2.RunAnnotated(by=_by(own), undoes=bytes.fromhex(undoes) if _ID.fullmatch(undoes) else b"")
    return await _stored(request, event_pb2.Event(run_annotated=said), own, check)


async def list_edits(request: Request) -> Response:
    """``{"edits": [{"id", "time", "by", "changed", "undoes", "undone"}]}``, the first one first."""
    return answer({"edits": await _edits(request, wait=consistent(request))})


async def _edits(request: Request, *, wait: bool) -> list[dict[str, Any]]:
    name = run_name(request)
    fold = await reader_of(request).ask(lambda views: views.fold(*name), consistent=wait)
    if fold is None:
        raise RequestError(404, "run_not_found", f"there is no run {'/'.join(name)}")
    return fold.edits()


async def _stored(request: Request, event: event_pb2.Event, own: Mapping[str, Any], check: Any = None) -> Response:
    name, wanted = run_name(request), own.get("id")
    if wanted is not None and not (isinstance(wanted, str) and _ID.fullmatch(wanted)):
        raise wrong_edit("id must be 32 hexadecimal digits")
    async with _locks.setdefault(name, asyncio.Lock()):
        view, _ = await find_run(request)
        edits = await _edits(request, wait=False)
        if wanted is None or all(edit["id"] != wanted for edit in edits):
            if check is not None:
                check(view, edits)
            # Also where the clock was set back, what is said later counts.
            event.time = max(time.time(), (view["edited_at"] or 0.0) + 1e-6)
            writer = bytes.fromhex(wanted) if wanted else os.urandom(16)
            await store(await collector_address(request), name, event, writer)
        view, headers = await find_run(request)
    return answer(view, headers=headers)


def _by(own: Mapping[str, Any]) -> str:
    return edit_text("by", own.get("by", BY), BY_CHARACTERS_MAX)


def _names(content: Mapping[str, Any]) -> set[str]:
    """What an edit changes, as its listing will name it."""
    names = {name for name in content if name.partition("_")[0] not in ("config", "summary")}
    for section in ("config", "summary"):
        keys = [*content.get(section, {}), *content.get(f"{section}_removed", [])]
        names |= {f"{section}.{key}".replace("\x1f", ".") for key in keys}
    return names


def _check_seen(seen: Any, names: set[str], edits: list[dict[str, Any]]) -> None:
    """Raises RequestError when one of the names was changed by an edit after the time that was seen."""
    if seen is not None and (not isinstance(seen, int | float) or isinstance(seen, bool)):
        raise wrong_edit("seen must be the run's edited_at, a number or null")
    by_id = {edit["id"]: edit for edit in edits}
    for edit in edits:
        if seen is None or edit["time"] > seen:
            changed = by_id.get(edit["undoes"], edit)["changed"]
            clash = next((name for name in sorted(names) for other in changed if _overlap(name, other)), None)
            if clash:
                message = f"{clash} was changed by {edit['by']} since you read the run: read it again, then change it"
                raise RequestError(409, "edit_conflict", message)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


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
