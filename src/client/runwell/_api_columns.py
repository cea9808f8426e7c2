"""Reads the binary form of rows that a server sends: docs/formats.md has the picture."""

import json
import sys
from array import array
from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/vnd.runwell.columns"
MAGIC = b"RWCOLS\x02\x00"
TYPES = {"f64": "d", "i64": "q"}


def decode_rows(body: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """The rows, and the cursor of the next page. Raises ValueError, KeyError or TypeError for what is no such form."""
    if body[: len(MAGIC)] != MAGIC:
        raise ValueError("it does not begin as binary columns do")
    start = len(MAGIC) + 4 + int.from_bytes(body[len(MAGIC) : len(MAGIC) + 4], "little")
    blocks = memoryview(body)[start:]
    rows: list[dict[str, Any]] = []
    following = None
    for table in json.loads(body[len(MAGIC) + 4 : start]):
        rows += _rows(blocks, table)
        following = table["next"]
    return rows, following


def _rows(blocks: memoryview, table: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = {name: _values(blocks, column) for name, column in table["columns"].items()}
    sparse = {name: _values(blocks, column) for name, column in table["places"].items()}
    own = {name: _values(blocks, column) for name, column in table["own"].items()}
    whole = own | {name: values for name, values in columns.items() if name not in sparse}
    names = tuple(whole)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*whole.values(), strict=True)]
    for name, places in sparse.items():
        for place, value in zip(places, columns[name], strict=True):
            rows[place][name] = value
    return rows


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
