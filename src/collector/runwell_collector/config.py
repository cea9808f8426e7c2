"""What a collector is told at its start."""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runwell.core import limits


class ConfigError(ValueError):
    """The collector cannot be started so; the message says what to change."""


class Address(NamedTuple):
    """Where to listen; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """HOST:PORT, or [HOST]:PORT for IPv6. Raises ConfigError."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise ConfigError(f"{text!r} is no address: write HOST:PORT, such as 127.0.0.1:7070")
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class CollectorConfig:
    """``data_dir`` is D; the rest is where to listen, and limits that tests make smaller."""

    data_dir: Path
    grpc: Address
    http: Address
    allow_remote: bool = False
    blobs: str | None = None
    """URL of the blob store; without one, a folder in the data directory."""
    segment_bytes_max: int = limits.LOG_SEGMENT_BYTES
    commit_interval_s: float = limits.COMMIT_INTERVAL_S
    commit_gather_s: float = limits.COMMIT_GATHER_S
    liveness_interval_s: float = limits.HEARTBEAT_INTERVAL_S / 2
    disk_interval_s: float = 1.0

    def __post_init__(self) -> None:
        for address in (self.grpc, self.http):
            if not address.is_loopback and not self.allow_remote:
                raise ConfigError(
                    f"{address} can be reached from other machines, and there is no authentication yet: "
                    "listen on 127.0.0.1, or pass --allow-remote where the network is yours alone"
                )

    @property
    def log_dir(self) -> Path:
        """Where the event log is."""
        return self.data_dir / "log"


def listening(address: Address) -> socket.socket:
    """A socket that listens there. Raises ConfigError where that is in use or not this machine's."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise ConfigError(f"cannot listen on {address}: {error.strerror or error}; choose another one") from error
