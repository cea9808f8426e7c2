"""The pages: one document for every address that a person sees, and the bundle that ``src/dashboard/web`` builds."""

import json
import re
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError

STATIC = Path(__file__).with_name("static")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, no inline script or style: what a run is called can execute nothing."""

NAME = re.compile(r"(?:assets/)?[\w-][\w.-]*\.(?:js|css|svg)")

FOREVER = "public, max-age=31536000, immutable"
"""Names of assets hold a digest of their content."""


def document() -> str:
    """The bundle's index.html, with a mark where the base belongs. Raises FileNotFoundError when nothing was built."""
    return (STATIC / "index.html").read_text()


def base_of(path: str) -> str:
    """The root of the pages relative to a page's path, so that no prefix that a proxy put before it needs to be known."""
    return "../" * (path.count("/") - 1) or "./"


def asked_first(request: Request) -> list[str]:
    """What the page of an address asks for first, as the bundle writes it: the browser asks while it loads the bundle.

    An address that the bundle writes otherwise is asked for twice, and nothing else happens.
    """
    names = {name: segment(request, name) for name in request.path_params}
    if names.keys() == {"entity", "project"}:
        return [f"api/v1/fields?{urlencode(names)}"]
    if names.keys() == {"entity", "project", "run_id"}:
        path = "/".join(quote(name, safe="!~*'()") for name in names.values())
        keys = {"entity": names["entity"], "project": names["project"], "run": names["run_id"]}
        return [f"api/v1/runs/{path}", f"api/v1/keys?{urlencode(keys)}"]
    return []


async def show_page(request: Request) -> Response:
    """The document; the bundle reads the address and shows what belongs there."""
    try:
        text = document()
    except FileNotFoundError:
        problem = "the pages were not built: run make web in the checkout, or install the package from a wheel"
        raise RequestError(503, "no_pages", problem) from None
    base = base_of(request.scope["path"])
    head = f'<base href="{base}">' + "".join(
        f'<link rel="preload" as="fetch" crossorigin href="{escape(asked)}">' for asked in asked_first(request)
    )
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache"}
    return HTMLResponse(text.replace("<!--base-->", head, 1), headers=headers)


async def show_asset(request: Request) -> Response:
    """One file of the bundle, and nothing else on the disk. Files are looked up each time: an upgrade replaces them."""
    name = request.scope["path"].lstrip("/")
    path = STATIC / name
    if not NAME.fullmatch(name) or not path.is_file():
        raise RequestError(404, "not_found", f"there is no file {json.dumps(name)}")
    cache_control = FOREVER if name.startswith("assets/") else "no-cache"
    return FileResponse(path, headers={"cache-control": cache_control})


ROUTES = [
    Route("/assets/{name}", show_asset),
    *(Route(f"/{name}", show_asset) for name in ("theme.js", "icon.svg")),
    # Last, since they take every path of two or three names.
    Route("/", show_page),
    Route("/{entity}/{project}", show_page),
    Route("/{entity}/{project}/{run_id}", show_page),
    Route("/{entity}/{project}/-/{part}", show_page),
    Route("/{entity}/{project}/-/{part}/{name}", show_page),
    Route("/{entity}/{project}/sweeps/{name}", show_page),
]
