"""Turns packed rows of one schema into the columns of a ``MetricLogged``, without a look at the values.

Doubles and booleans are on the wire as they are in the spool, one after the other, so a column of them is made of its
bytes; integers have another form there.
"""

import sys
from array import array
from collections.abc import Iterator

from runwell.core.frames import FRAME_HEADER_BYTES
from runwell.forwarder.columns import Columns, begin
from runwell.forwarder.packed import PackedRows, column
from runwell.v1 import event_pb2

_STEP = 4
_TIME = 12
_VALUES = 20
"""Where in a row's payload these begin; the schema's id is before them."""

_WIDTHS = {"d": 8, "q": 8, "?": 1}
_TRUTH = bytes([0]) + bytes([1]) * 255
_LENGTH_DELIMITED = 2
_VALUES_FIELD = event_pb2.F64Values.DESCRIPTOR.fields_by_name["values"].number
_TIMES_FIELD = event_pb2.MetricLogged.DESCRIPTOR.fields_by_name["times"].number


class PackedGroup:
    """Rows of one schema and size in a batch, in record order, as they are gathered."""

    __slots__ = ("_loose", "_parts", "columns", "flags", "indexes")

    def __init__(self) -> None:
        self.columns: Columns = ()
        self.indexes: list[int] = []
        self.flags: list[int] = []
        self._parts: list[tuple[bytes, int, int]] = []
        """Bytes that hold rows, how many bytes apart these are, and where in them their payload begins."""
        self._loose: list[bytes] = []

    def add(self, index: int, flags: int, payload: bytes) -> None:
        """One row."""
        self.indexes.append(index)
        self.flags.append(flags)
        self._loose.append(payload)

    def add_packed(self, index: int, flags: int, rows: PackedRows) -> None:
        """Rows of which the first stands at ``index``."""
        self._gather_loose()
        self.indexes.extend(range(index, index + rows.count))
        self.flags.extend([flags] * rows.count)
        self._parts.append((rows.frames, rows.frame_bytes, FRAME_HEADER_BYTES))

    def _gather_loose(self) -> None:
        if self._loose:
            self._parts.append((b"".join(self._loose), len(self._loose[0]), 0))
            self._loose = []

    def write(self, event: event_pb2.Event) -> None:
        """Fills the event, which stands at the place of the first row."""
        self._gather_loose()
        logged = begin(event, self.indexes, self.flags)
        logged.steps.extend(_integers(self._column(_STEP, 8)))
        logged.MergeFromString(_repeated(_TIMES_FIELD, self._column(_TIME, 8)))
        event.time = logged.times[0]
        for key, kind, values in self._values():
            filled = logged.columns.add(key=key)
            if kind == "d":
                filled.f64.MergeFromString(_repeated(_VALUES_FIELD, values))
            elif kind == "q":
                filled.i64.values.extend(_integers(values))
            else:
                filled.bools.MergeFromString(_repeated(_VALUES_FIELD, values.translate(_TRUTH)))

    def _values(self) -> Iterator[tuple[str, str, bytes]]:
        start = _VALUES
        for key, kind in self.columns:
            yield key, kind, self._column(start, _WIDTHS[kind])
            start += _WIDTHS[kind]

    def _column(self, start: int, width: int) -> bytes:
        return b"".join(column(rows, stride, payload + start, width) for rows, stride, payload in self._parts)


def _integers(data: bytes) -> list[int]:
    found = array("q", data)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tolist()


def _repeated(field: int, data: bytes) -> bytes:
    """A packed repeated field of a message, as it is on the wire: tag, length, values."""
    length, rest = bytearray(), len(data)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return bytes([field << 3 | _LENGTH_DELIMITED]) + length + data
