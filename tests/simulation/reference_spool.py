"""A second opinion on what a spool holds, written from docs/formats.md; it knows nothing of ours but the generated messages."""

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format

from runwell.v1 import event_pb2

HEADER, SCHEMA, ROW, JSON_ROW, EVENT = 1, 2, 3, 4, 5
MAGIC = b"RWSPOOL\x01"
FRAME = struct.Struct("<IHBBII")
CODES = {"d": "f64", "q": "i64", "?": "bools"}


@dataclass
class Spooled:
    """One record of a spool: a row, with each value's kind, or another event as JSON."""

    number: int
    crc: int
    time: float
    step: int = 0
    masked: bool = False
    row: dict[str, tuple[str, Any]] | None = None
    event: dict[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Of an event: what it is called."""
        assert self.event is not None
        return next(name for name in self.event if name != "time")

    def values(self) -> dict[str, Any]:
        """Of a row: path to value."""
        assert self.row is not None
        return {path: value for path, (_, value) in self.row.items()}

    def message(self, index: int) -> event_pb2.Event:
        """The event that stands for it, alone."""
        if self.row is None:
            assert self.event is not None
            message = event_pb2.Event()
            json_format.ParseDict(self.event, message)
            message.index = index
            return message
        message = event_pb2.Event(index=index, time=self.time)
        logged = message.metric_logged
        logged.rows = 1
        logged.steps.append(self.step)
        logged.times.append(self.time)
        if self.masked:
            logged.flags.append(1)
        for path, (kind, value) in self.row.items():
            text = json.dumps(value, separators=(",", ":")) if kind == "json" else value
            getattr(logged.columns.add(key=path), kind).values.append(text)
        return message


@dataclass
class Spool:
    """What whole frames there are, by record number, and whether anything between them is broken."""

    records: dict[int, Spooled] = field(default_factory=dict)
    damaged: bool = False
    headed: bool = False
    """Whether any segment has a readable header."""

    def prefix(self) -> list[Spooled]:
        """The records before the first gap."""
        found = []
        while (record := self.records.get(len(found) + 1)) is not None:
            found.append(record)
        return found


def read_spool(segments: list[bytes]) -> Spool:
    """The segments in their order; a number that was had is passed over."""
    spool = Spool()
    schemas: dict[int, list[list[str]]] = {}
    for data in segments:
        for _, kind, _, _, _, payload in _frames(data, Spool()):
            if kind == SCHEMA:
                schema = json.loads(payload)
                schemas[schema["id"]] = schema["columns"]
    for data in segments:
        if not data.startswith(MAGIC):
            spool.damaged = spool.damaged or len(data) >= len(MAGIC)
        for crc, kind, flags, number, _, payload in _frames(data, spool):
            if kind == HEADER:
                spool.headed = True
            elif kind != SCHEMA and number not in spool.records:
                record = _record(kind, flags, number, crc, payload, schemas)
                if record is not None:
                    spool.records[number] = record
    return spool


def _frames(data: bytes, spool: Spool) -> list[tuple[int, int, int, int, int, bytes]]:
    """Whole frames anywhere after the magic: checksum, kind, flags, record, place, payload."""
    found, place, broken_at = [], len(MAGIC), -1
    while place + FRAME.size <= len(data):
        crc, magic, kind, flags, length, number = FRAME.unpack_from(data, place)
        end = place + FRAME.size + length
        if magic == 0x5752 and end <= len(data) and zlib.crc32(data[place + 4 : end]) == crc:
            if broken_at >= 0:
                spool.damaged, broken_at = True, -1
            found.append((crc, kind, flags, number, place, data[place + FRAME.size : end]))
            place = end
        else:
            broken_at = place if broken_at < 0 else broken_at
            place += 1
    return found


def _record(
    kind: int, flags: int, number: int, crc: int, payload: bytes, schemas: dict[int, list[list[str]]]
) -> Spooled | None:
    masked = bool(flags & 1)
    if kind == ROW:
        identity, step, time = struct.unpack_from("<Iqd", payload)
        if identity not in schemas:
            return None
        columns = schemas[identity]
        values = struct.unpack_from("<" + "".join(code for _, code in columns), payload, 20)
        row = {path: (CODES[code], value) for (path, code), value in zip(columns, values, strict=True)}
        return Spooled(number, crc, time, step, masked, row)
    if kind == JSON_ROW:
        step, time = struct.unpack_from("<qd", payload)
        leaves = json.loads(payload[16:])
        return Spooled(number, crc, time, step, masked, {path: _typed(value) for path, value in leaves.items()})
    event = json.loads(payload)
    return Spooled(number, crc, event["time"], event=event)


def _typed(value: Any) -> tuple[str, Any]:
    if isinstance(value, bool):
        return "bools", value
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return "i64", value
    if isinstance(value, float):
        return "f64", value
    return "json", value
