"""Cells of tables: which types go together in a column, and the JSON form of each."""

import math
from collections.abc import Mapping
from typing import Any

from runwell._events import clean
from runwell._values import convert_config_value
from runwell.media.values import Inline, Media, library_of

KINDS: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", bytes: "bytes"}
ARRAY_KINDS = {"b": "boolean", "i": "number", "u": "number", "f": "number", "U": "string"}


def cell_kind(value: Any) -> str:
    """The type of a cell that is not None, in words; what a list or a dict has in it is part of it."""
    kind = KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, Media | Inline):
        return type(value).__name__
    if hasattr(value, "dtype") and hasattr(value, "ndim"):
        return ARRAY_KINDS.get(getattr(value.dtype, "kind", "f"), "object") if not value.ndim else "array"
    if hasattr(value, "isoformat"):
        return "time"
    if isinstance(value, list | tuple):
        inner = {cell_kind(item) for item in value if item is not None}
        return f"list of {inner.pop()}" if len(inner) == 1 else "list"
    if isinstance(value, Mapping):
        return "dict"
    for base, name in KINDS.items():
        if isinstance(value, base):
            return name
    return type(value).__name__


def fits(known: str | None, kind: str) -> bool:
    """Whether a column of the one takes the other; an empty list goes with any list."""
    if known in (None, "any", kind):
        return True
    return (known == "list" and kind.startswith("list")) or (kind == "list" and str(known).startswith("list"))


def cell_form(value: Any) -> Any:
    """The JSON value. Times are milliseconds since 1970, as wandb has them; NaN and infinities stay."""
    kind = type(value)
    if kind is float or kind is bool or kind is int or value is None:
        return value
    if kind is str:
        return clean(value)
    if hasattr(value, "timestamp") and hasattr(value, "isoformat"):
        seconds = value.timestamp()
        return None if math.isnan(seconds) else int(seconds * 1000)
    if library_of(value) == "numpy" and getattr(value, "dtype", None) is not None and value.dtype.kind == "M":
        return _numpy_time(value)
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [cell_form(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): cell_form(item) for key, item in value.items()}
    try:
        return convert_config_value(value)
    except TypeError:
        return clean(str(value))


def _numpy_time(value: Any) -> Any:
    return value.astype("datetime64[ms]").astype("int64").tolist()
