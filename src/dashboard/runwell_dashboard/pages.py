"""The pages: one document for every address that a person sees, and the bundle that ``src/dashboard/web`` builds."""

import json
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from runwell_dashboard.answers import RequestError

STATIC = Path(__file__).with_name("static")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, no inline script or style: what a run is called can execute nothing."""

FOREVER = "public, max-age=31536000, immutable"
"""Names of assets hold a digest of their content."""


@cache
def document() -> str:
    """The bundle's index.html, with a mark where the base belongs. Raises FileNotFoundError when nothing was built."""
    return (STATIC / "index.html").read_text()


def base_of(path: str) -> str:
    """The root of the pages relative to a page's path, so that no prefix that a proxy put before it needs to be known."""
    return "../" * (path.count("/") - 1) or "./"


async def show_page(request: Request) -> Response:
    """The document; the bundle reads the address and shows what belongs there."""
    try:
        text = document()
    except FileNotFoundError:
        problem = "the pages were not built: run make web in the checkout, or install the package from a wheel"
        raise RequestError(503, "no_pages", problem) from None
    base = base_of(request.scope["path"])
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache"}
    return HTMLResponse(text.replace("<!--base-->", f'<base href="{base}">', 1), headers=headers)


@cache
def assets() -> dict[str, Path]:
    """Every file of the bundle but the document, by its path below the root; nothing else on the disk is served."""
    files = {str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.is_file()}
    return {name.replace("\\", "/"): path for name, path in files.items() if not name.startswith((".", "index.html"))}


async def show_asset(request: Request) -> Response:
    """One file of the bundle."""
    name = request.scope["path"].lstrip("/")
    path = assets().get(name)
    if path is None:
        raise RequestError(404, "not_found", f"there is no file {json.dumps(name)}")
    cache_control = FOREVER if name.startswith("assets/") else "no-cache"
    return FileResponse(path, headers={"cache-control": cache_control})
