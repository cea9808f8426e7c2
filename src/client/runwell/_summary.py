"""``run.summary``: the last value of everything logged, and what was set by hand."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runwell._events import clean
from runwell._messages import warn
from runwell._values import convert_leaves
from runwell.core import keys

ReadLeaves = Callable[[], dict[str, Any]]
"""The latest value of each path, in the order of setting."""

WriteLeaves = Callable[[Mapping[str, Any], list[str]], None]
"""Sets values by path, media among them, after removing paths with everything below them."""


class SummaryView(Mapping[str, Any]):
    """The summary, or a nested part of it, by item and attribute."""

    _read: ReadLeaves
    _write: WriteLeaves
    _labels: tuple[str, ...]

    def __init__(self, read: ReadLeaves, write: WriteLeaves, labels: tuple[str, ...] = ()) -> None:
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_write", write)
        object.__setattr__(self, "_labels", labels)

    def update(self, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Sets each value, as by item."""
        leaves: dict[str, Any] = {}
        removed: list[str] = []
        for key, value in {**(values or {}), **more}.items():
            path = self._path(key)
            row = convert_leaves(path, value)
            for refused, reason in row.problems.items():
                warn(f"the summary value of {keys.shown(refused)[:100]!r} {reason}. It is left out")
            found = row.leaves | row.media
            if list(found) != [path]:
                removed.append(path)
            leaves.update(found)
        if leaves or removed:
            self._write(leaves, removed)

    def as_dict(self) -> dict[str, Any]:
        """A copy, with nested dicts."""
        tree: Any = newest_shape(self._read())
        for label in self._labels:
            tree = tree.get(label) if isinstance(tree, dict) else None
        return tree if isinstance(tree, dict) else {}

    def __getitem__(self, key: str) -> Any:
        value = self.as_dict()[key]
        if isinstance(value, dict) and "_type" not in value:
            return SummaryView(self._read, self._write, (*self._labels, key))
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self.as_dict():
            raise KeyError(key)
        self._write({}, [self._path(key)])

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the summary has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"the summary has no {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def _path(self, key: str) -> str:
        if not isinstance(key, str):
            raise TypeError(f"summary keys must be strings, and {key!r:.80} is of type {type(key).__name__}")
        return clean(keys.join((*self._labels, key)))


def newest_shape(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dicts out of paths in the order of setting: a later value replaces what is above or below its path."""
    tree: dict[str, Any] = {}
    # A value may be a dict itself, which nothing is put into.
    branching: set[int] = set()
    for path, value in leaves.items():
        *branches, label = path.split(keys.PATH_SEPARATOR)
        node = tree
        for branch in branches:
            if id(node.get(branch)) not in branching:
                node[branch] = {}
                branching.add(id(node[branch]))
            node = node[branch]
        node[label] = value
    return tree
