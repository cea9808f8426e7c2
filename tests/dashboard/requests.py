"""Requests as any HTTP client may send them, also ill-mannered ones."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    base: str,
    path: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    **parameters: Any,
) -> Answer:
    """One request on a connection of its own; ``path`` is sent as it is."""
    query = urlencode(parameters, doseq=True)
    connection = http.client.HTTPConnection(str(urlsplit(base).hostname), urlsplit(base).port, timeout=30)
    try:
        connection.request(method, path + ("?" + query if query else ""), body, headers or {})
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())
    finally:
        connection.close()


class EventStream:
    """Server-sent events of one connection, as they come."""

    def __init__(self, base: str, path: str, headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection(str(urlsplit(base).hostname), urlsplit(base).port, timeout=20)
        self._connection.request("GET", path, headers=headers or {})
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.read()
        assert self._response.headers["content-type"].startswith("text/event-stream")

    def __iter__(self) -> Iterator[tuple[str, int | None, Any]]:
        """Kind, id and content of each event."""
        fields: dict[str, str] = {}
        while line := self._response.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                yield fields["event"], int(fields["id"]) if "id" in fields else None, json.loads(fields["data"])
                fields = {}

    def close(self) -> None:
        self._response.close()
        self._connection.close()


def raw(base: str, text: bytes) -> bytes:
    """What the server says to these bytes before it closes the connection."""
    with socket.create_connection((str(urlsplit(base).hostname), urlsplit(base).port or 80), timeout=20) as connection:
        connection.sendall(text)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
        return answer
