"""Numbers of 64 bits within events, taken apart by byte: the high bytes of a metric's values resemble each other, the low
ones resemble nothing, and a compressor that sees them mixed gains next to nothing."""

from array import array
from collections.abc import Iterable, Sequence

from google.protobuf.message import DecodeError

from runwell.v1 import collector_pb2, event_pb2

VALUE_BYTES = 8

Spans = list[tuple[int, int]]
"""Where columns of 64-bit floats lie in a batch's bytes: begin and length, ascending."""


def float_spans(codec: int, data: bytes) -> Spans:
    """The columns of floats in a batch. Found by their content: bytes that are none, or not found, are merely not moved."""
    if codec != collector_pb2.CODEC_NONE:
        return []
    try:
        events = event_pb2.Events.FromString(data).events
    except DecodeError:
        return []
    spans: Spans = []
    for event in events:
        for raw in _columns(event):
            begin = data.find(raw, spans[-1][0] + spans[-1][1] if spans else 0)
            if begin < 0:
                # Another order than ours: to look for each of very many columns would take the square of their number.
                return spans
            spans.append((begin, len(raw)))
    return spans


def _columns(event: event_pb2.Event) -> Iterable[bytes]:
    kind = event.WhichOneof("event")
    if kind not in {"metric_logged", "system_metric_logged"}:
        return
    metrics = event.metric_logged if kind == "metric_logged" else event.system_metric_logged.metrics
    for values in (metrics.times, *(column.f64.values for column in metrics.columns if column.HasField("f64"))):
        if values:
            yield array("d", values).tobytes()


def taken_apart(batches: Sequence[tuple[bytes, Spans]]) -> tuple[bytes, bytes]:
    """What is in no span, one batch after the other; and the floats of all spans: all their first bytes, all second ones, …"""
    rest, floats = [], []
    for data, spans in batches:
        reached = 0
        for begin, length in spans:
            rest.append(data[reached:begin])
            floats.append(data[begin : begin + length])
            reached = begin + length
        rest.append(data[reached:])
    joined = b"".join(floats)
    return b"".join(rest), b"".join(joined[place::VALUE_BYTES] for place in range(VALUE_BYTES))


def put_together(rest: bytes, planes: bytes, shapes: Iterable[tuple[int, Spans]]) -> list[bytes]:
    """The batches, of which ``shapes`` has sizes and spans."""
    count = len(planes) // VALUE_BYTES
    floats = bytearray(len(planes))
    for place in range(VALUE_BYTES):
        floats[place::VALUE_BYTES] = planes[place * count : (place + 1) * count]
    batches, rest_at, floats_at = [], 0, 0
    for size, spans in shapes:
        parts, reached = [], 0
        for begin, length in spans:
            parts += [rest[rest_at : rest_at + begin - reached], bytes(floats[floats_at : floats_at + length])]
            rest_at, floats_at, reached = rest_at + begin - reached, floats_at + length, begin + length
        parts.append(rest[rest_at : rest_at + size - reached])
        rest_at += size - reached
        batches.append(b"".join(parts))
    return batches
