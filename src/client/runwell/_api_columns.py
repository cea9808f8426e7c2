"""Reads the binary forms of rows and series that a server sends (docs/formats.md has the picture), and puts pages together."""

import json
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/vnd.runwell.columns"
SERIES_MAGIC = b"RWCOLS\x01\x00"
TABLES_MAGIC = b"RWCOLS\x02\x00"
TYPES = {"f64": "d", "i64": "q"}


@dataclass(frozen=True, slots=True)
class ColumnPage:
    """Some rows of a history, column by column."""

    rows: int
    columns: Mapping[str, tuple[Sequence[int] | None, list[Any]]]
    """Of each key the places of the rows that have a value (None: all of them), and the values."""

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]]) -> "ColumnPage":
        """The rows, turned."""
        columns: dict[str, tuple[list[int], list[Any]]] = {}
        for place, row in enumerate(rows):
            for key, value in row.items():
                places, values = columns.setdefault(key, ([], []))
                places.append(place)
                values.append(value)
        dense = {
            key: (None if len(places) == len(rows) else places, values) for key, (places, values) in columns.items()
        }
        return cls(len(rows), dense)

    def to_rows(self) -> list[dict[str, Any]]:
        """The rows as dicts."""
        whole = {name: values for name, (places, values) in self.columns.items() if places is None}
        names = tuple(whole)
        rows = [dict(zip(names, values, strict=True)) for values in zip(*whole.values(), strict=True)]
        for name, (places, values) in self.columns.items():
            for place, value in zip(places or (), values, strict=False):
                rows[place][name] = value
        return rows

    def filled(self, key: str) -> list[Any]:
        """A value a row; None where there is none."""
        places, values = self.columns.get(key, ((), []))
        if places is None:
            return values
        found = [None] * self.rows
        for place, value in zip(places, values, strict=True):
            found[place] = value
        return found

    def having(self, keys: Iterable[str]) -> "ColumnPage":
        """The rows that have all these keys."""
        sparse = [self.columns.get(key, ((), []))[0] for key in keys]
        if all(places is None for places in sparse):
            return self
        kept = sorted(set.intersection(*(set(places) for places in sparse if places is not None)))
        columns = {key: (None, [values[place] for place in kept]) for key, values in self._all_filled()}
        return ColumnPage(len(kept), columns)

    def _all_filled(self) -> Iterator[tuple[str, list[Any]]]:
        return ((key, self.filled(key)) for key in self.columns)


def joined(pages: Iterable[ColumnPage]) -> dict[str, list[Any]]:
    """One list a key, over all pages, with None where a row has no value."""
    found: dict[str, list[Any]] = {}
    rows = 0
    for page in pages:
        for key in page.columns:
            if key not in found:
                found[key] = [None] * rows
        for key, values in found.items():
            values += page.filled(key)
        rows += page.rows
    return found


def decode_page(body: bytes) -> tuple[list[ColumnPage], str | None]:
    """A page of rows in pieces, and the cursor of the next one. Raises ValueError, KeyError or TypeError for what is none."""
    directory, blocks = _opened(body, TABLES_MAGIC)
    return [_page(blocks, table) for table in directory], directory[-1]["next"] if directory else None


def decode_series(body: bytes, axis: str) -> dict[str, tuple[list[Any], list[Any]]]:
    """``_step`` or ``_timestamp`` of each series, and its values. Raises as ``decode_page`` does."""
    directory, blocks = _opened(body, SERIES_MAGIC)
    kind, name = ("i64", "steps") if axis == "_step" else ("f64", "times")
    found = {}
    for entry in directory:
        x = _values(blocks, {"type": kind, "at": entry[name], "bytes": 8 * entry["points"]})
        values = _values(blocks, {"type": entry["type"], "at": entry["values"], "bytes": entry["values_bytes"]})
        found[entry["key"]] = x, values
    return found


def _opened(body: bytes, magic: bytes) -> tuple[list[dict[str, Any]], memoryview]:
    """The directory and the blocks."""
    if body[: len(magic)] != magic:
        raise ValueError("it does not begin as binary columns do")
    start = len(magic) + 4 + int.from_bytes(body[len(magic) : len(magic) + 4], "little")
    return json.loads(body[len(magic) + 4 : start]), memoryview(body)[start:]


def _page(blocks: memoryview, table: Mapping[str, Any]) -> ColumnPage:
    sparse = {name: _values(blocks, column) for name, column in table["places"].items()}
    columns = {name: (None, _values(blocks, column)) for name, column in table["own"].items()}
    columns |= {name: (sparse.get(name), _values(blocks, column)) for name, column in table["columns"].items()}
    return ColumnPage(table["rows"], columns)


def _values(blocks: memoryview, column: Mapping[str, Any]) -> list[Any]:
    data = blocks[column["at"] : column["at"] + column["bytes"]]
    if column["type"] == "bool":
        return list(map(bool, data))
    if column["type"] == "json":
        values: list[Any] = json.loads(bytes(data))
        return values
    found: array[Any] = array(TYPES[column["type"]], data.tobytes())
    if sys.byteorder == "big":
        found.byteswap()
    return found.tolist()
