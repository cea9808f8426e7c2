"""``run.config``: what the run was started with. Values may be added; changing one takes permission."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runwell._events import json_bytes
from runwell._scalars import RefusedError
from runwell._values import as_mapping, convert_config_value
from runwell.core.limits import CONFIG_BYTES_MAX
from runwell.errors import ConfigError


class Config(Mapping[str, Any]):
    """Item and attribute access; ``update`` takes mappings, dataclasses and ``argparse.Namespace``."""

    _items: dict[str, Any]
    _publish: Callable[[dict[str, Any], list[str]], None]

    def __init__(self, publish: Callable[[dict[str, Any], list[str]], None]) -> None:
        object.__setattr__(self, "_items", {})
        object.__setattr__(self, "_publish", publish)

    def update(self, values: Any = None, allow_val_change: bool = False, **more: Any) -> None:
        """Sets values. Raises ConfigError where one would change and ``allow_val_change`` is false."""
        given = {**_entries(values), **more}
        changes = {key: _converted(key, value) for key, value in given.items()}
        changes = {key: value for key, value in changes.items() if not self._has(key, value)}
        changed = [key for key in changes if key in self._items and self._items[key] != changes[key]]
        if changed and not allow_val_change:
            key = changed[0]
            raise ConfigError(
                f"config {key!r} is {self._items[key]!r:.200} and would become {changes[key]!r:.200}: "
                "use config.update({...}, allow_val_change=True) if that is meant"
            )
        if not changes:
            return
        size = len(json_bytes(self._items | changes))
        if size > CONFIG_BYTES_MAX:
            raise ConfigError(
                f"the config would have {size:,} bytes, and the limit is {CONFIG_BYTES_MAX:,}: keep data in files"
            )
        self._items.update(changes)
        self._publish(changes, [])

    def setdefaults(self, values: Any) -> None:
        """Sets those values that are not there yet."""
        self.update({key: value for key, value in _entries(values).items() if key not in self._items})

    def as_dict(self) -> dict[str, Any]:
        """A copy, without keys that begin with an underscore."""
        return {key: self._items[key] for key in self}

    def adopt(self, values: Mapping[str, Any]) -> None:
        """Takes what an earlier attempt of the run had, where this one says nothing else. Publishes nothing."""
        for key, value in values.items():
            self._items.setdefault(key, value)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        del self._items[key]
        self._publish({}, [key])

    def __getattr__(self, name: str) -> Any:
        try:
            return self._items[name]
        except KeyError:
            raise AttributeError(f"the config has no {name!r}; it has {', '.join(self) or 'nothing yet'}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._items:
            raise AttributeError(f"the config has no {name!r}")
        del self[name]

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._items if not key.startswith("_"))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def _has(self, key: str, value: Any) -> bool:
        """Whether it already has that very value: 1, 1.0 and True are equal, and the last of them is kept."""
        return key in self._items and repr(self._items[key]) == repr(value)


def _entries(values: Any) -> dict[str, Any]:
    if values is None:
        return {}
    mapping = as_mapping(values)
    if mapping is None and hasattr(values, "keys"):
        mapping = {key: values[key] for key in values.keys()}  # noqa: SIM118  a dict-like need not be iterable
    if mapping is None and hasattr(values, "__dict__"):
        mapping = vars(values)
    if mapping is None:
        raise TypeError(f"config takes a dict, a dataclass or a namespace, not {type(values).__name__}")
    return {str(key).strip("-"): value for key, value in mapping.items()}


def _converted(key: str, value: Any) -> Any:
    """As JSON. What has no JSON form is kept as its text, since a config is read by people."""
    try:
        return convert_config_value(value)
    except TypeError:
        return str(value)
    except RefusedError as refused:
        raise ConfigError(f"config {key!r} {refused}") from None
