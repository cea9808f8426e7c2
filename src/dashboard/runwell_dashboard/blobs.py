"""Contents of files over HTTP, by digest: in ranges, cached for ever, and never so that a browser would execute them."""

import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runwell.core.blobs import is_sha256
from runwell_collector.blobs import BlobStore, StoreError
from runwell_dashboard.answers import RequestError

SAFE_TYPES = re.compile(
    r"image/(png|jpeg|gif|webp|avif|bmp)|audio/(wav|x-wav|mpeg|ogg|flac|aac|mp4|webm)|video/(mp4|webm|ogg|quicktime)"
    r"|model/(gltf-binary|gltf\+json|obj|stl)|application/json|text/(plain|csv)"
)
"""Types that are shown; no document, script or drawing among them that could run in the reader's name."""

PLAIN_TYPE = "application/octet-stream"
NAME_CHARACTERS_MAX = 200


def store_of(request: Request) -> BlobStore:
    """The application's blob store."""
    store: BlobStore = request.app.state.blobs
    return store


async def show_blob(request: Request) -> Response:
    """The content with that SHA-256; ``type`` says as what to show it, when that is safe, ``name`` to save it as a file.

    404 with the code ``blob_uploading`` while it has not arrived. Takes Range of one range.
    """
    sha256 = request.path_params["sha256"]
    if not is_sha256(sha256):
        raise RequestError(404, "not_found", "a blob is named by its SHA-256 in 64 lower-case hexadecimal digits")
    try:
        size = await store_of(request).size(sha256)
    except StoreError as error:
        raise RequestError(503, "blob_store_unreachable", str(error), retry_after_s=1) from None
    if size is None:
        raise RequestError(404, "blob_uploading", "this content has not arrived at the server yet", retry_after_s=2)
    headers = _headers(request, sha256)
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    start, end = _range(request.headers.get("range"), size)
    headers["content-length"] = str(end - start)
    if (start, end) == (0, size):
        status = 200
    else:
        status = 206
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD" or start == end:
        return Response(status_code=status, headers=headers)
    return StreamingResponse(await _begun(store_of(request).get(sha256, start, end)), status, headers)


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, once the first is there: what fails before it is still answered with an error."""
    try:
        first = await anext(pieces)
    except (StoreError, FileNotFoundError) as error:
        raise RequestError(503, "blob_store_unreachable", str(error), retry_after_s=1) from None

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_them()


def _headers(request: Request, sha256: str) -> dict[str, str]:
    asked = request.query_params.get("type", "")
    name = request.query_params.get("name")
    safe = bool(SAFE_TYPES.fullmatch(asked))
    charset = "; charset=utf-8" if asked.startswith("text/") else ""
    headers = {
        "accept-ranges": "bytes",
        # The content never changes under its digest; the type does, but is asked for in the address.
        "cache-control": "private, max-age=31536000, immutable",
        "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "content-type": asked + charset if safe else PLAIN_TYPE,
        "etag": f'"{sha256}"',
    }
    if name is not None or not safe:
        headers["content-disposition"] = f"attachment{_file_name(name or sha256)}"
    return headers


def _file_name(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.\- ]", "_", name.rpartition("/")[2])[:NAME_CHARACTERS_MAX].lstrip(".")
    return f'; filename="{plain or "file"}"'


def _range(text: str | None, size: int) -> tuple[int, int]:
    """Start and end of what is asked for: one range, or everything."""
    found = re.fullmatch(r"bytes=(\d{0,19})-(\d{0,19})", text or "")
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise RequestError(416, "range_not_satisfiable", f"the content has {size} bytes")
    return start, end
