"""What an edit of a run says: read from JSON, with an error for whatever no run can have."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from runwell.core.keys import PATH_SEPARATOR, ROW_FIELDS, join, shown
from runwell.core.limits import JSON_DEPTH_MAX, KEY_BYTES_MAX
from runwell.v1 import event_pb2
from runwell_dashboard.answers import RequestError

TAGS_MAX = 200
"""Tags of a run, each of at most TEXT_CHARACTERS_MAX."""

TEXT_CHARACTERS_MAX = 500
NOTES_CHARACTERS_MAX = 200_000
TEXTS = {"name": TEXT_CHARACTERS_MAX, "group": TEXT_CHARACTERS_MAX, "notes": NOTES_CHARACTERS_MAX}
SECTIONS = ("config", "summary")
KNOWN = (*TEXTS, "tags", *SECTIONS, *(f"{section}_removed" for section in SECTIONS))


def annotation(content: Mapping[str, Any]) -> event_pb2.RunAnnotated:
    """The event for what is to be changed. Raises RequestError for what cannot be."""
    said = event_pb2.RunAnnotated()
    for name, value in content.items():
        if name in TEXTS:
            setattr(said.fields, name, edit_text(name, value, TEXTS[name]))
        elif name == "tags":
            said.fields.tags.values.extend(_tags(value))
            said.fields.tags.SetInParent()
        elif name not in KNOWN:
            raise wrong_edit(f"{name[:100]!r} cannot be changed; known are {', '.join(KNOWN)}")
    _config(said.config, _values(content, "config"), _paths(content, "config_removed"))
    _summary(said.summary, _values(content, "summary"), _paths(content, "summary_removed"))
    return said


def edit_text(name: str, value: Any, characters_max: int) -> str:
    """A text of an edit that is not too long. Raises RequestError."""
    if not isinstance(value, str) or len(value) > characters_max:
        raise wrong_edit(f"{name} must be a text of at most {characters_max} characters")
    return encodable(value)


def encodable(text: str) -> str:
    """A lone surrogate cannot travel as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def wrong_edit(problem: str) -> RequestError:
    """The error for an edit that cannot be understood."""
    return RequestError(400, "invalid_edit", f"the edit cannot be understood: {problem}")


def _config(said: event_pb2.ConfigSet, values: Mapping[str, Any], removed: Iterable[str]) -> None:
    for key, value in values.items():
        _check_key("config", key)
        _check_depth(f"config {key[:100]!r}", value)
    if values:
        said.set_json = json.dumps(values)
    said.removed.extend(removed)


def _summary(said: event_pb2.SummaryUpdated, values: Mapping[str, Any], removed: Iterable[str]) -> None:
    leaves: dict[str, Any] = {}
    said.removed.extend(removed)
    for path, value in values.items():
        _check_depth(f"summary {shown(path)[:100]!r}", value)
        found = dict(_leaves(path, value))
        for leaf in (path, *found):
            _check_key("summary", leaf)
        if list(found) != [path]:
            # What was there is replaced, not added to.
            said.removed.append(encodable(path))
        leaves |= found
    if leaves:
        said.set_json = json.dumps(leaves)


def _leaves(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict) or "_type" in value:
        yield path, value
        return
    for label, below in value.items():
        yield from _leaves(path + PATH_SEPARATOR + join([label]), below)


def _check_key(section: str, key: str) -> None:
    labels = key.split(PATH_SEPARATOR)
    if not all(label.strip() for label in labels) or len(key.encode("utf-8", "replace")) > KEY_BYTES_MAX:
        raise wrong_edit(f"the {section} key {shown(key)[:100]!r} is empty or has more than {KEY_BYTES_MAX} bytes")
    if section == "summary" and labels[0] in ROW_FIELDS:
        raise wrong_edit(f"{labels[0]} is the last row's own and cannot be set: log a row instead")


def _check_depth(what: str, value: Any) -> None:
    level, depth = [value], 0
    while level := [below for node in level for below in _below(node)]:
        depth += 1
        if depth > JSON_DEPTH_MAX:
            raise wrong_edit(f"{what} is nested deeper than {JSON_DEPTH_MAX} levels: use flatter values")


def _below(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _values(content: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    value = content.get(section, {})
    if not isinstance(value, dict):
        raise wrong_edit(f"{section} must be an object of new values by key")
    return value


def _paths(content: Mapping[str, Any], name: str) -> list[str]:
    value = content.get(name, [])
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise wrong_edit(f"{name} must be a list of keys")
    for path in value:
        _check_key(name.partition("_")[0], path)
    return [encodable(path) for path in value]


def _tags(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > TAGS_MAX:
        raise wrong_edit(f"tags must be a list of at most {TAGS_MAX} texts")
    return list(dict.fromkeys(edit_text("each tag", tag, TEXT_CHARACTERS_MAX) for tag in value))
