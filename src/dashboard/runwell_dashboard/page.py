"""The table of runs at ``/``, for all projects or one."""

import time
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runwell.core.filters import leaves
from runwell.core.tables import age, metric_columns, moment
from runwell_dashboard import parameters
from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError
from runwell_dashboard.html import document, number, run_address
from runwell_dashboard.runs import reader_of

ROWS = 200
METRICS = 6
"""Columns of the summary keys that most of the shown runs have."""


async def show_runs(request: Request) -> Response:
    """The newest runs that match ``filter``, of one project at ``/ENTITY/PROJECT``."""
    text = request.query_params.get("filter", "")
    project = {name: segment(request, name) for name in request.path_params}
    total, problem = 0, ""
    runs: list[dict[str, Any]] = []
    try:
        where, order = parameters.where(request.query_params), parameters.order(request.query_params)
        asked: dict[str, Any] = {**project, "where": where, "order": order, "limit": ROWS}
        total, runs = await reader_of(request).ask(lambda views: views.runs(**asked))
    except RequestError as error:
        problem = error.message
    title = "/".join(project.values()) or "Runwell"
    return document(title, body(title, text, total, runs, problem, time.time()), 400 if problem else 200)


def body(title: str, text: str, total: int, runs: list[dict[str, Any]], problem: str, now: float) -> str:
    """Everything below the title; ``now`` is in unix seconds."""
    shown = f"<p class=error>{escape(problem)}</p>" if problem else table(runs, now)
    more = f", the first {len(runs)} of them" if total > len(runs) else ""
    placeholder = 'state == "finished" and summary.loss &lt; 0.5'
    return (
        f"<h1>{escape(title)}</h1>"
        f"<form><label>Filter <input name=filter value=\"{escape(text)}\" placeholder='{placeholder}'></label></form>"
        f"<p class=faint>{total} run{'' if total == 1 else 's'}{more}</p>{shown}"
    )


def table(runs: list[dict[str, Any]], now: float) -> str:
    """The runs, one a line, with the summary keys that most of them have."""
    if not runs:
        return "<p>No runs here. <code>runwell.init()</code> in a training script makes one.</p>"
    metrics = metric_columns(runs, METRICS)
    heads = ["State", "Run", "Project", "Made", "Step", *metrics]
    lines = "".join(line(run, metrics, now) for run in runs)
    head = "".join(f"<th>{escape(name)}" for name in heads)
    return f"<div class=scroll><table><thead><tr>{head}</thead><tbody>{lines}</tbody></table></div>"


def line(run: dict[str, Any], metrics: list[str], now: float) -> str:
    """One run."""
    summary = {".".join(path): value for path, value in leaves(run["summary"])}
    state = escape(run["state"])
    cells = [
        f'<td class="{state}">{state}',
        f'<td><a href="{escape(run_address(run))}">{escape(run["name"] or run["run_id"])}</a>',
        f"<td>{escape(run['entity'])}/{escape(run['project'])}",
        f'<td title="{moment(run["created_at"])}">{age(now - run["created_at"])}',
        f"<td class=number>{'' if run['last_step'] is None else run['last_step']}",
        *(f"<td class=number>{escape(number(summary.get(key)))}" for key in metrics),
    ]
    return "<tr>" + "".join(cells)
