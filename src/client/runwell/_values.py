"""What ``log()`` makes of values: nested mappings become paths, everything else JSON, or is refused by name."""

import math
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from types import GeneratorType
from typing import Any

from runwell._events import clean
from runwell._scalars import RefusedError, integer, scalar, text
from runwell.core import keys, limits
from runwell.errors import RowTooLargeError
from runwell.media.figures import MEDIA_LIBRARIES, made_of
from runwell.media.values import Batch, Chart, Inline, Media, has_media, library_of

TABLE_SUFFIX = "_table"
"""A chart's table is logged under the chart's key with this."""

LIST_ELEMENTS_MAX = 32
"""An array with more elements becomes a histogram."""

HISTOGRAM_BINS = 32
VALUES_MAX = limits.RECORD_BYTES_MAX // 2
"""Values in a row, within lists too: each takes at least two bytes of JSON, so more can never fit."""


_PLAIN = frozenset({float, int, bool, str, type(None)})


class Row:
    """A converted row: values by path, the time that the user gave, and what was left out and why."""

    __slots__ = ("leaves", "media", "problems", "time")

    def __init__(self) -> None:
        self.leaves: dict[str, Any] = {}
        self.media: dict[str, Media] = {}
        """Values with files, which are encoded later."""
        self.time: float | None = None
        self.problems: dict[str, str] = {}


def convert_row(data: Mapping[str, Any]) -> Row:
    """Converts what was given to ``log()``. Raises TypeError for what no tracker can keep, and RowTooLargeError."""
    if not isinstance(data, Mapping):
        raise TypeError(f"runwell.log must be passed a dictionary, not {type(data).__name__}")
    for key in data:
        if not isinstance(key, str):
            raise TypeError(
                f"Key values passed to `runwell.log` must be strings, and {key!r:.80} is of type {type(key).__name__}"
            )
    row = Row()
    entries = {key: value for key, value in data.items() if key not in ("_step", "_timestamp")}
    if "_timestamp" in data:
        row.time = _unix_time(data["_timestamp"])
        if row.time is None:
            row.problems["_timestamp"] = "is no number of seconds since 1970"
    _Walk(row).mapping((), entries)
    return row


def convert_leaves(path: str, value: Any) -> Row:
    """Converts one value for a summary, with its nested values by path."""
    row = Row()
    _Walk(row).entry(tuple(clean(path).split(keys.PATH_SEPARATOR)), value)
    return row


def convert_config_value(value: Any) -> Any:
    """Converts a value of the config to JSON, nested ones included. Raises TypeError and RefusedError."""
    return _ConfigWalk(Row()).value(value, 1)


class _Walk:
    def __init__(self, row: Row) -> None:
        self.row = row
        self.values = 0
        self.ancestors: set[int] = set()

    def mapping(self, labels: tuple[str, ...], entries: Mapping[Any, Any]) -> None:
        if id(entries) in self.ancestors:
            self.refuse(keys.join(labels), "contains itself")
            return
        if len(labels) >= limits.JSON_DEPTH_MAX:
            self.refuse(keys.join(labels), f"is nested deeper than {limits.JSON_DEPTH_MAX} levels")
            return
        self.ancestors.add(id(entries))
        for key, value in entries.items():
            self.entry((*labels, _label(key)), value)
        self.ancestors.discard(id(entries))

    def entry(self, labels: tuple[str, ...], value: Any) -> None:
        nested = as_mapping(value)
        if nested is not None:
            self.mapping(labels, nested)
            return
        path = keys.join(labels)
        if len(path) > limits.KEY_BYTES_MAX or len(path.encode()) > limits.KEY_BYTES_MAX:
            self.refuse(path, f"has a key of more than {limits.KEY_BYTES_MAX} bytes: shorten it")
            return
        if len(self.row.leaves) >= limits.ROW_KEYS_MAX:
            raise RowTooLargeError("keys or more", limits.ROW_KEYS_MAX + 1, limits.ROW_KEYS_MAX)
        try:
            media = None if type(value) in _PLAIN else self.media(value, len(labels))
            if isinstance(media, Chart):
                path, media = path + TABLE_SUFFIX, media.table(keys.shown(path))
            if media is None:
                self.row.leaves[path] = self.value(value, len(labels))
            else:
                self.row.media[path] = media
        except RefusedError as refused:
            self.refuse(path, str(refused))

    def media(self, value: Any, depth: int) -> Media | Chart | None:
        """The value when it has files."""
        if isinstance(value, list | tuple | Mapping):
            if not has_media(value, MEDIA_LIBRARIES):
                return None
            if depth >= limits.JSON_DEPTH_MAX:
                raise RefusedError(f"is nested deeper than {limits.JSON_DEPTH_MAX} levels")
            if isinstance(value, Mapping):
                return Batch({_label(key): self._item(item, depth + 1) for key, item in value.items()})
            return Batch([self._item(item, depth + 1) for item in value])
        if isinstance(value, Media | Chart):
            return value
        return None if library_of(value) not in MEDIA_LIBRARIES else made_of(value)

    def _item(self, value: Any, depth: int) -> Any:
        media = self.media(value, depth)
        if isinstance(media, Chart):
            return media.table("")
        return self.value(value, depth) if media is None else media

    def refuse(self, path: str, reason: str) -> None:
        self.row.problems[path] = reason

    def value(self, value: Any, depth: int) -> Any:
        self.values += 1
        if self.values > VALUES_MAX:
            raise RowTooLargeError("values or more", self.values, VALUES_MAX)
        kind = type(value)
        if kind is float or kind is bool or value is None:
            return value
        if kind is int:
            return integer(value)
        if kind is str:
            return text(value)
        if depth >= limits.JSON_DEPTH_MAX:
            raise RefusedError(f"is nested deeper than {limits.JSON_DEPTH_MAX} levels")
        if isinstance(value, Inline):
            return value.to_json()
        nested = as_mapping(value)
        if nested is not None or isinstance(value, list | tuple | set | frozenset | deque | GeneratorType):
            return self.container(value, nested, depth)
        if _is_array(value):
            return self.array(value, depth)
        if isinstance(value, Enum) and not isinstance(value, int | float | str):
            return self.value(value.value, depth + 1)
        return scalar(value)

    def container(self, value: Any, nested: Mapping[Any, Any] | None, depth: int) -> Any:
        if id(value) in self.ancestors:
            raise RefusedError("contains itself")
        self.ancestors.add(id(value))
        try:
            if nested is not None:
                return {_label(key): self.value(item, depth + 1) for key, item in nested.items()}
            return [self.value(item, depth + 1) for item in _elements(value)]
        finally:
            self.ancestors.discard(id(value))

    def array(self, value: Any, depth: int) -> Any:
        size = _size(value)
        if size == 1:
            item = value.item()
            # A number wider than 64 bits stays what it is.
            return self.value(float(item) if type(item) is type(value) else item, depth + 1)
        if size <= LIST_ELEMENTS_MAX:
            return self.value(value.tolist(), depth + 1)
        return _histogram(value)


class _ConfigWalk(_Walk):
    """As wandb's config has it: members of enumerations are their names, NaN is None, slices are dicts, ranges lists."""

    def value(self, value: Any, depth: int) -> Any:
        if isinstance(value, Enum):
            return clean(value.name)
        if isinstance(value, slice):
            return {f"slice_{part}": self.value(getattr(value, part), depth + 1) for part in ("start", "step", "stop")}
        if isinstance(value, range):
            return self.container(value, None, depth)
        converted = super().value(value, depth)
        return None if isinstance(converted, float) and math.isnan(converted) else converted


def as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """The value as a mapping when it is one, or a dataclass's instance."""
    if isinstance(value, Mapping):
        return value
    # The module dataclasses is not imported for this: it costs 7 ms.
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    return None


def _unix_time(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _label(key: Any) -> str:
    if isinstance(key, str):
        return clean(key)
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, tuple):
        return ",".join(map(_label, key))
    return clean(str(key))


def _elements(value: Iterable[Any]) -> Iterator[Any]:
    if isinstance(value, set | frozenset):
        try:
            return iter(sorted(value))
        except TypeError:
            return iter(sorted(value, key=repr))
    return iter(value)


def _is_array(value: Any) -> bool:
    """Whether it is a numpy scalar or array, or a tensor of any library that looks like one."""
    return hasattr(value, "dtype") and hasattr(value, "item") and hasattr(value, "tolist")


def _size(value: Any) -> int:
    size = getattr(value, "size", 1)
    return int(value.numel()) if callable(size) else int(size)


def _histogram(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    elements = value
    for step in ("detach", "cpu", "numpy"):
        elements = getattr(elements, step)() if hasattr(elements, step) else elements
    if numpy is None or not hasattr(elements, "astype"):
        raise RefusedError(
            f"is an array of {_size(value):,} elements, and only numpy can make a histogram of it: import numpy"
        )
    try:
        numbers = numpy.asarray(elements).astype(float).ravel()
    except (TypeError, ValueError):
        raise TypeError(f"an array of {value.dtype} is not JSON serializable") from None
    numbers = numbers[numpy.isfinite(numbers)]
    if not len(numbers):
        raise RefusedError("is an array without a finite number")
    try:
        with numpy.errstate(all="ignore"):
            counts, edges = numpy.histogram(numbers, bins=HISTOGRAM_BINS)
    except ValueError as error:
        raise RefusedError(f"is an array that numpy makes no histogram of ({error})") from None
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}
