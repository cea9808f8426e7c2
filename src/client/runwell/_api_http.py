"""Runs of a server, over its HTTP API, with the standard library."""

import contextlib
import http.client
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from runwell._api_columns import MEDIA_TYPE, ColumnPage, decode_page, decode_series
from runwell._api_errors import ApiError, NotFoundError, RequestRefusedError
from runwell._api_source import RunName
from runwell._settings import resolve
from runwell.core.filters import Expression, Order
from runwell.core.history import Selection
from runwell.errors import ServerUnreachableError

Decoded = TypeVar("Decoded")

STREAM_BYTES = 1 << 20
"""Read at once of what is streamed."""

TIMEOUT_S = 30.0
"""For each answer. The server itself gives up a consistent read after 10 s and says so."""


def find_server(base_url: str | None = None) -> str:
    """The server's address: the argument, ``RUNWELL_BASE_URL``, or what `runwell up` wrote under the root directory.

    Raises ServerUnreachableError when none is known.
    """
    found = resolve(None, {"base_url": base_url}).base_url
    if not found:
        raise ServerUnreachableError(
            "no server is known: start one with `runwell up`, or set RUNWELL_BASE_URL to the address of one, "
            "or read spools without a server (--spool DIR, Api(spool=DIR))"
        )
    return found.rstrip("/")


class KeptConnection:
    """A connection that is closed with the thread, or the Api, that it belongs to."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        # Not by __del__, which for what refers to itself in a circle may come after the end of the socket.
        weakref.finalize(self, connection.close)


class HttpSource:
    """Asks a server. Each thread keeps one connection open; a lost one is made anew."""

    def __init__(self, base_url: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.base_url = find_server(base_url)
        self._timeout_s = timeout_s
        try:
            self._address = urlsplit(self.base_url if "//" in self.base_url else f"http://{self.base_url}")
            usable = self._address.scheme in ("http", "https") and self._address.hostname and self._address.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ServerUnreachableError(f"{self.base_url} is not an address such as http://127.0.0.1:8080")
        self._local = threading.local()

    def projects(self) -> list[dict[str, Any]]:
        """All projects."""
        return list(self.get("projects")["projects"])

    def runs(
        self,
        entity: str | None,
        project: str | None,
        where: Expression | None,
        order: Sequence[Order],
        offset: int,
        limit: int,
    ) -> tuple[int, list[dict[str, Any]]]:
        """How many runs match, and one page of their views."""
        asked = {
            "entity": entity,
            "project": project,
            "filter": None if where is None else str(where),
            "order": ",".join(map(str, order)) or None,
            "offset": offset,
            "limit": limit,
        }
        found = self.get("runs", asked)
        return found["total"], found["runs"]

    def run(self, name: RunName) -> dict[str, Any] | None:
        """A run's view."""
        try:
            view: dict[str, Any] = self.get(run_path(name))
        except NotFoundError:
            return None
        return view

    def rows(
        self, name: RunName, selection: Selection, after: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of rows, and the cursor of the next one."""
        pages, following = self.columns(name, selection, after, limit)
        return [row for page in pages for row in page.to_rows()], following

    def columns(
        self, name: RunName, selection: Selection, after: str | None, limit: int
    ) -> tuple[list[ColumnPage], str | None]:
        """A page of rows column by column, and the cursor of the next one."""
        page = {"after": after, "limit": limit, "consistent": int(after is None)}
        return self._decoded(f"{run_path(name)}/history", _parameters(selection) | page, decode_page)

    def series(self, name: RunName, key: str, axis: str, *, masked: bool) -> tuple[list[Any], list[Any]]:
        """``_step`` or ``_timestamp`` of all rows with the key, and its values."""
        asked = {"key": key, "masked": int(masked)}
        return self._decoded(f"{run_path(name)}/series", asked, lambda body: decode_series(body, axis))[key]

    def console(self, name: RunName, query: Mapping[str, Any]) -> dict[str, Any]:
        """``{"total", "start", "lines"}`` of what the run wrote to its terminals."""
        found: dict[str, Any] = self.get(f"{run_path(name)}/console", dict(query))
        return found

    def alerts(self, name: RunName) -> list[dict[str, Any]]:
        """The run's latest alerts, the last one first."""
        return list(self.get(f"{run_path(name)}/alerts")["alerts"])

    def samples(self, name: RunName, selection: Selection, samples: int) -> list[dict[str, Any]]:
        """Evenly spaced rows of those that have all keys."""
        pages, _ = self._decoded(
            f"{run_path(name)}/history", _parameters(selection) | {"samples": samples}, decode_page
        )
        return [row for page in pages for row in page.to_rows()]

    def _decoded(self, path: str, parameters: Mapping[str, Any], decode: Callable[[bytes], Decoded]) -> Decoded:
        status, body = self._answer(self._target(path, parameters), MEDIA_TYPE)
        try:
            if status != 200:
                raise _error(status, json.loads(body)["error"])
            return decode(body)
        except (ValueError, KeyError, TypeError):
            raise ApiError(f"{self.base_url} answered {status} with something that is not Runwell's") from None

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The JSON content at a path below /api/v1/."""
        return self._content(*self._answer(self._target(path, parameters or {}), "application/json"))

    def _content(self, status: int, body: bytes) -> Any:
        try:
            content = json.loads(body)
            if status != 200:
                raise _error(status, content["error"])
        except (ValueError, KeyError, TypeError):
            raise ApiError(f"{self.base_url} answered {status} with something that is not Runwell's") from None
        return content

    def send(self, method: str, path: str, content: Mapping[str, Any]) -> Any:
        """The JSON answer to JSON content; only for what may be sent twice."""
        status, body = self._answer(self._target(path, {}), "application/json", method, json.dumps(content).encode())
        return self._content(status, body)

    def _target(self, path: str, parameters: Mapping[str, Any]) -> str:
        given = {name: value for name, value in parameters.items() if value is not None}
        query = urlencode(given, doseq=True, errors="replace")
        return f"{self._address.path}/api/v1/{path}{'?' if query else ''}{query}"

    def _answer(self, target: str, accept: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
        with self._failures_told():
            try:
                return self._exchange(target, accept, method, body)
            except (http.client.HTTPException, ConnectionError):
                # The server may have closed a connection that was kept open; a question may be asked twice.
                return self._exchange(target, accept, method, body)

    def stream(self, path: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """The content at a path below /api/v1/, piece by piece as it comes. Raises when it breaks off."""
        with self._failures_told(), contextlib.closing(self._new_connection()) as connection:
            connection.request("GET", self._target(path, parameters))
            response = connection.getresponse()
            if response.status != 200:
                self._content(response.status, response.read())
            try:
                while piece := response.read(STREAM_BYTES):
                    yield piece
            except http.client.IncompleteRead:
                raise ApiError(f"{self.base_url} broke off in the middle; the dashboard's log says why") from None

    @contextlib.contextmanager
    def _failures_told(self) -> Iterator[None]:
        """What goes wrong on the way there and back, as errors that say what to do."""
        try:
            yield
        except TimeoutError:
            raise ServerUnreachableError(f"{self.base_url} did not answer within {self._timeout_s:g} s") from None
        except OSError as error:
            raise ServerUnreachableError(
                f"no server answers at {self.base_url} ({error}); start it with `runwell up`, "
                "or read spools without a server (--spool DIR, Api(spool=DIR))"
            ) from None
        except http.client.HTTPException:
            raise ServerUnreachableError(
                f"what answers at {self.base_url} is no Runwell server; is this the address that `runwell up` shows?"
            ) from None

    def _exchange(self, target: str, accept: str, method: str, body: bytes | None) -> tuple[int, bytes]:
        connection = self._connection()
        headers = {"Accept": accept} | ({} if body is None else {"Content-Type": "application/json"})
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except BaseException:
            connection.close()
            raise

    def _connection(self) -> http.client.HTTPConnection:
        """This thread's connection; a forked child makes its own, since two must not share one."""
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.kept = KeptConnection(self._new_connection())
            self._local.pid = os.getpid()
        kept: KeptConnection = self._local.kept
        return kept.connection

    def _new_connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._address.scheme == "https" else http.client.HTTPConnection
        assert self._address.hostname is not None
        return kind(self._address.hostname, self._address.port, timeout=self._timeout_s)


def _parameters(selection: Selection) -> dict[str, Any]:
    return {
        "key": None if selection.keys is None else sorted(selection.keys),
        "min_step": selection.min_step,
        "max_step": selection.max_step,
        "masked": int(selection.masked),
        "all": int(selection.all_attempts),
        "stream": selection.stream,
    }


def run_path(name: RunName) -> str:
    """A run's path below /api/v1/."""
    return "runs/" + "/".join(quote(part, safe="", errors="replace") for part in name)


def _error(status: int, error: Mapping[str, str]) -> ApiError:
    """The exception for what the server answered."""
    if status == 404 and error["code"].endswith("_not_found"):
        return NotFoundError(error["message"])
    if 400 <= status < 500:
        return RequestRefusedError(error["message"])
    return ApiError(error["message"])
