"""The other processes of this server, as far as their files and their health addresses tell."""

import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMPONENTS = ("collector", "projector", "sweeps")
READY_TIMEOUT_S = 1.0
METRICS_BYTES_MAX = 1 << 20
"""A component's own counters are some ten kilobytes."""


def announce(data_dir: Path, name: str, http_address: str) -> None:
    """Says where this component serves, atomically."""
    directory = data_dir / "components"
    directory.mkdir(parents=True, exist_ok=True)
    content = {"pid": os.getpid(), "http": http_address, "started_at": time.time()}
    new = directory / f".{name}.{os.getpid()}"
    new.write_text(json.dumps(content))
    new.replace(directory / f"{name}.json")


def described(data_dir: Path, name: str) -> dict[str, Any] | None:
    """What a component said of itself when it began to serve, None when it never did."""
    try:
        content = json.loads((data_dir / "components" / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def state(data_dir: Path, name: str) -> dict[str, Any]:
    """Whether a component is alive and ready, and where."""
    content = described(data_dir, name)
    if content is None:
        return {"alive": False, "ready": False, "reason": "it has not started yet"}
    status, text = _ready(str(content.get("http", "")))
    reason = {} if status == 200 else {"reason": text}
    return {**content, "alive": status is not None, "ready": status == 200, **reason}


def states(data_dir: Path) -> dict[str, dict[str, Any]]:
    """The state of all of them, asked at the same time."""
    with ThreadPoolExecutor(len(COMPONENTS)) as threads:
        found = threads.map(lambda name: state(data_dir, name), COMPONENTS)
        return dict(zip(COMPONENTS, found, strict=True))


def metrics(data_dir: Path, name: str) -> bytes | None:
    """A component's counters as Prometheus reads them; None when it does not answer."""
    content = described(data_dir, name)
    if content is None:
        return None
    status, body = _answered(str(content.get("http", "")), "/metrics", METRICS_BYTES_MAX)
    return body if status == 200 else None


def _ready(address: str) -> tuple[int | None, str]:
    """The status of a component's readiness and what it said, None when nobody answers."""
    status, body = _answered(address, "/-/ready", 1000)
    return status, body.decode("utf-8", "replace").strip()


def _answered(address: str, path: str, bytes_max: int) -> tuple[int | None, bytes]:
    parts = urlsplit(address if "//" in address else f"http://{address}")
    try:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=READY_TIMEOUT_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read(bytes_max)
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return None, f"nobody answers at {address}: {error}".encode()
