"""A plain page of one run: what is known of it, its configuration and its summary."""

import json
import shlex
import time
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell.core.filters import leaves
from runwell.core.tables import age, moment
from runwell_dashboard.html import document, run_address
from runwell_dashboard.runs import reader_of, run_name


async def show_run_page(request: Request) -> Response:
    """The run in the path; a page that says so where there is none."""
    name = run_name(request)
    view = await reader_of(request).ask(lambda views: views.run(*name))
    if view is None:
        title = "/".join(name)
        return document(
            title, f"<h1>{escape(title)}</h1><p>There is no such run here (yet). <a href=/>All runs</a>", 404
        )
    return document(view["name"], body(view, time.time()))


def body(view: dict[str, Any], now: float) -> str:
    """Everything that the page shows; ``now`` is in unix seconds."""
    state, data = escape(view["state"]), escape("/api/v1/runs" + run_address(view))
    sections = "".join(section(name, view[name]) for name in ("config", "summary"))
    return (
        f'<h1>{escape(view["name"])} <span class="{state}">{state}</span></h1>'
        f'<p class=faint><a href=/>All runs</a> · <a href="{data}">run as JSON</a> · <a href="{data}/history">history</a></p>'
        f"{rows(facts(view, now))}{sections}"
    )


def facts(view: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """The run's own fields, those that it has."""
    git, records = view["git"] or {}, view["records"]
    apart = [f"{records[name]:,} {name}" for name in ("masked", "refused", "dropped", "lost") if records[name]]
    found = [
        ("run", "/".join((view["entity"], view["project"], view["run_id"]))),
        ("made", f"{moment(view['created_at'])} ({age(now - view['created_at'])} ago)"),
        ("last step", "" if view["last_step"] is None else f"{view['last_step']:,}"),
        ("records", ", ".join([f"{records['stored']:,} of {records['expected']:,}", *apart])),
        ("tags", ", ".join(view["tags"])),
        ("notes", view["notes"]),
        ("command", shlex.join(view["command"])),
        ("host", " as ".join(filter(None, (view["host"], view["user"])))),
        ("git", " ".join(filter(None, (git.get("commit"), git.get("branch"), git.get("remote"))))),
    ]
    return [(name, value) for name, value in found if value]


def section(title: str, values: dict[str, Any]) -> str:
    """A heading and the leaves below it."""
    named = sorted((".".join(path), value) for path, value in leaves(values))
    shown = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in named]
    return f"<h2>{title}</h2>{rows(shown)}" if shown else ""


def rows(pairs: list[tuple[str, str]]) -> str:
    """A table of names and values."""
    return f"<table>{''.join(f'<tr><th>{escape(name)}<td>{escape(value)}' for name, value in pairs)}</table>"
