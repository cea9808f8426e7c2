"""Packed rows as they stand in a segment, checked and cut into columns many at a time.

A training loop logs rows of one schema one after the other, so their frames have one size, and a column is the same few
bytes of each. Reading such a stretch as a whole costs a third of a microsecond a row, most of it the CRC; frame by frame
it costs two. What is checked is the same.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from runwell.core.frames import FRAME_BODY, FRAME_HEADER_BYTES, FRAME_MAGIC, ROW_PREFIX, Kind

ROWS_MIN = 16
"""Fewer rows in a row are read frame by frame, which costs no more."""

_CRC = 0, 4
"""Of a field its place in a frame and its width, in bytes."""

_HEAD = 4, 8
"""Magic, kind, flags and payload length: what all frames of a stretch have in common, as they have the schema."""
_FLAGS = 7
_RECORD = 12, 4
_SCHEMA = FRAME_HEADER_BYTES, 4
_RECORDS = 1 << 32


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Whole frames of ``frame_bytes`` each: rows of one schema, with consecutive record numbers and the same flags."""

    frames: bytes
    frame_bytes: int

    @property
    def count(self) -> int:
        return len(self.frames) // self.frame_bytes

    @property
    def flags(self) -> int:
        return self.frames[_FLAGS]

    @property
    def schema_id(self) -> bytes:
        return self.frames[_SCHEMA[0] : sum(_SCHEMA)]

    @property
    def crcs(self) -> bytes:
        """The CRC of each frame, four bytes each."""
        return column(self.frames, self.frame_bytes, *_CRC)

    def records(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Kind, flags, crc and payload of each."""
        frame = struct.Struct(f"<I2xBB8x{self.frame_bytes - FRAME_HEADER_BYTES}s")
        return ((kind, flags, crc, payload) for crc, kind, flags, payload in frame.iter_unpack(self.frames))


def column(data: bytes, stride: int, start: int, width: int) -> bytes:
    """The ``width`` bytes at ``start`` of every ``stride`` bytes, one after the other.

    It goes byte by byte, which takes any stride and needs 9 ns for eight bytes.
    """
    found = bytearray(len(data) // stride * width)
    for place in range(width):
        found[place::width] = data[start + place :: stride]
    return bytes(found)


def packed_rows(window: bytes, position: int, first: int, rows_max: int) -> PackedRows | None:
    """The stretch of rows from ``position`` on, where the frame of record ``first`` begins; None when it is no stretch.

    It has at most ``rows_max`` rows, and may be a half of what there is or less: then the next call has more of it.
    """
    magic, kind, _, length, _ = FRAME_BODY.unpack_from(window, position + 4)
    if magic != FRAME_MAGIC or kind != Kind.ROW or length < ROW_PREFIX.size:
        return None
    size = FRAME_HEADER_BYTES + length
    count = min(rows_max, (len(window) - position) // size)
    beginning = _beginning(window, position)
    while count >= ROWS_MIN and _beginning(window, position + size) == beginning:
        if _beginning(window, position + (count - 1) * size) == beginning:
            rows = PackedRows(window[position : position + count * size], size)
            if _is_whole(rows, first):
                return rows
        count //= 2
    return None


def _beginning(window: bytes, position: int) -> tuple[bytes, bytes]:
    """What all frames of a stretch have in common."""
    head, schema = position + _HEAD[0], position + _SCHEMA[0]
    return window[head : head + _HEAD[1]], window[schema : schema + _SCHEMA[1]]


def _is_whole(rows: PackedRows, first: int) -> bool:
    """Whether every frame begins as the first does, has the next number, and its CRC is right."""
    data, size, count = rows.frames, rows.frame_bytes, rows.count
    if first % _RECORDS + count > _RECORDS:
        return False
    head, schema = _beginning(data, 0)
    numbers = struct.pack(f"<{count}I", *range(first % _RECORDS, first % _RECORDS + count))
    if column(data, size, *_RECORD) != numbers:
        return False
    if column(data, size, *_HEAD) != head * count or column(data, size, *_SCHEMA) != schema * count:
        return False
    crc32, body = zlib.crc32, struct.Struct(f"{_CRC[1]}x{size - _CRC[1]}s")
    return struct.pack(f"<{count}I", *[crc32(frame) for (frame,) in body.iter_unpack(data)]) == rows.crcs
