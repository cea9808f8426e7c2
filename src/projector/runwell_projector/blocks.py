"""Rows as they are kept: one block for each event with rows in the tail, and larger ones that are sealed into columns.

A ``Strip`` is rows of one lane and key set in memory, column by column, whichever kind of block they came from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from runwell.core.rows import MASKED, Column, Rows, record_numbers
from runwell.v1 import event_pb2
from runwell_projector.codecs import DTYPES, Array, Values, decode_numbers, encode_numbers, framed, joined, unframed

STREAMS = {"metric_logged": "default", "media_logged": "default", "system_metric_logged": "system"}
"""The history that an event's rows belong to."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows in order of record; ``offsets`` are those of the batches that brought them."""

    keys: Sequence[str]
    records: Array
    steps: Array
    times: Array
    masks: Array | None
    """True for hidden rows; None when there are none."""
    offsets: Array
    columns: Sequence[Values]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def plain(self) -> bool:
        """Nothing is hidden, and every row has a greater step than the one before."""
        return self.masks is None and bool(np.all(self.steps[1:] > self.steps[:-1]))

    def cut(self, start: int, stop: int) -> "Strip":
        """Some of the rows."""
        places = np.arange(start, min(stop, len(self)))
        return self.chosen(places)

    def chosen(self, choice: Array) -> "Strip":
        """The rows at some places, or where a mask is true."""
        masks = None if self.masks is None else self.masks[choice]
        return Strip(
            self.keys,
            self.records[choice],
            self.steps[choice],
            self.times[choice],
            masks if masks is not None and masks.any() else None,
            self.offsets[choice],
            [column.chosen(choice) for column in self.columns],
        )

    def rows(self) -> Rows:
        """The rows for ``runwell.core.history``."""
        columns = [
            Column(key, "objects", values.objects()) for key, values in zip(self.keys, self.columns, strict=True)
        ]
        masks = [] if self.masks is None else self.masks.tolist()
        return Rows(self.records.tolist(), self.steps.tolist(), self.times.tolist(), masks, columns, 0)


def united(strips: Sequence[Strip]) -> Strip:
    """Strips of the same keys, one after the other."""
    if len(strips) == 1:
        return strips[0]
    masks = None
    if any(strip.masks is not None for strip in strips):
        masks = np.concatenate(
            [np.zeros(len(strip), np.bool_) if strip.masks is None else strip.masks for strip in strips]
        )
    return Strip(
        strips[0].keys,
        np.concatenate([strip.records for strip in strips]),
        np.concatenate([strip.steps for strip in strips]),
        np.concatenate([strip.times for strip in strips]),
        masks,
        np.concatenate([strip.offsets for strip in strips]),
        [joined(columns) for columns in zip(*(strip.columns for strip in strips), strict=True)],
    )


def readable_keys(message: event_pb2.MetricLogged) -> tuple[str, ...]:
    """The keys of a message; columns of types that this version does not know are taken out of it."""
    columns = message.columns
    unreadable = [place for place, column in enumerate(columns) if column.WhichOneof("values") is None]
    for place in reversed(unreadable):
        del columns[place]
    return tuple(column.key for column in columns)


def event_strip(offset: int, first: int, event: event_pb2.Event, places: Iterable[int] | None = None) -> Strip:
    """The rows of a MetricLogged event in a batch that begins at record ``first``; of all columns, or of those at places."""
    message = event.metric_logged
    count = message.rows
    masks = np.asarray(message.flags, np.uint32) & MASKED != 0 if message.flags else None
    columns = message.columns if places is None else [message.columns[place] for place in places]
    return Strip(
        [column.key for column in columns],
        np.asarray(record_numbers(first, event.index, message), np.int64),
        np.asarray(message.steps, np.int64) if message.steps else np.zeros(count, np.int64),
        np.asarray(message.times, np.float64) if message.times else np.full(count, event.time),
        masks if masks is not None and masks.any() else None,
        np.full(count, offset),
        [_values(column, count) for column in columns],
    )


def _values(column: event_pb2.Column, count: int) -> Values:
    kind = column.WhichOneof("values")
    if kind == "json":
        return Values(kind, list(column.json.values) or ["null"] * count)
    assert kind is not None
    message, dtype = getattr(column, kind), np.dtype(DTYPES[kind])
    if not message.values:
        return Values(kind, np.zeros(count, dtype))
    if kind == "i64":
        return Values(kind, np.asarray(message.values, dtype))
    # Floats and booleans lie in a message as in memory, behind the field's tag and their length: read so, a value costs a tenth.
    length = len(message.values) * dtype.itemsize
    start = 1 + max(1, -(-length.bit_length() // 7))
    # A copy, since not everybody takes an array that begins between two words.
    return Values(kind, np.frombuffer(message.SerializeToString(), dtype, len(message.values), start).copy())


def encode_heads(strip: Strip) -> tuple[bytes, bytes]:
    """What a sealed block's columns share: records, steps, masks and offsets; and times, which are the most of it."""
    masks = b"" if strip.masks is None else encode_numbers(strip.masks.astype(np.uint16))
    head = framed([encode_numbers(strip.records), encode_numbers(strip.steps), masks, encode_numbers(strip.offsets)])
    return head, encode_numbers(strip.times)


def decode_heads(head: bytes, times: bytes, keys: Sequence[str], columns: Sequence[Values]) -> Strip:
    """The strip of ``encode_heads`` with some of its columns."""
    records, steps, masks, offsets = unframed(head)
    return Strip(
        keys,
        decode_numbers(records, np.int64),
        decode_numbers(steps, np.int64),
        decode_numbers(times, np.float64),
        decode_numbers(masks, np.uint16).astype(np.bool_) if masks else None,
        decode_numbers(offsets, np.int64),
        columns,
    )


def head_steps(head: bytes) -> Array:
    """The steps alone."""
    return decode_numbers(unframed(head)[1], np.int64)
