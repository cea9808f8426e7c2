"""JSON within events. NaN, Infinity and -Infinity are values; an empty text is none."""

import json
from collections.abc import Iterable
from itertools import chain

from runwell.core import limits

SHOWN_CHARACTERS = 80


def value_fault(name: str, text: str) -> str | None:
    """Why ``text`` is no JSON value that readers can use; None when it is one or empty."""
    return _fault(name, text, must_be_object=False) if text else None


def object_fault(name: str, text: str) -> str | None:
    """Why ``text`` is no JSON object that readers can use; None when it is one or empty."""
    return _fault(name, text, must_be_object=True) if text else None


def paths_fault(set_json: str, removed: Iterable[str]) -> str | None:
    """Which path of a summary is longer than a key may be: every label of it would be a level to its readers."""
    set_paths = json.loads(set_json) if len(set_json) > limits.KEY_BYTES_MAX // 4 else ()
    for path in chain(set_paths, removed):
        if len(path) * 4 > limits.KEY_BYTES_MAX and len(path.encode(errors="replace")) > limits.KEY_BYTES_MAX:
            return f"key {path[:40]!r}… has more than {limits.KEY_BYTES_MAX} bytes; send a shorter key"
    return None


def cell_fault(name: str, text: str) -> str | None:
    """Why ``text`` is no JSON value that readers can use; unlike the others, a cell is never empty."""
    return _fault(name, text, must_be_object=False)


def _fault(name: str, text: str, *, must_be_object: bool) -> str | None:
    try:
        value = json.loads(text)
    except RecursionError:
        return _depth_fault(name)
    except ValueError as error:
        shown = repr(text[:SHOWN_CHARACTERS])
        return f"{name} {shown} is not JSON ({error}); log values that json.dumps() writes"
    if must_be_object and not isinstance(value, dict):
        return f"{name} is a {type(value).__name__} and must be a JSON object"
    # Brackets within strings count too here, so only a text with many needs the walk.
    if (
        text.count("[") + text.count("{") > limits.ADMITTED_JSON_DEPTH_MAX
        and _depth(value) > limits.ADMITTED_JSON_DEPTH_MAX
    ):
        return _depth_fault(name)
    return None


def _depth_fault(name: str) -> str:
    return f"{name} is nested deeper than {limits.ADMITTED_JSON_DEPTH_MAX} levels; log flatter values"


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        below: list[object] = []
        for node in level:
            if isinstance(node, dict):
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
        depth += any(isinstance(node, dict | list) for node in level)
        level = below
    return depth
