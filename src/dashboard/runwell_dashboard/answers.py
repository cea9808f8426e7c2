"""How everything is answered: JSON with Python's literals for NaN and the infinities, and one shape of error."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


def encoded(content: Any) -> bytes:
    """JSON on one line; non-ASCII characters are escaped, so that even a lone surrogate travels."""
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(encoded(content), status, headers, "application/json")


class RequestError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after_s = status, code, message, retry_after_s


def error_answer(error: RequestError) -> Response:
    """``{"error": {"code", "message"}}``."""
    headers = {} if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
    return answer({"error": {"code": error.code, "message": error.message}}, error.status, headers)


async def answer_request_error(request: Request, error: Exception) -> Response:
    """Starlette's handler for RequestError."""
    assert isinstance(error, RequestError)
    return error_answer(error)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler for what its router raises."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return error_answer(RequestError(405, "method_not_allowed", f"{request.method} is not possible here"))
    if error.status_code == 404:
        return error_answer(
            RequestError(404, "not_found", "there is nothing at this address; the API begins with /api/v1/")
        )
    return error_answer(RequestError(error.status_code, "refused", error.detail))


async def answer_failure(request: Request, error: Exception) -> Response:
    """Starlette's handler for our own bugs: the traceback goes to the log, not to the client."""
    return error_answer(RequestError(500, "internal", "the dashboard failed on this request; its log says why"))
