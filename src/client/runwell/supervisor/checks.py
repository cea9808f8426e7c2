"""What must be true before the server can start; each failure is one sentence that says what to do."""

import errno
import fcntl
import importlib.util
import ipaddress
import json
import os
import socket
from pathlib import Path
from typing import IO, Any

SERVER_PACKAGES = (
    "aiosqlite",
    "grpc_health",
    "grpc_reflection",
    "httptools",
    "numpy",
    "prometheus_client",
    "starlette",
    "uvicorn",
    "uvloop",
)
"""Import names of what the extra `server` installs."""


class StartError(Exception):
    """Something that the person at the keyboard has to change; the message says what."""


def require_server_packages() -> None:
    """Raises StartError where the extra `server` is not installed."""
    missing = [name for name in SERVER_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise StartError(
            f"the server needs packages that are not installed ({', '.join(missing)}): pip install 'runwell[server]'"
        )


def require_loopback(host: str, allow_remote: bool) -> None:
    """Raises StartError for an address that others could reach, unless that was asked for."""
    if not allow_remote and not is_loopback(host):
        raise StartError(
            f"--host {host} can be reached by other machines, and Runwell has no authentication yet: "
            "use 127.0.0.1, or add --allow-remote on a network that you trust"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; a name other than localhost counts as remote."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_free_port(host: str, port: int, option: str) -> None:
    """Raises StartError where nothing can listen on the port; `option` is the flag that chooses another."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise StartError(f"port {port} needs more rights: choose one above 1023 with {option} PORT") from None
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise StartError(f"--host {host} is not an address of this machine ({error.strerror})") from None
            raise StartError(
                f"port {port} on {host} is in use: choose another with {option} PORT (0: any free one)"
            ) from None


def lock_directory(directory: Path) -> IO[str]:
    """Makes the data directory this process's own for as long as the result stays open; raises StartError."""
    try:
        (directory / "components").mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("a+")
    except OSError as error:
        raise StartError(f"cannot write to {directory} ({error.strerror}): choose another with --dir DIR") from None
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StartError(_who_runs_there(directory)) from None
    return lock


def _who_runs_there(directory: Path) -> str:
    said = read_json(directory / "server.json")
    if said is None:
        return f"another `runwell up` is starting on {directory}"
    return f"`runwell up` already runs on {directory} (process {said['pid']}): {said['http']}"


def read_json(path: Path) -> Any:
    """A small file that its writer replaces atomically; None while it is not there or is not ours."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def write_json(path: Path, value: Any) -> None:
    """Replaces the file in one step: a reader sees the old content or the new."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(value) + "\n")
    fresh.replace(path)
