"""A closed segment in its compressed form: one file that is never changed.

    "RWLOGZ" | version u8 = 1 | 0 u8
    blocks: crc32 u32 of the data | length u32 | data, compressed by zstd
        the first: JSON, the segment's description and its writers with their positions
        then the batches: length of the head u32 | head: JSON, envelopes column by column | bytes outside of floats | floats by byte
        the last: JSON, the first offset and the place of each block of batches
    the place of the last block u64 | crc32 u32 of these eight bytes | "RWLZ"

What a batch was is what is read: offset, writer, first, count, received_at, codec, crc and every byte of its events.
"""

import json
import struct
import zlib
from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from runwell.core import limits
from runwell_collector.log.batch import LogDamagedError
from runwell_collector.log.planes import float_spans, put_together, taken_apart
from runwell_collector.log.segment import EVENTS, BatchRow, WriterRow

SUFFIX = ".rwz"
MAGIC = b"RWLOGZ\x01\x00"
BLOCK = struct.Struct("<II")
HEAD = struct.Struct("<I")
TRAILER = struct.Struct("<QI4s")
TRAILER_MAGIC = b"RWLZ"
ZSTD_LEVEL = 3
"""Of noise 7.1 bytes a value remain, as at any level; level 9 is four times slower for a ramp's last tenth."""

BLOCK_BYTES = 1 << 20
BLOCK_BATCHES = 1_000
BLOCK_BYTES_MAX = 2 * limits.PUBLISH_MESSAGE_BYTES_MAX
"""Of a block when it is decompressed: a damaged length is no reason to fill the memory."""


def compressed_path(directory: Path, first_offset: int) -> Path:
    """Where the compressed segment that begins with ``first_offset`` is."""
    return directory / f"{first_offset:016d}{SUFFIX}"


def write_compressed(
    file: BinaryIO, description: dict[str, Any], writers: list[WriterRow], rows: Iterable[BatchRow]
) -> None:
    """Writes a whole segment; the file is the caller's to sync and to name."""
    file.write(MAGIC)
    known = {writer[1]: writer[0] for writer in writers}
    named = [[number, identity.hex(), *others] for number, identity, *others in writers]
    _write_block(file, json.dumps({**description, "writers": named}).encode())
    index = []
    for block in _gathered(rows):
        index.append((block[0][0], file.tell()))
        _write_block(file, _packed(block, known))
    place = file.tell()
    _write_block(file, json.dumps(index).encode())
    at = struct.pack("<Q", place)
    file.write(TRAILER.pack(place, zlib.crc32(at), TRAILER_MAGIC))


def _write_block(file: BinaryIO, data: bytes) -> None:
    packed = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(data)
    file.write(BLOCK.pack(zlib.crc32(packed), len(packed)) + packed)


def _gathered(rows: Iterable[BatchRow]) -> Iterator[list[BatchRow]]:
    block: list[BatchRow] = []
    size = 0
    for row in rows:
        if block and (size + len(row[EVENTS]) > BLOCK_BYTES or len(block) == BLOCK_BATCHES):
            yield block
            block, size = [], 0
        block.append(row)
        size += len(row[EVENTS])
    if block:
        yield block


def _packed(block: list[BatchRow], known: dict[bytes, int]) -> bytes:
    spans = [float_spans(row[8], row[EVENTS]) for row in block]
    envelopes = [
        (known[writer], first, count, received_at, codec, crc, len(events), places)
        for (_, _, _, _, writer, first, count, received_at, codec, events, crc), places in zip(
            block, spans, strict=True
        )
    ]
    head = json.dumps([block[0][0], list(zip(*envelopes, strict=True))]).encode()
    rest, planes = taken_apart([(row[EVENTS], places) for row, places in zip(block, spans, strict=True)])
    return b"".join((HEAD.pack(len(head)), HEAD.pack(len(rest)), head, rest, planes))


class CompressedSegment:
    """Reads one. Any call raises LogDamagedError; the constructor also OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._cached: tuple[int, list[BatchRow]] = (-1, [])
        try:
            self._description, self._index = self._opened()
            self._named = {
                number: (entity, project, run, identity) for number, identity, entity, project, run, *_ in self.writers
            }
        except (ValueError, TypeError, KeyError, struct.error) as error:
            self._file.close()
            raise LogDamagedError(path, f"it is no compressed segment ({error})") from error
        except BaseException:
            self._file.close()
            raise

    @property
    def end_offset(self) -> int | None:
        """The last offset."""
        return int(self._description["end_offset"])

    @property
    def writers(self) -> list[WriterRow]:
        """Writers with their positions at the segment's end."""
        return [
            (number, bytes.fromhex(identity), *others) for number, identity, *others in self._description["writers"]
        ]

    def rows(self, after: int, batches_max: int) -> Generator[BatchRow, None, None]:
        """The batches after that offset."""
        number = max(bisect_right([first for first, _ in self._index], after + 1) - 1, 0)
        for first, place in self._index[number:]:
            for row in self._block(first, place):
                if row[0] > after and batches_max > 0:
                    batches_max -= 1
                    yield row
            if batches_max <= 0:
                return

    def close(self) -> None:
        self._file.close()

    def _opened(self) -> tuple[dict[str, Any], list[tuple[int, int]]]:
        if self._file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it does not begin as one")
        description = json.loads(self._read_block(len(MAGIC)))
        self._file.seek(-TRAILER.size, 2)
        place, crc, magic = TRAILER.unpack(self._file.read(TRAILER.size))
        if magic != TRAILER_MAGIC or zlib.crc32(struct.pack("<Q", place)) != crc:
            raise ValueError("its end is missing")
        index = [(int(first), int(at)) for first, at in json.loads(self._read_block(place))]
        if any(later[0] <= earlier[0] for earlier, later in pairwise(index)):
            raise ValueError("its blocks are not in order")
        return description, index

    def _block(self, first: int, place: int) -> list[BatchRow]:
        if self._cached[0] != place:
            try:
                self._cached = place, self._unpacked(self._read_block(place))
            except (ValueError, TypeError, KeyError, IndexError, struct.error) as error:
                raise LogDamagedError(
                    self._path, f"the batches from offset {first} on are damaged ({error})"
                ) from error
        return self._cached[1]

    def _read_block(self, place: int) -> bytes:
        self._file.seek(place)
        crc, length = BLOCK.unpack(self._file.read(BLOCK.size))
        packed = self._file.read(length)
        if len(packed) != length or zlib.crc32(packed) != crc:
            raise ValueError("a block is not what was written")
        with suppress(zstandard.ZstdError):
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=BLOCK_BYTES_MAX)
        raise ValueError("a block cannot be decompressed")

    def _unpacked(self, data: bytes) -> list[BatchRow]:
        head_bytes, rest_bytes = HEAD.unpack_from(data, 0)[0], HEAD.unpack_from(data, HEAD.size)[0]
        at = 2 * HEAD.size
        offset, columns = json.loads(data[at : at + head_bytes])
        at += head_bytes
        shapes = list(zip(columns[6], columns[7], strict=True))
        events = put_together(data[at : at + rest_bytes], data[at + rest_bytes :], shapes)
        return [
            (offset + place, *self._named[writer], first, count, received_at, codec, batch, crc)
            for place, (writer, first, count, received_at, codec, crc, batch) in enumerate(
                zip(*columns[:6], events, strict=True)
            )
        ]
