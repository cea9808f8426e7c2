"""What the dashboard is told when it starts."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from runwell_dashboard.alerting.config import AlertConfig

QUERY_THREADS = 8
"""Queries at once, each thread with a connection of its own; further requests wait for a thread."""

CONSISTENT_READ_S = 10.0
"""A read waits this long for the views to reach the log's end; then it is answered with 503, which says so."""

TAIL_POLL_S = 0.25
"""How often the views' position is looked at while someone follows a run."""

TAIL_KEEP_ALIVE_S = 15.0
"""A comment goes to a quiet follower this often, so that proxies keep the connection."""

TAILS_MAX = 256
"""Followers at once; a further one is told to come later."""

STOP_S = 5.0
"""Requests under way are given this long when the process is told to stop."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Raises ValueError for an address that is not loopback unless ``allow_remote``: nothing here checks who asks."""

    data_dir: Path
    host: str
    port: int
    allow_remote: bool = False
    blobs: str | None = None
    """URL of the blob store; without one, a folder in the data directory."""
    alerts: AlertConfig | None = None
    """Who is told of alerts; nobody without one."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"{self.port} is not a port")
        if not self.allow_remote and not is_loopback(self.host):
            raise ValueError(
                f"{self.host} is reachable from other machines and nothing here asks for a password; "
                "listen on 127.0.0.1, or say --allow-remote"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host; names but localhost count as remote."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def split_address(address: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, with an IPv6 host in brackets. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise ValueError(f"{address!r} is not HOST:PORT")
    return host.strip("[]"), int(port)
