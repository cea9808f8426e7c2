"""Rows of one shape: their keys, their types, and how they are packed."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runwell._events import json_bytes
from runwell.core import frames

TYPE_CODES: Mapping[type, str] = {float: "d", int: "q", bool: "?"}
"""Exactly these types are packed: a subclass, such as numpy.float64, is converted first."""

_HEAD = struct.Struct("<HBBI")
_ROW = struct.Struct("<8sIIqd")
_VALUES_OFFSET = frames.FRAME_HEADER_BYTES + frames.ROW_PREFIX.size


class Schema:
    """One shape of rows, and the last row of it, which is all that the summary needs to keep."""

    __slots__ = (
        "codes",
        "frame",
        "frame_bytes",
        "head",
        "id",
        "keys",
        "kinds",
        "last",
        "masked_head",
        "pack",
        "single",
        "unpack_values",
    )

    def __init__(self, schema_id: int, keys: Sequence[str], kinds: Sequence[type]) -> None:
        codes = "".join(TYPE_CODES[kind] for kind in kinds)
        row = struct.Struct(_ROW.format + codes)
        payload_bytes = row.size - (frames.FRAME_HEADER_BYTES - 4)
        self.id = schema_id
        self.keys: list[str] | None = list(keys)
        self.kinds: list[type] | None = list(kinds)
        self.codes = codes
        self.single = len(codes) == 1
        self.frame_bytes = row.size + 4
        self.pack = row.pack
        self.unpack_values = struct.Struct("<" + codes).unpack_from
        # The start of every frame of this shape but its checksum: magic, kind, flags and payload length.
        self.head = _HEAD.pack(frames.FRAME_MAGIC, frames.Kind.ROW, 0, payload_bytes)
        self.masked_head = _HEAD.pack(frames.FRAME_MAGIC, frames.Kind.ROW, frames.FLAG_MASKED, payload_bytes)
        columns = list(map(list, zip(keys, codes, strict=True)))
        self.frame = frames.encode(frames.Kind.SCHEMA, json_bytes({"id": schema_id, "columns": columns}))
        self.last: bytes | None = None

    def row_frame(self, record: int, step: int, time: float, masked: bool, values: Iterable[Any]) -> bytes:
        """One row as a frame. Raises struct.error when the step or a value is beyond 64 bits."""
        head = self.masked_head if masked else self.head
        return frames.sealed(self.pack(head, record & 0xFFFFFFFF, self.id, step, time, *values))

    def last_moment(self) -> tuple[int, int, float]:
        """The low 32 bits of the last row's record number, its step, and its time in unix seconds."""
        assert self.last is not None
        record = int.from_bytes(self.last[frames.FRAME_HEADER_BYTES - 4 : frames.FRAME_HEADER_BYTES], "little")
        _, step, time = frames.ROW_PREFIX.unpack_from(self.last, frames.FRAME_HEADER_BYTES)
        return record, step, time

    def last_values(self) -> tuple[int, dict[str, Any]]:
        """The low 32 bits of the last row's record number, and its values by path."""
        assert self.last is not None
        assert self.keys is not None
        record = int.from_bytes(self.last[frames.FRAME_HEADER_BYTES - 4 : frames.FRAME_HEADER_BYTES], "little")
        return record, dict(zip(self.keys, self.unpack_values(self.last, _VALUES_OFFSET), strict=True))


def no_schema() -> Schema:
    """A shape that no row has: its keys equal no list, and packing any row with it raises struct.error."""
    schema = Schema(0, (), ())
    schema.keys = schema.kinds = None
    schema.pack = struct.Struct("").pack
    return schema


def latest_row(
    schemas: Iterable[Schema], record: int, other: tuple[int, int, float] | None
) -> tuple[int, float] | None:
    """Step and time of the last row of all schemas, at whose writer's last ``record``, or of another row with its record."""
    rows = [] if other is None else [other]
    for schema in schemas:
        if schema.last is not None:
            low, step, at = schema.last_moment()
            rows.append((record - ((record - low) & 0xFFFFFFFF), step, at))
    return max(rows)[1:] if rows else None
