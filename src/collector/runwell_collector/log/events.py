"""What a batch's bytes hold: bounded decompression and decoding."""

import zlib

from google.protobuf.message import DecodeError

from runwell.core import limits
from runwell.v1 import collector_pb2, event_pb2


class UndecodableError(ValueError):
    """The bytes are no Events; the message says why."""


def decode_events(codec: int, data: bytes) -> event_pb2.Events:
    """The events of a batch. Raises UndecodableError."""
    try:
        return event_pb2.Events.FromString(_decompressed(codec, data))
    except DecodeError as error:
        raise UndecodableError(f"the events are no runwell.v1.Events message ({error})") from error


def _decompressed(codec: int, data: bytes) -> bytes:
    if codec == collector_pb2.CODEC_NONE:
        return data
    if codec == collector_pb2.CODEC_ZLIB:
        return _inflated(data)
    raise UndecodableError(f"codec {codec} is unknown; this collector reads CODEC_NONE and CODEC_ZLIB")


def _inflated(data: bytes) -> bytes:
    bytes_max = max(limits.DECOMPRESSED_BYTES_FREE, limits.DECOMPRESSED_RATIO_MAX * len(data))
    bytes_max = min(limits.DECOMPRESSED_BYTES_MAX, bytes_max)
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, bytes_max + 1)
    except zlib.error as error:
        raise UndecodableError(f"the events are no whole zlib stream ({error})") from error
    if len(inflated) > bytes_max:
        raise UndecodableError(
            f"{len(data)} bytes decompress to more than {bytes_max}; send fewer records a batch, or uncompressed"
        )
    if not inflater.eof or inflater.unused_data:
        raise UndecodableError("the events are no whole zlib stream (it is cut short or has bytes after its end)")
    return inflated
