"""Makes a batch of records: rows gathered by schema into columns, every other record one event."""

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf import json_format

from runwell.core.frames import FLAG_MASKED, Kind
from runwell.forwarder.columns import Columns, RowGroup, parsed
from runwell.forwarder.reader import Lost, Record, Schema
from runwell.v1 import event_pb2

_ROW, _JSON_ROW = int(Kind.ROW), int(Kind.JSON_ROW)
_SCHEMA_ID_BYTES = 4

SchemaOf = Callable[[int], Schema | None]


@dataclass(frozen=True, slots=True)
class CutBatch:
    """Records ``first`` to ``last`` of a writer, with the CRC chain before the first and after the last of them."""

    first: int
    count: int
    chain_before: int
    chain: int
    events: event_pb2.Events

    @property
    def last(self) -> int:
        return self.first + self.count - 1


def cut(
    records: Sequence[Record | Lost],
    first: int,
    chain: int,
    schema_of: SchemaOf,
    refused: Mapping[int, str] | None = None,
) -> CutBatch:
    """One batch of all ``records``, the first of which has the number ``first``; ``chain`` is the CRC chain before it.

    Records in ``refused`` (number to the collector's reason) become RecordRefused, and so do those that are whole and
    yet cannot be read.
    """
    batch = _Batch(schema_of)
    for record in records:
        if isinstance(record, Lost):
            batch.add_lost(record)
        elif refused and (reason := refused.get(first + batch.count)) is not None:
            batch.add_refused(record, reason)
        else:
            batch.add(record)
    return CutBatch(first, batch.count, chain, chain_after(records, chain), batch.events())


def chain_after(records: Sequence[Record | Lost], chain: int) -> int:
    """The CRC chain after these records: what ``advance_chain`` gives one by one, a lost record counting as crc 0."""
    crcs: list[int] = []
    for record in records:
        if isinstance(record, Lost):
            crcs.extend([0] * record.count)
        else:
            crcs.append(record[2])
    return zlib.crc32(struct.pack(f"<{len(crcs)}I", *crcs), chain)


class _Packed:
    """Packed rows of one schema, unpacked all at once in the end."""

    __slots__ = ("flags", "indexes", "payloads")

    def __init__(self) -> None:
        self.indexes: list[int] = []
        self.flags: list[int] = []
        self.payloads: list[bytes] = []


class _Batch:
    def __init__(self, schema_of: SchemaOf) -> None:
        self.count = 0
        self._schema_of = schema_of
        self._packed: dict[bytes, _Packed] = {}
        self._parsed: dict[Columns, RowGroup] = {}
        self._singles: list[event_pb2.Event] = []

    def add(self, record: Record) -> None:
        kind, flags, _, payload = record
        if kind == _ROW:
            schema_id = payload[:_SCHEMA_ID_BYTES]
            packed = self._packed.get(schema_id)
            if packed is None:
                packed = self._packed[schema_id] = _Packed()
            packed.indexes.append(self.count)
            packed.flags.append(flags & FLAG_MASKED)
            packed.payloads.append(payload)
            self.count += 1
        elif kind == _JSON_ROW:
            self._add_json_row(record)
        else:
            self._add_event(record)

    def add_lost(self, lost: Lost) -> None:
        loss = event_pb2.RecordsLost(count=lost.count, reason=lost.reason)
        self._singles.append(event_pb2.Event(index=self.count, records_lost=loss))
        self.count += lost.count

    def add_refused(self, record: Record, reason: str) -> None:
        self._singles.append(_refused(self.count, record[3], reason))
        self.count += 1

    def events(self) -> event_pb2.Events:
        """All that was added, in the order of the records."""
        groups = [*self._parsed.values()]
        for schema_id, packed in self._packed.items():
            groups.extend(self._unpack(schema_id, packed))
        entries: list[RowGroup | event_pb2.Event] = [*groups, *self._singles]
        events = event_pb2.Events()
        for entry in sorted(entries, key=_place):
            if isinstance(entry, RowGroup):
                entry.write(events.events.add())
            else:
                events.events.append(entry)
        return events

    def _add_json_row(self, record: Record) -> None:
        try:
            columns, row = parsed(record[3])
        except (ValueError, struct.error) as error:
            self.add_refused(record, f"a row that is not readable JSON: {error}")
            return
        group = self._parsed.get(columns)
        if group is None:
            group = self._parsed[columns] = RowGroup(columns)
        group.indexes.append(self.count)
        group.flags.append(record[1] & FLAG_MASKED)
        group.rows.append(row)
        self.count += 1

    def _add_event(self, record: Record) -> None:
        event = event_pb2.Event()
        try:
            # Fields that a newer client adds within this version of the format are not known here.
            json_format.ParseDict(json.loads(record[3]), event, ignore_unknown_fields=True)
        except (ValueError, AttributeError, TypeError, RecursionError, json_format.ParseError) as error:
            self.add_refused(record, f"an event that is not readable: {error}")
            return
        event.index = self.count
        self._singles.append(event)
        self.count += 1

    def _unpack(self, schema_id: bytes, packed: _Packed) -> list[RowGroup]:
        schema = self._schema_of(int.from_bytes(schema_id, "little"))
        if schema is None:
            reason = "a row whose schema is damaged in the spool"
            rows = zip(packed.indexes, packed.payloads, strict=True)
            self._singles.extend(_refused(index, payload, reason) for index, payload in rows)
            return []
        size = schema.row.size
        if any(len(payload) != size for payload in packed.payloads):
            return self._unpack_fitting(schema, packed)
        group = RowGroup(schema.columns)
        group.indexes, group.flags = packed.indexes, packed.flags
        group.rows = [row[1:] for row in schema.row.iter_unpack(b"".join(packed.payloads))]
        return [group]

    def _unpack_fitting(self, schema: Schema, packed: _Packed) -> list[RowGroup]:
        """The rows of the schema's size; the others are refused."""
        group = RowGroup(schema.columns)
        for index, flags, payload in zip(packed.indexes, packed.flags, packed.payloads, strict=True):
            if len(payload) == schema.row.size:
                group.indexes.append(index)
                group.flags.append(flags)
                group.rows.append(schema.row.unpack(payload)[1:])
            else:
                self._singles.append(_refused(index, payload, "a row that has not its schema's size"))
        return [group] if group.indexes else []


def _place(entry: RowGroup | event_pb2.Event) -> int:
    return entry.indexes[0] if isinstance(entry, RowGroup) else entry.index


def _refused(index: int, payload: bytes, reason: str) -> event_pb2.Event:
    refusal = event_pb2.RecordRefused(reason=reason[:1000], bytes=len(payload))
    return event_pb2.Event(index=index, record_refused=refusal)
