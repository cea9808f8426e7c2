"""Columns of sealed rows as bytes, exact to the last bit.

Numbers are compressed by pcodec, which of what was measured is smallest and reads fastest (docs/architecture.md has the
figures); texts, which are rare, by zlib. A column whose rows are of several kinds is kept as one column a kind and a
column that tells which row is of which.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, standalone

from runwell.core.rows import decode_json

Array = npt.NDArray[Any]

KINDS = ("f64", "i64", "bools", "json", "mixed")
"""A kind's number in the views is its place here."""

DTYPES: dict[str, type] = {"f64": np.float64, "i64": np.int64, "bools": np.bool_}
MIXED = KINDS.index("mixed")

COMPRESSION = ChunkConfig(compression_level=4)
"""8 takes a hundredth less and five times as long."""


@dataclass(frozen=True, slots=True)
class Values:
    """One key's values, a row each.

    ``array`` is of the kind's type; for "json" it is a list of texts, for "mixed" the kinds' numbers, and ``parts`` has
    each kind's values.
    """

    kind: str
    array: Any
    parts: "tuple[Values, ...]" = ()

    def __len__(self) -> int:
        return len(self.array)

    def objects(self) -> list[Any]:
        """The values as Python has them."""
        if self.kind == "json":
            return [decode_json(text) for text in self.array]
        if self.kind != "mixed":
            values: list[Any] = self.array.tolist()
            return values
        iterators = {KINDS.index(part.kind): iter(part.objects()) for part in self.parts}
        return [next(iterators[kind]) for kind in self.array.tolist()]

    def chosen(self, choice: Array) -> "Values":
        """The values at some places, or where a mask is true."""
        if self.kind == "json":
            places = np.flatnonzero(choice) if choice.dtype == np.bool_ else choice
            return Values("json", [self.array[place] for place in places.tolist()])
        if self.kind != "mixed":
            return Values(self.kind, self.array[choice])
        places = np.flatnonzero(choice) if choice.dtype == np.bool_ else choice
        parts = []
        for part in self.parts:
            number = KINDS.index(part.kind)
            ranks = np.cumsum(self.array == number) - 1
            parts.append(part.chosen(ranks[places[self.array[places] == number]]))
        return Values("mixed", self.array[places], tuple(parts))

    def numbers(self) -> npt.NDArray[np.float64]:
        """The values as floats; NaN for what is no number."""
        if self.kind in DTYPES:
            return np.asarray(self.array, np.float64)
        return np.fromiter((_float(value) for value in self.objects()), np.float64, len(self))


def _float(value: Any) -> float:
    if not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def joined(parts: Sequence[Values]) -> Values:
    """The values of one key one after the other."""
    kinds = {part.kind for part in parts}
    if len(parts) == 1:
        return parts[0]
    if kinds == {"json"}:
        return Values("json", [text for part in parts for text in part.array])
    if len(kinds) == 1 and "mixed" not in kinds:
        return Values(parts[0].kind, np.concatenate([part.array for part in parts]))
    simple = [piece for part in parts for piece in (part.parts or (part,))]
    tags = [
        part.array if part.kind == "mixed" else np.full(len(part), KINDS.index(part.kind), np.uint16) for part in parts
    ]
    of_kind = {kind: [piece for piece in simple if piece.kind == kind] for kind in KINDS[:MIXED]}
    return Values("mixed", np.concatenate(tags), tuple(joined(pieces) for pieces in of_kind.values() if pieces))


def encode(values: Values) -> bytes:
    """The bytes of a column."""
    if values.kind == "json":
        return zlib.compress(json.dumps(values.array, separators=(",", ":")).encode("ascii"))
    if values.kind == "bools":
        return encode_numbers(values.array.astype(np.uint16))
    if values.kind != "mixed":
        return encode_numbers(values.array)
    pieces = [encode_numbers(values.array)]
    for part in values.parts:
        pieces += [bytes([KINDS.index(part.kind)]), encode(part)]
    return framed(pieces)


def decode(kind: str, data: bytes) -> Values:
    """The column of ``encode``."""
    if kind == "json":
        return Values(kind, json.loads(zlib.decompress(data)))
    if kind == "bools":
        return Values(kind, decode_numbers(data, np.uint16).astype(np.bool_))
    if kind != "mixed":
        return Values(kind, decode_numbers(data, DTYPES[kind]))
    tags, *pieces = unframed(data)
    parts = (decode(KINDS[number[0]], piece) for number, piece in zip(pieces[::2], pieces[1::2], strict=True))
    return Values(kind, decode_numbers(tags, np.uint16), tuple(parts))


def encode_numbers(array: Array) -> bytes:
    """Numbers of 16 or 64 bits."""
    return standalone.simple_compress(np.ascontiguousarray(array), COMPRESSION)


def decode_numbers(data: bytes, dtype: type) -> Array:
    """The array of ``encode_numbers``."""
    found = standalone.simple_decompress(data)
    return np.zeros(0, dtype) if found is None else found


def framed(pieces: Sequence[bytes]) -> bytes:
    """Several byte strings as one."""
    return struct.pack(f"<{len(pieces) + 1}I", len(pieces), *map(len, pieces)) + b"".join(pieces)


def unframed(data: bytes) -> list[bytes]:
    """The byte strings of ``framed``."""
    (count,) = struct.unpack_from("<I", data)
    lengths = struct.unpack_from(f"<{count}I", data, 4)
    pieces, place = [], 4 * (count + 1)
    for length in lengths:
        pieces.append(data[place : place + length])
        place += length
    return pieces
