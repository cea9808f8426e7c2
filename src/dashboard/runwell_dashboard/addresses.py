"""ASGI wrappers that look at each request before the router: names in paths, who is addressed, and fixed headers."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runwell_dashboard.answers import SECURITY_HEADERS, RequestError, error_answer
from runwell_dashboard.settings import is_loopback


class RawPaths:
    """Routes by the path as it was sent, so that a name with an encoded slash stays one segment; see ``segment``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = scope["raw_path"].decode("ascii", "replace")
        await self._app(scope, receive, send)


def segment(request: Request, name: str) -> str:
    """One decoded name of the path."""
    return unquote(request.path_params[name], errors="replace")


class LocalHosts:
    """Refuses requests that were sent to a foreign host name: a web page that made its own name point at this machine
    would otherwise read everything with the reader's browser."""

    def __init__(self, app: ASGIApp, allow_remote: bool) -> None:
        self._app = app
        self._allow_remote = allow_remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._allow_remote or self._is_local(dict(scope["headers"])):
            await self._app(scope, receive, send)
            return
        error = RequestError(403, "foreign_host", "this server answers only to localhost; see --allow-remote")
        await error_answer(error)(scope, receive, send)

    @staticmethod
    def _is_local(headers: Mapping[bytes, bytes]) -> bool:
        try:
            host = urlsplit("//" + headers.get(b"host", b"localhost").decode("latin-1")).hostname
        except ValueError:
            return False
        return host is not None and is_loopback(host)


class SecureHeaders:
    """Adds the fixed headers where a response has none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                missing = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in missing if pair[0] not in present)]
            await send(message)

        await self._app(scope, receive, send_secured)
