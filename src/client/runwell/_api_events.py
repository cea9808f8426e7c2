"""Server-sent events of a run, as they come: what broke off is taken up again where it ended."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from runwell._api_errors import ApiError, NotFoundError
from runwell._api_source import RunName
from runwell.errors import ServerUnreachableError

QUIET_S = 60.0
"""A server sends a comment every 15 s; one that is silent for so long is gone."""

RETRY_S = 1.0
GIVE_UP_S = 60.0
"""A server that does not come back within this is not waited for."""


class Told(NamedTuple):
    """``kind`` is "rows" (``{"writer", "attempt", "rows"}``) or "run" (what changed of the run itself)."""

    kind: str
    content: Any


def follow(base_url: str, run: RunName, parameters: Mapping[str, Any]) -> Iterator[Told]:
    """What comes of a run from now on. Raises NotFoundError, ApiError, and ServerUnreachableError when it does not come back."""
    query = urlencode(parameters, doseq=True)
    target = f"runs/{'/'.join(quote(part, safe='', errors='replace') for part in run)}/tail?{query}"
    last_id: str | None = None
    lost_at: float | None = None
    while True:
        try:
            for told, event_id in _events(base_url, target, last_id):
                last_id, lost_at = event_id or last_id, None
                yield told
        except (OSError, http.client.HTTPException) as error:
            lost_at = time.monotonic() if lost_at is None else lost_at
            if time.monotonic() - lost_at > GIVE_UP_S:
                raise ServerUnreachableError(f"no server answers at {base_url} ({error})") from None
        time.sleep(RETRY_S)


def _events(base_url: str, target: str, last_id: str | None) -> Iterator[tuple[Told, str | None]]:
    """The events of one connection, each with its id."""
    address = urlsplit(base_url if "//" in base_url else f"http://{base_url}")
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=QUIET_S)
    try:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        connection.request("GET", f"{address.path}/api/v1/{target}", headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            _refuse(response.status, response.read())
        fields: dict[str, str] = {}
        while line := response.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                yield Told(fields["event"], json.loads(fields["data"])), fields.get("id")
                fields = {}
    finally:
        connection.close()


def _refuse(status: int, body: bytes) -> None:
    try:
        message = str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"the server answered {status}"
    if status >= 500:
        # It is starting, behind, or has too many followers: it may take this one later.
        raise http.client.HTTPException(message)
    raise NotFoundError(message) if status == 404 else ApiError(message)
