"""Finds the collector of a server."""

import json
import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runwell.forwarder.presence import with_scheme

REQUEST_TIMEOUT_S = 2.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ServerUnreachableError(Exception):
    """No collector could be found or reached; the message says where it was looked for and what to do."""


@dataclass(frozen=True, slots=True)
class CollectorAddress:
    """``target`` is host:port for gRPC."""

    target: str
    loopback: bool


def local_server(root: Path) -> dict[str, Any]:
    """What ``runwell up`` announced under the root directory; empty when it runs nowhere there."""
    try:
        said = json.loads((root / "server" / "server.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) and isinstance(said.get("http"), str) else {}


def server_address(base_url: str | None, root: Path) -> str:
    """The server's HTTP address: the argument, ``RUNWELL_BASE_URL``, or the server of the root directory.

    Raises ServerUnreachableError.
    """
    found = base_url or os.environ.get("RUNWELL_BASE_URL") or local_server(root).get("http")
    if not found:
        raise ServerUnreachableError(
            "no server is known: start one with `runwell up`, or name it with --base-url or RUNWELL_BASE_URL"
        )
    address = with_scheme(str(found))
    try:
        parts = urllib.parse.urlsplit(address)
        usable = parts.scheme in ("http", "https") and " " not in address and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ServerUnreachableError(f"{found} is no address of a server; one looks like http://127.0.0.1:8080")
    return address


def find_collector(base_url: str, root: Path) -> CollectorAddress:
    """Where the server's collector listens; blocks for two seconds at most. Raises ServerUnreachableError.

    A server that was started here is known without asking it over HTTP, which also helps while its dashboard is down.
    """
    said = local_server(root)
    if said.get("http", "").rstrip("/") == base_url and isinstance(said.get("grpc"), str):
        return _address(said["grpc"])
    host = urllib.parse.urlsplit(base_url).hostname or ""
    port = _grpc_port(base_url)
    return _address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _address(target: str) -> CollectorAddress:
    return CollectorAddress(target, target.rpartition(":")[0].strip("[]") in LOOPBACK)


def _grpc_port(base_url: str) -> int:
    # A server on this machine is known without them, and a forwarder that somebody waits for starts sooner.
    from http.client import HTTPException
    from urllib.request import urlopen

    url = f"{base_url}/api/v1/server"
    try:
        with urlopen(url, timeout=REQUEST_TIMEOUT_S) as response:
            return int(json.load(response)["grpc_port"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "reason", None) or (error if isinstance(error, OSError) else "that is something else")
        raise ServerUnreachableError(
            f"{url} does not answer as a Runwell server ({reason}); start it (`runwell up`), or correct the address"
        ) from None
