"""Writes PNG files (ISO/IEC 15948), and reads of image files what they say of their size.

Own code, since neither PIL nor numpy need be there; a PNG is a zlib stream between a header and an end.
"""

import struct
import zlib
from typing import Any

from runwell.media.libraries import library

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By channels: grey, grey with alpha, RGB, RGBA."""

LEVEL = 3
"""Of zlib: photographs are 3 % larger than at 6, and take half the time."""

FILTER_NONE, FILTER_SUB, FILTER_UP = 0, 1, 2


def write_png(width: int, height: int, channels: int, pixels: Any) -> bytes:
    """The file of pixels of 8 bits a channel, row by row: bytes, or a numpy array of shape (height, width, channels)."""
    rows = _plain_rows(width, height, channels, pixels) if isinstance(pixels, bytes) else _filtered_rows(pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, LEVEL)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _plain_rows(width: int, height: int, channels: int, pixels: bytes) -> bytes:
    size = width * channels
    return b"".join(b"\0" + pixels[row * size : (row + 1) * size] for row in range(height))


def _filtered_rows(pixels: Any) -> bytes:
    """The rows with the filter that leaves the least: as they are, less their left, or less their upper neighbour."""
    np = library("numpy", "an image of an array")

    height, width, channels = pixels.shape
    flat = np.ascontiguousarray(pixels).reshape(height, width * channels)
    left, up = flat.copy(), flat.copy()
    left[:, channels:] -= flat[:, :-channels]
    up[1:] -= flat[:-1]
    candidates = {FILTER_NONE: flat, FILTER_SUB: left, FILTER_UP: up}
    # The usual heuristic: the least sum of the bytes as signed numbers, here of some rows for the whole image.
    some = slice(0, None, max(1, height // 64))
    sizes = {kind: int(np.abs(rows[some].view(np.int8).astype(np.int16)).sum()) for kind, rows in candidates.items()}
    best = min(sizes, key=sizes.__getitem__)
    out = np.empty((height, width * channels + 1), np.uint8)
    out[:, 0], out[:, 1:] = best, candidates[best]
    return bytes(out)


def image_size(data: bytes) -> tuple[str, int, int] | None:
    """Format, width and height of an image file by its first bytes; None for what is none of the usual ones."""
    try:
        if data.startswith(SIGNATURE):
            return ("png", *struct.unpack_from(">II", data, 16))
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return ("gif", *struct.unpack_from("<HH", data, 6))
        if data[:2] == b"BM":
            width, height = struct.unpack_from("<ii", data, 18)
            return "bmp", width, abs(height)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg_size(data)
    except (struct.error, IndexError):
        pass
    return None


def _webp_size(data: bytes) -> tuple[str, int, int]:
    if data[12:16] == b"VP8X":
        return "webp", 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return "webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return "webp", width & 0x3FFF, height & 0x3FFF


def _jpeg_size(data: bytes) -> tuple[str, int, int] | None:
    """Walks through the segments to the frame header (ITU-T T.81, B.1.1)."""
    place = 2
    while data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            return "jpg", width, height
        place += 2 + length
    return None
