"""Saved views and reports over HTTP: listed, read, and saved as events of streams of their own."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runwell.core import names
from runwell.v1 import event_pb2
from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError, answer
from runwell_dashboard.edit_fields import TEXT_CHARACTERS_MAX, edit_text, wrong_edit
from runwell_dashboard.editing import store
from runwell_dashboard.edits import BY, collector_address, edit_content
from runwell_dashboard.runs import POSITION_HEADER, consistent, reader_of
from runwell_projector.query import Views

CONTENT_BYTES_MAX = 8 << 20
"""Of a report with the data of its pinned figures; a larger one is refused. A record may have twice as much."""

KINDS = {"views": "view", "reports": "report"}
"""As paths name them."""


async def list_saved(request: Request) -> Response:
    """``{"saved": [{"id", "name", "by", "created_at", "updated_at", "deleted"}]}`` of the "views" or "reports" of a project."""
    entity, project, kind = _place(request)
    found = await reader_of(request).ask(
        lambda views: views.saved(entity, project, kind), consistent=consistent(request)
    )
    return answer({"saved": found})


async def show_saved(request: Request) -> Response:
    """One view or report, with its "content"; also a deleted one."""
    return await _shown(request, consistent(request))


async def save(request: Request) -> Response:
    """PUT with "name" and "content", any JSON value; answers what is saved then."""
    content = await edit_content(request, CONTENT_BYTES_MAX)
    if content.keys() != {"name", "content"}:
        raise wrong_edit('it must have "name" and "content"')
    name = edit_text("name", content["name"], TEXT_CHARACTERS_MAX).strip()
    if not name:
        raise wrong_edit("the name is empty")
    return await _stored(request, name, json.dumps(content["content"]), deleted=False)


async def delete_saved(request: Request) -> Response:
    """DELETE takes it out of the list; it can be read, and saved again."""
    await edit_content(request)
    found = json.loads(bytes((await _shown(request, wait=True)).body))
    return await _stored(request, found["name"], json.dumps(found["content"]), deleted=True)


async def _stored(request: Request, name: str, content: str, *, deleted: bool) -> Response:
    entity, project, kind = _place(request)
    stream = names.SAVED_STREAM + segment(request, "id")
    for problem in (names.entity_problem(entity), names.project_problem(project), names.stream_problem(stream)):
        if problem:
            raise wrong_edit(problem)
    event = event_pb2.Event()
    if kind == "view":
        event.view_saved.CopyFrom(event_pb2.ViewSaved(by=BY, name=name, view_json=content, deleted=deleted))
    else:
        event.report_saved.CopyFrom(event_pb2.ReportSaved(by=BY, name=name, report_json=content, deleted=deleted))
    await store(await collector_address(request), (entity, project, stream), event)
    return await _shown(request, wait=True)


async def _shown(request: Request, wait: bool) -> Response:
    entity, project, kind = _place(request)
    name = segment(request, "id")

    def found(views: Views) -> tuple[dict[str, Any] | None, int]:
        position = views.checkpoint()[1]
        return views.saved_content(entity, project, kind, name), position

    saved, position = await reader_of(request).ask(found, consistent=wait)
    if saved is None:
        raise RequestError(404, "not_found", f"no {kind} {name[:100]!r} is saved here")
    return answer(saved, headers={POSITION_HEADER: str(position)})


def _place(request: Request) -> tuple[str, str, str]:
    kind = KINDS.get(segment(request, "kind"))
    if kind is None:
        raise RequestError(404, "not_found", f"what is saved are {' and '.join(KINDS)}")
    return segment(request, "entity"), segment(request, "project"), kind


SAVED = "/api/v1/saved/{entity}/{project}/{kind}"
ROUTES = [
    Route(SAVED, list_saved),
    Route(SAVED + "/{id}", show_saved),
    Route(SAVED + "/{id}", save, methods=["PUT"]),
    Route(SAVED + "/{id}", delete_saved, methods=["DELETE"]),
]
