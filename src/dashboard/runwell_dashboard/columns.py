"""Series as binary columns, which a page reads without parsing numbers; docs/formats.md has the picture.

    "RWCOLS" | version u8 = 1 | 0 u8 | directory length u32 | directory: UTF-8 JSON, padded by spaces | blocks

Little endian. The directory is a list of ``{"key", "points", "type", "steps", "times", "values", "values_bytes"}``;
"steps" (i64), "times" (f64, unix seconds) and "values" are offsets of blocks, counted from the first block, which, like
every other, begins at a multiple of 8 bytes. "type" is that of the values: "f64", "i64", "bool" (u8), or "json" (a UTF-8
JSON array), for what is none of these.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MEDIA_TYPE = "application/vnd.runwell.columns"
MAGIC = b"RWCOLS\x01\x00"
HEADER_BYTES = len(MAGIC) + 4
EXACT_INTEGER_MAX = 2**53


def encoded_values(values: Sequence[Any]) -> tuple[str, bytes]:
    """The type and the block of a column's values, without loss."""
    kinds = set(map(type, values))
    if kinds <= {float}:
        return "f64", np.asarray(values, "<f8").tobytes()
    if kinds == {bool}:
        return "bool", np.asarray(values, "u1").tobytes()
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return "i64", np.asarray(values, "<i8").tobytes()
    if kinds == {int, float} and all(abs(value) <= EXACT_INTEGER_MAX for value in values if type(value) is int):
        return "f64", np.asarray(values, "<f8").tobytes()
    return "json", json.dumps(values, separators=(",", ":")).encode("ascii")


def encode(series: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """The binary form of ``{key: {"steps", "times", "values"}}``."""
    blocks: list[bytes] = []
    entries: list[dict[str, Any]] = []
    length = 0

    def placed(block: bytes) -> int:
        nonlocal length
        start = length
        blocks.append(block + b"\0" * (-len(block) % 8))
        length += len(blocks[-1])
        return start

    for key, columns in series.items():
        kind, values = encoded_values(columns["values"])
        entries.append(
            {
                "key": key,
                "points": len(columns["steps"]),
                "type": kind,
                "steps": placed(np.asarray(columns["steps"], "<i8").tobytes()),
                "times": placed(np.asarray(columns["times"], "<f8").tobytes()),
                "values": placed(values),
                "values_bytes": len(values),
            }
        )
    directory = json.dumps(entries, separators=(",", ":")).encode("ascii")
    directory += b" " * (-(HEADER_BYTES + len(directory)) % 8)
    return b"".join([MAGIC, len(directory).to_bytes(4, "little"), directory, *blocks])
