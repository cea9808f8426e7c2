"""Series as binary columns, which a page reads without parsing numbers; docs/formats.md has the picture.

    "RWCOLS" | version u8 = 1 | 0 u8 | directory length u32 | directory: UTF-8 JSON, padded by spaces | blocks

Little endian. The directory is a list of ``{"key", "points", "type", "steps", "times", "values", "values_bytes"}``;
"steps" (i64), "times" (f64, unix seconds) and "values" are offsets of blocks, counted from the first block, which, like
every other, begins at a multiple of 8 bytes. "type" is that of the values: "f64", "i64", "bool" (u8), or "json" (a UTF-8
JSON array), for what is none of these.

Version 2 holds tables. Its directory is a list of what is to be said of each, with groups of columns, such as "columns":
``{name: {"type", "at", "bytes"}}``, where "at" is the offset of the column's block.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from runwell_projector.query import RowTable

MEDIA_TYPE = "application/vnd.runwell.columns"
MAGIC = b"RWCOLS\x01\x00"
HEADER_BYTES = len(MAGIC) + 4
TABLES_MAGIC = b"RWCOLS\x02\x00"


class ColumnLike(Protocol):
    """A column of the projector: ``array`` is a numpy array for the kinds "f64", "i64" and "bools"."""

    @property
    def kind(self) -> str:
        """Which kind."""
        ...

    @property
    def array(self) -> Any:
        """The values, for these kinds."""
        ...

    def objects(self) -> list[Any]:
        """The values as Python has them."""
        ...


class SeriesLike(Protocol):
    """A series of the projector: numpy arrays of steps and times, and a column of values."""

    @property
    def steps(self) -> Any:
        """The steps."""
        ...

    @property
    def times(self) -> Any:
        """Unix seconds."""
        ...

    @property
    def values(self) -> ColumnLike:
        """The values."""
        ...


Table = tuple[dict[str, Any], Mapping[str, Mapping[str, ColumnLike]]]
"""What is said of a table, and its columns by group and name."""
DTYPES = {"f64": ("f64", "<f8"), "i64": ("i64", "<i8"), "bools": ("bool", "u1")}


class Blocks:
    """Blocks one after the other, each at a multiple of 8 bytes."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._length = 0

    def add(self, block: bytes) -> int:
        """Where the block begins."""
        start = self._length
        self._blocks += [block, b"\0" * (-len(block) % 8)]
        self._length += len(block) + len(self._blocks[-1])
        return start

    def framed(self, magic: bytes, entries: list[dict[str, Any]]) -> bytes:
        """The whole answer."""
        directory = json.dumps(entries, separators=(",", ":")).encode("ascii")
        directory += b" " * (-(HEADER_BYTES + len(directory)) % 8)
        return b"".join([magic, len(directory).to_bytes(4, "little"), directory, *self._blocks])


def encode(series: Mapping[str, SeriesLike]) -> bytes:
    """The binary form of series by key."""
    blocks = Blocks()
    entries: list[dict[str, Any]] = []
    for key, found in series.items():
        kind, values = _encoded_column(found.values)
        entries.append(
            {
                "key": key,
                "points": len(found.steps),
                "type": kind,
                "steps": blocks.add(np.asarray(found.steps, "<i8").tobytes()),
                "times": blocks.add(np.asarray(found.times, "<f8").tobytes()),
                "values": blocks.add(values),
                "values_bytes": len(values),
            }
        )
    return blocks.framed(MAGIC, entries)


def encode_tables(tables: Sequence[Table]) -> bytes:
    """The binary form of tables."""
    blocks = Blocks()
    entries = []
    for said, groups in tables:
        entry = dict(said)
        for group, columns in groups.items():
            found = entry[group] = {}
            for name, column in columns.items():
                kind, data = _encoded_column(column)
                found[name] = {"type": kind, "at": blocks.add(data), "bytes": len(data)}
        entries.append(entry)
    return blocks.framed(TABLES_MAGIC, entries)


def encode_rows(tables: Sequence[RowTable], following: str | None) -> bytes:
    """The binary form of a page of rows: what every row has is in "own", and "places" says which rows a column has."""
    found: list[Table] = []
    for table in tables:
        columns = {key: values for key, (_, values) in table.columns.items()}
        places = {key: Plain(rows) for key, (rows, _) in table.columns.items() if len(rows) < len(table.steps)}
        own = {"_step": Plain(table.steps), "_timestamp": Plain(table.times), "_runtime": Plain(table.runtimes)}
        found.append(
            ({"rows": len(table.steps), "next": following}, {"own": own, "columns": columns, "places": places})
        )
    return encode_tables(found or [({"rows": 0, "next": following}, {"own": {}, "columns": {}, "places": {}})])


class Plain:
    """An array of numbers as a column."""

    def __init__(self, array: Any) -> None:
        self.kind = "f64" if array.dtype.kind == "f" else "i64"
        self.array = array

    def objects(self) -> list[Any]:
        """The numbers."""
        values: list[Any] = self.array.tolist()
        return values


def _encoded_column(column: ColumnLike) -> tuple[str, bytes]:
    if column.kind in DTYPES:
        name, dtype = DTYPES[column.kind]
        return name, np.ascontiguousarray(column.array, dtype).tobytes()
    return "json", json.dumps(column.objects(), separators=(",", ":")).encode("ascii")
