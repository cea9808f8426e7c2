"""One delivery: bounded in time, to an address that was looked at, without following anybody elsewhere."""

import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from runwell_dashboard.alerting.config import AlertConfig, Network, Webhook

DELIVERY_S = 10.0
"""For one delivery in all, after the name was found; a receiver that sends a byte now and then has no longer."""

REFUSED_FOR_GOOD = frozenset({400, 413, 422})
"""The receiver does not take this alert, now or later."""

Alert = dict[str, Any]


class DeliveryError(Exception):
    """It did not work; ``final`` when trying again is of no use. The text names no URL, since those of Slack are secrets."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


def deliver(target: Webhook, alert: Alert, config: AlertConfig) -> None:
    """Returns when the receiver has it. Raises DeliveryError."""
    content = slack_content(alert, config) if target.slack else webhook_content(alert, config)
    status = _post(target, json.dumps(content).encode("ascii"), config.private)
    if not 200 <= status < 300:
        hint = "; redirects are not followed" if 300 <= status < 400 else ""
        raise DeliveryError(f"it answered with status {status}{hint}", final=status in REFUSED_FOR_GOOD)


def webhook_content(alert: Alert, config: AlertConfig) -> dict[str, Any]:
    """What a webhook gets; "id" is the same in every delivery of one alert."""
    names = ("entity", "project", "run_id", "time", "title", "text", "level", "rule")
    link = {"url": run_address(alert, config)} if config.address else {}
    return {"id": f"{alert['writer']}-{alert['record']}", **{name: alert[name] for name in names}, **link}


def slack_content(alert: Alert, config: AlertConfig) -> dict[str, Any]:
    """What Slack, and what understands its messages, gets."""
    run = _escaped("/".join((alert["entity"], alert["project"], alert["run_id"])))
    shown = f"<{run_address(alert, config)}|{run}>" if config.address else run
    lines = [f"*{alert['level']}: {_escaped(alert['title'])}*", _escaped(alert["text"]), shown]
    return {"text": "\n".join(line for line in lines if line)}


def run_address(alert: Alert, config: AlertConfig) -> str:
    """Where a run's page is."""
    parts = (quote(alert[name], safe="", errors="replace") for name in ("entity", "project", "run_id"))
    return "/".join((config.address.rstrip("/"), *parts))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(target: Webhook, body: bytes, private: Sequence[Network]) -> int:
    """The status that the receiver answers with."""
    parts = urlsplit(target.url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port, timeout=DELIVERY_S)
    try:
        connection.sock = connect(host, port, private)
        with Deadline(connection.sock):
            if parts.scheme == "https":
                connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
            connection.request("POST", path, body, {"Content-Type": "application/json", **target.headers})
            return connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DeliveryError(_reason(error)) from None
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {DELIVERY_S:g} s"
    return f"{type(error).__name__}: {error}"[:200]


def connect(host: str, port: int, private: Sequence[Network]) -> socket.socket:
    """A connection to the first address of a name that answers. Raises DeliveryError, or OSError.

    The address that was looked at is the one that is connected to: a name that points elsewhere a moment later changes nothing.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not is_allowed(str(address[0]), private):
            raise DeliveryError(
                f"{host} is at {address[0]}, which is no public address; name it under private in alerts.toml if it is meant"
            )
    *_, address = found[0]
    return socket.create_connection((str(address[0]), port), timeout=DELIVERY_S)


def is_allowed(text: str, private: Sequence[Network]) -> bool:
    """Whether an address is public, or in a network that is allowed."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if any(address in network for network in private):
        return True
    return address.is_global and not address.is_multicast


class Deadline:
    """Ends what uses a socket when its time is over, however slowly it goes on."""

    def __init__(self, connected: socket.socket) -> None:
        # A wrapping TLS socket takes the descriptor over; this one shares the connection.
        self._connected = connected.dup()
        self._timer = threading.Timer(DELIVERY_S, self._end)
        self._timer.daemon = True
        self._over = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self._connected.close()
        # What was read by then looks whole: http.client takes an end within the headers for theirs.
        if self._over:
            raise TimeoutError

    def _end(self) -> None:
        self._over = True
        with suppress(OSError):
            self._connected.shutdown(socket.SHUT_RDWR)
