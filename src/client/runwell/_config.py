"""``run.config``: what the run was started with. Values may be added; changing one takes permission, a locked one nobody."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runwell._config_sources import entries_of
from runwell._events import json_bytes
from runwell._messages import warn
from runwell._scalars import RefusedError
from runwell._values import convert_config_value
from runwell.core.limits import CONFIG_BYTES_MAX
from runwell.errors import ConfigError


class Config(Mapping[str, Any]):
    """Item and attribute access; ``update`` takes mappings, dataclasses, ``argparse.Namespace``, absl flags and YAML files."""

    _items: dict[str, Any]
    _locked: dict[str, str]
    _publish: Callable[[dict[str, Any], list[str]], None]

    def __init__(self, publish: Callable[[dict[str, Any], list[str]], None]) -> None:
        object.__setattr__(self, "_items", {})
        object.__setattr__(self, "_locked", {})
        object.__setattr__(self, "_publish", publish)

    def update(self, values: Any = None, allow_val_change: bool | None = None, **more: Any) -> None:
        """Sets values. Raises ConfigError where one would change without ``allow_val_change``, but in a notebook.

        A value that is locked stays, with a warning.
        """
        given = {**entries_of(values), **more}
        changes = {key: _converted(key, value) for key, value in given.items()}
        changes = {key: value for key, value in changes.items() if not self._has(key, value) and self._is_free(key)}
        if not (in_notebook() if allow_val_change is None else allow_val_change):
            self._refuse_changes(changes)
        self._set(changes)

    def setdefaults(self, values: Any) -> None:
        """Sets those values that are not there yet."""
        self.update({key: value for key, value in entries_of(values).items() if key not in self._items})

    def update_locked(self, values: Any, user: str, _allow_val_change: bool | None = None) -> None:
        """Sets values that no later ``update`` changes; ``user`` is named to whoever tries."""
        self._lock({key: _converted(key, value) for key, value in entries_of(values).items()}, user)

    def merge_locked(self, values: Any, user: str, _allow_val_change: bool | None = None) -> None:
        """As ``update_locked``, but what is nested and not said stays as it is."""
        given = {key: _converted(key, value) for key, value in entries_of(values).items()}
        self._lock({key: _merged(self._items.get(key), value) for key, value in given.items()}, user)

    def persist(self) -> None:
        """Keeps what was changed within values, such as an item of a list; every other change is kept at once."""
        self._set({key: _converted(key, value) for key, value in self._items.items()})

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
        if key in self._items and not self._is_free(key):
            return
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

    def _refuse_changes(self, changes: Mapping[str, Any]) -> None:
        for key, value in changes.items():
            if key in self._items and self._items[key] != value:
                raise ConfigError(
                    f"config {key!r} is {self._items[key]!r:.200} and would become {value!r:.200}: "
                    "use config.update({...}, allow_val_change=True) if that is meant"
                )

    def _lock(self, values: Mapping[str, Any], user: str) -> None:
        self._set({key: value for key, value in values.items() if not self._has(key, value)})
        self._locked.update(dict.fromkeys(values, user))

    def _set(self, changes: dict[str, Any]) -> None:
        if not changes:
            return
        size = len(json_bytes(self._items | changes))
        if size > CONFIG_BYTES_MAX:
            raise ConfigError(
                f"the config would have {size:,} bytes, and the limit is {CONFIG_BYTES_MAX:,}: keep data in files"
            )
        self._items.update(changes)
        self._publish(changes, [])

    def _is_free(self, key: str) -> bool:
        if key not in self._locked:
            return True
        warn(f"Config item {key!r} was locked by {self._locked[key]!r} (ignored update).")
        return False

    def _has(self, key: str, value: Any) -> bool:
        """Whether it already has that very value: 1, 1.0 and True are equal, and the last of them is kept."""
        return key in self._items and repr(self._items[key]) == repr(value)


class ConfigStatic(Mapping[str, Any]):
    """The config as it is now, read-only."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __getitem__(self, key: str) -> Any:
        return vars(self)["_values"][key]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the config has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("config_static is read-only: use run.config")

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self)["_values"])

    def __len__(self) -> int:
        return len(vars(self)["_values"])

    def __repr__(self) -> str:
        return repr(vars(self)["_values"])


def in_notebook() -> bool:
    """Whether this is one: there people run cells again with other values, and mean it."""
    return "ipykernel" in sys.modules


def _merged(held: Any, value: Any) -> Any:
    if not (isinstance(held, dict) and isinstance(value, dict)):
        return value
    return held | {key: _merged(held.get(key), below) for key, below in value.items()}


def _converted(key: str, value: Any) -> Any:
    """As JSON. What has no JSON form is kept as its text, since a config is read by people."""
    try:
        return convert_config_value(value)
    except TypeError:
        return str(value)
    except RefusedError as refused:
        raise ConfigError(f"config {key!r} {refused}") from None
