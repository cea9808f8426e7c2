"""Keys of metrics and summaries.

A nested value is stored under the path of its labels, joined by U+001F, so that ``{"a": {"b": 1}}`` and ``{"a.b": 1}``
stay two leaves; people see and type dots for both.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

PATH_SEPARATOR = "\x1f"

ROW_FIELDS = frozenset({"_step", "_timestamp", "_runtime"})
"""What every row has, so that asking for them narrows nothing."""


def join(labels: Iterable[str]) -> str:
    """The path of nested labels; a separator inside a label becomes a dot."""
    return PATH_SEPARATOR.join(label.replace(PATH_SEPARATOR, ".") for label in labels)


def shown(path: str) -> str:
    """The path as people see and type it."""
    return path.replace(PATH_SEPARATOR, ".")


def above(path: str) -> Iterator[str]:
    """The paths that it is below of."""
    place = path.find(PATH_SEPARATOR)
    while place >= 0:
        yield path[:place]
        place = path.find(PATH_SEPARATOR, place + 1)


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Turns path -> value into nested dicts. Where a path runs through another's value, the nested one wins."""
    tree: dict[str, Any] = {}
    for path in sorted(leaves, key=lambda path: path.count(PATH_SEPARATOR)):
        *branches, label = path.split(PATH_SEPARATOR)
        node = tree
        for branch in branches:
            child = node.get(branch)
            if not isinstance(child, dict):
                child = node[branch] = {}
            node = child
        node[label] = leaves[path]
    return tree
