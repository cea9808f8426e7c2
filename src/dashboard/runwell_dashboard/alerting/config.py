"""``alerts.toml``: who is told of alerts. Everything that can be wrong with it is told at the start."""

import ipaddress
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FILE = "alerts.toml"
LEVELS = ("INFO", "WARN", "ERROR")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AlertConfigError(ValueError):
    """Says what is wrong, and where in the file."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Gets alerts as JSON, or as Slack takes them."""

    name: str
    url: str
    level: str = "INFO"
    """The least level that it is told of."""
    headers: dict[str, str] = field(default_factory=dict)
    slack: bool = False


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """The file's content."""

    targets: tuple[Webhook, ...] = ()
    private: tuple[Network, ...] = ()
    """Networks that no public address is in, which targets may be in nevertheless."""
    address: str = ""
    """Where people reach the pages; messages then have a link to the run."""


def find_config(data_dir: Path, given: Path | None) -> AlertConfig | None:
    """The file that was given, else ``alerts.toml`` in the data directory; None without one. Raises AlertConfigError."""
    path = given or data_dir / FILE
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if given is None:
            return None
        raise AlertConfigError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise AlertConfigError(f"{path}: {error}") from None
    try:
        return _read(content)
    except AlertConfigError as error:
        raise AlertConfigError(f"{path}: {error}") from None


def _read(content: dict[str, Any]) -> AlertConfig:
    table = _Table("", content)
    readers: dict[str, Callable[[_Table], Webhook]] = {"webhook": _webhook, "slack": _slack}
    targets = tuple(target for kind, read in readers.items() for target in table.tables(kind, read))
    config = AlertConfig(targets, tuple(map(_network, table.texts("private"))), table.text("address", ""))
    table.end()
    names = [target.name for target in targets]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise AlertConfigError(f"two targets are named {doubled[0]!r}; what was delivered is remembered by name")
    return config


def _webhook(table: "_Table") -> Webhook:
    headers = table.take("headers", dict, {})
    for name, value in headers.items():
        if not isinstance(value, str) or not (name + value).isascii() or not (name + value).isprintable():
            raise table.error(f"header {name!r} must be a text of printable ASCII characters")
    return Webhook(table.text("name"), _url(table), _level(table), headers)


def _slack(table: "_Table") -> Webhook:
    return Webhook(table.text("name"), _url(table), _level(table), slack=True)


def _url(table: "_Table") -> str:
    url = table.text("url")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise table.error("url is not an address such as https://example.com/hook")
    return url


def _level(table: "_Table") -> str:
    level = table.text("level", LEVELS[0])
    if level not in LEVELS:
        raise table.error(f"level is {level!r}, and must be one of {', '.join(LEVELS)}")
    return level


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise AlertConfigError(f"private: {text!r} is neither an address nor a network such as 10.0.0.0/8") from None


class _Table:
    """A table of the file, whose keys are taken one by one; what is left over is a mistake."""

    def __init__(self, place: str, content: dict[str, Any]) -> None:
        self._place = place
        self._content = dict(content)

    def error(self, problem: str) -> AlertConfigError:
        return AlertConfigError(f"{self._place}{problem}")

    def take(self, name: str, kind: type, default: Any = None) -> Any:
        """Raises AlertConfigError for a value of another kind, or none where there is no default."""
        value = self._content.pop(name, default)
        if value is None:
            raise self.error(f"{name} is missing")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"{name} has the wrong type")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        text: str = self.take(name, str, default)
        if default is None and not text:
            raise self.error(f"{name} is empty")
        return text

    def texts(self, name: str) -> list[str]:
        texts: list[str] = self.take(name, list, [])
        if not all(isinstance(text, str) for text in texts):
            raise self.error(f"{name} must be a list of texts")
        return texts

    def tables(self, name: str, read: "Callable[[_Table], Any]") -> list[Any]:
        """Each ``[[name]]``, read; raises AlertConfigError where one has what is not known."""
        found = []
        for number, content in enumerate(self.take(name, list, []), 1):
            if not isinstance(content, dict):
                raise self.error(f"{name} is written as [[{name}]]")
            table = _Table(f"{name} {number}: ", content)
            found.append(read(table))
            table.end()
        return found

    def end(self) -> None:
        if self._content:
            raise self.error(f"{next(iter(self._content))!r} is not known here; see docs/alerts.md")
