"""A cut batch as it goes on the wire."""

import zlib

from runwell.core.limits import DECOMPRESSED_BYTES_MAX, DECOMPRESSED_RATIO_MAX
from runwell.forwarder.cutter import CutBatch
from runwell.v1 import collector_pb2 as wire

ZLIB_LEVEL = 1
"""Rows of measurements shrink little at any level; this one costs the least."""


def encode(writer: bytes, batch: CutBatch, *, compressed: bool) -> wire.Batch:
    """The batch, compressed where that is wanted, helps, and stays within what a collector decompresses."""
    events, codec = batch.events.SerializeToString(), wire.CODEC_NONE
    if compressed and len(events) <= DECOMPRESSED_BYTES_MAX:
        packed = zlib.compress(events, ZLIB_LEVEL)
        # Far from the limit, since a collector counts as it goes.
        if len(packed) < len(events) < len(packed) * DECOMPRESSED_RATIO_MAX // 2:
            events, codec = packed, wire.CODEC_ZLIB
    return wire.Batch(
        writer_id=writer,
        first=batch.first,
        count=batch.count,
        chain_before=batch.chain_before,
        chain=batch.chain,
        codec=codec,
        events=events,
    )
