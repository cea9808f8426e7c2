"""A section of a run's view (config, summary, …) as SQLite can query it: one flat JSON object of shown name to value.

The meaning of names is that of ``runwell.core.filters``: dots join labels, of two leaves of one name the one with fewer
labels wins, null is absent; names longer than FILTER_NAME_CHARACTERS_MAX are left out. What strict JSON lacks is written
as what a section never holds otherwise: NaN as an empty object; an infinity as an integer that no float holds, which
SQLite reads as one; a name that only begins others, and a list's nested value, as an empty list.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from runwell.core import limits
from runwell.core.filters import bounded, leaves

INFINITE = 10**400

compact = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""JSON text without blanks; made once, since json.dumps would make an encoder a call."""

_encode = msgspec.json.Encoder().encode


class Section(NamedTuple):
    """A section's JSON text, and its flat JSON object."""

    text: str
    leaves: str


def section_texts(section: Mapping[str, Any]) -> Section:
    """Both at once, since of most sections they are one: a float takes most of a microsecond to write."""
    if _is_flat(section):
        text = strict_json(section)
        return Section(text, text)
    return Section(compact(section), leaves_json(section))


def strict_json(value: Any) -> str:
    """JSON text of what holds no NaN and no infinity, in a tenth of the time of ``compact``."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return compact(value)


def _is_flat(section: Mapping[str, Any]) -> bool:
    """Whether every value is its own leaf and strict JSON."""
    return all(map(is_leaf, section.keys(), section.values()))


def is_leaf(label: str, value: Any) -> bool:
    """Whether a section has this value as its own leaf, in strict JSON."""
    kind = type(value)
    if kind is float:
        if not math.isfinite(value):
            return False
    elif kind is int:
        if bounded(value) is not value:
            return False
    elif kind is not str and kind is not bool:
        return False
    return "." not in label and len(label) <= limits.FILTER_NAME_CHARACTERS_MAX


def leaves_json(section: Mapping[str, Any]) -> str:
    """The section's flat JSON object."""
    named: dict[str, tuple[int, tuple[str, ...], Any]] = {}
    for path, value in leaves(section):
        name = ".".join(path)
        if len(name) > limits.FILTER_NAME_CHARACTERS_MAX:
            continue
        if name not in named or (len(path), path) < named[name][:2]:
            named[name] = (len(path), path, value)
    flat = {name: _strict(value) for name, (_, _, value) in named.items()}
    for name in named:
        place = name.find(".")
        while place >= 0:
            flat.setdefault(name[:place], [])
            place = name.find(".", place + 1)
    return strict_json(flat)


def list_json(values: list[Any]) -> str:
    """A list as a JSON array of scalars."""
    return strict_json(_strict(values))


def _strict(value: Any) -> Any:
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, list):
        return [[] if isinstance(item, list | dict) else _strict(item) for item in value]
    value = bounded(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {} if math.isnan(value) else int(math.copysign(1, value)) * INFINITE
    return value
