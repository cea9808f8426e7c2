"""A plain table of runs at ``/``: no script, nothing loaded from elsewhere."""

import base64
import hashlib
import time
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from runwell.core.filters import leaves
from runwell_dashboard import parameters
from runwell_dashboard.answers import RequestError
from runwell_dashboard.runs import reader_of

ROWS = 200
METRICS = 6
"""Columns of the summary keys that most of the shown runs have."""

STYLE = """
:root { color-scheme: light dark; --line: #d8d8d8; --faint: #666; --ink: #1b1b1b; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --line: #383838; --faint: #999; --ink: #e6e6e6; --paper: #161616; } }
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.2rem; } input { font: inherit; padding: .3rem .5rem; width: min(40rem, 70vw); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin-top: 1rem; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--faint); font-weight: 500; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.running { color: #1769c5; } .finished { color: #1a7f37; } .failed, .crashed, .error { color: #c62828; }
.error { white-space: pre-wrap; font-family: ui-monospace, monospace; } .faint { color: var(--faint); }
@media (prefers-color-scheme: dark) { .running { color: #6cb2ff; } .finished { color: #5fca7b; }
.failed, .crashed, .error { color: #ff8a80; } }
"""
STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
}


async def show_runs(request: Request) -> Response:
    """The newest runs that match ``filter``, as HTML."""
    text = request.query_params.get("filter", "")
    total, problem = 0, ""
    runs: list[dict[str, Any]] = []
    try:
        where, order = parameters.where(request.query_params), parameters.order(request.query_params)
        total, runs = await reader_of(request).ask(lambda views: views.runs(where=where, order=order, limit=ROWS))
    except RequestError as error:
        problem = error.message
    return HTMLResponse(page(text, total, runs, problem, time.time()), 400 if problem else 200, HEADERS)


def page(text: str, total: int, runs: list[dict[str, Any]], problem: str, now: float) -> str:
    """The whole page; ``now`` is in unix seconds."""
    shown = f"<p class=error>{escape(problem)}</p>" if problem else table(runs, now)
    more = f", the first {len(runs)} of them" if total > len(runs) else ""
    placeholder = 'state == "finished" and summary.loss &lt; 0.5'
    return (
        (
            f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>Runwell</title><style>{STYLE}</style><h1>Runwell</h1>"
            f"<form><label>Filter <input name=filter value=\"{escape(text)}\" placeholder='{placeholder}'></label></form>"
            f"<p class=faint>{total} run{'' if total == 1 else 's'}{more}</p>{shown}</html>"
        )
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def table(runs: list[dict[str, Any]], now: float) -> str:
    """The runs, one a line, with the summary keys that most of them have."""
    if not runs:
        return "<p>No runs here. <code>runwell.init()</code> in a training script makes one.</p>"
    metrics = frequent_metrics(runs)
    heads = ["State", "Run", "Project", "Made", "Step", *metrics]
    lines = "".join(line(run, metrics, now) for run in runs)
    head = "".join(f"<th>{escape(name)}" for name in heads)
    return f"<div class=scroll><table><thead><tr>{head}</thead><tbody>{lines}</tbody></table></div>"


def line(run: dict[str, Any], metrics: list[str], now: float) -> str:
    """One run."""
    address = "/".join(quote(run[name], safe="", errors="replace") for name in ("entity", "project", "run_id"))
    summary = {".".join(path): value for path, value in leaves(run["summary"])}
    state = escape(run["state"])
    cells = [
        f'<td class="{state}">{state}',
        f'<td><a href="/api/v1/runs/{address}">{escape(run["name"] or run["run_id"])}</a>',
        f"<td>{escape(run['entity'])}/{escape(run['project'])}",
        f'<td title="{moment(run["created_at"])}">{age(now - run["created_at"])}',
        f"<td class=number>{'' if run['last_step'] is None else run['last_step']}",
        *(f"<td class=number>{escape(number(summary.get(key)))}" for key in metrics),
    ]
    return "<tr>" + "".join(cells)


def frequent_metrics(runs: list[dict[str, Any]]) -> list[str]:
    """The summary keys with numbers that most runs have, in alphabetical order."""
    counts: dict[str, int] = {}
    for run in runs:
        for path, value in leaves(run["summary"]):
            if isinstance(value, int | float) and not path[0].startswith("_"):
                key = ".".join(path)
                counts[key] = counts.get(key, 0) + 1
    return sorted(sorted(counts, key=lambda key: (-counts[key], key))[:METRICS])


def number(value: object) -> str:
    """A value in a few characters."""
    if isinstance(value, float):
        return f"{value:.5g}"
    return "" if value is None else str(value)[:40]


def moment(seconds: float) -> str:
    """A time in UTC; nothing for one that no calendar has, as a broken clock may send."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def age(seconds: float) -> str:
    """A time span in its greatest unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"
