"""What the plain pages share: no script, nothing loaded from elsewhere, every name escaped."""

import base64
import hashlib
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; --line: #d8d8d8; --faint: #666; --ink: #1b1b1b; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --line: #383838; --faint: #999; --ink: #e6e6e6; --paper: #161616; } }
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.2rem; }
h2 { font-size: 1rem; } a { color: inherit; } input { font: inherit; padding: .3rem .5rem; width: min(40rem, 70vw); }
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


def document(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A whole page; ``body`` is HTML."""
    text = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style>{body}</html>"
    )
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), status, HEADERS)


def run_address(run: dict[str, Any]) -> str:
    """The path of a run's page."""
    return "/" + "/".join(quote(run[name], safe="", errors="replace") for name in ("entity", "project", "run_id"))


def number(value: object) -> str:
    """A value in a few characters."""
    if isinstance(value, float):
        return f"{value:.5g}"
    return "" if value is None else str(value)[:40]
