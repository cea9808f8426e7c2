"""The spool's format: segments of checksummed frames. docs/formats.md has the picture.

A segment is ``SEGMENT_MAGIC``, whose last byte is the version, then frames; the first frame is a HEADER. Little endian:

    crc32 u32 of all that follows | magic u16 | kind u8 | flags u8 | payload length u32 | record u32 | payload

Numbered frames (ROW, JSON_ROW, EVENT) carry the low 32 bits of their record number. A frame is written by one write();
what a crash leaves of it at the end is the torn tail of a call that never returned. Anything broken with whole frames
after it is damage.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

VERSION = 1
SEGMENT_MAGIC = b"RWSPOOL" + bytes([VERSION])
FRAME_MAGIC = 0x5752
FRAME_HEADER = struct.Struct("<IHBBII")
FRAME_HEADER_BYTES = FRAME_HEADER.size
FRAME_BODY = struct.Struct("<HBBII")
"""What follows the checksum: magic, kind, flags, payload length, record."""

FLAG_MASKED = 1
"""The row was refused by the rule for steps: hidden unless asked for."""

ROW_PREFIX = struct.Struct("<Iqd")
"""Payload of a ROW begins so: schema id, step, unix seconds; then the schema's values packed without padding."""

JSON_ROW_PREFIX = struct.Struct("<qd")
"""Payload of a JSON_ROW begins so: step, unix seconds; then a UTF-8 JSON object of path to value."""


class Kind(IntEnum):
    """What a frame's payload is."""

    HEADER = 1
    """JSON: writer (hexadecimal digits), entity, project, run_id, offline, segment (from 1), first_record, created (unix seconds)."""
    SCHEMA = 2
    """JSON: id, columns as [path, type] with type one of "d" (f64), "q" (i64), "?" (bool)."""
    ROW = 3
    JSON_ROW = 4
    EVENT = 5
    """The proto3 JSON form of one runwell.v1.Event, without its index."""


NUMBERED = frozenset({Kind.ROW, Kind.JSON_ROW, Kind.EVENT})


class Frame(NamedTuple):
    """A whole frame: ``record`` has the low 32 bits of the number, ``end`` is the offset after the frame."""

    kind: int
    flags: int
    record: int
    payload: memoryview
    crc: int
    end: int


class Damage(NamedTuple):
    """Bytes ``start`` to ``end`` hold no whole frame, but frames follow."""

    start: int
    end: int


def encode(kind: Kind, payload: bytes, record: int = 0, flags: int = 0) -> bytes:
    """One frame, ready to be written by one write()."""
    return sealed(FRAME_BODY.pack(FRAME_MAGIC, kind, flags, len(payload), record & 0xFFFFFFFF) + payload)


def sealed(body: bytes) -> bytes:
    """A frame: what follows the checksum, with the checksum before it."""
    return zlib.crc32(body).to_bytes(4, "little") + body


def advance_chain(chain: int, crc: int) -> int:
    """The CRC chain after one more numbered frame; 0 is the chain before the first. A lost record counts as crc 0."""
    return zlib.crc32(crc.to_bytes(4, "little"), chain)


def whole_frame(data: memoryview, offset: int) -> Frame | None:
    """The frame at ``offset``, or None when there is no whole one."""
    if offset + FRAME_HEADER_BYTES > len(data):
        return None
    crc, magic, kind, flags, length, record = FRAME_HEADER.unpack_from(data, offset)
    end = offset + FRAME_HEADER_BYTES + length
    if magic != FRAME_MAGIC or end > len(data) or zlib.crc32(data[offset + 4 : end]) != crc:
        return None
    return Frame(kind, flags, record, data[offset + FRAME_HEADER_BYTES : end], crc, end)


def scan(data: memoryview, offset: int) -> Iterator[Frame | Damage]:
    """Whole frames from ``offset`` on, and damage between them; stops before a torn tail, which the last ``end`` tells."""
    while offset < len(data):
        frame = whole_frame(data, offset)
        if frame is None:
            start, offset = offset, _next_frame(data, offset + 1)
            if offset < 0:
                return
            yield Damage(start, offset)
        else:
            yield frame
            offset = frame.end


def _next_frame(data: memoryview, offset: int) -> int:
    """Offset of the first whole frame at or after ``offset``, or -1."""
    haystack = bytes(data[offset:])
    needle = FRAME_MAGIC.to_bytes(2, "little")
    found = haystack.find(needle, 4)
    while found >= 0:
        if whole_frame(data, offset + found - 4) is not None:
            return offset + found - 4
        found = haystack.find(needle, found + 1)
    return -1
