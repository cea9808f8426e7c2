"""Makes a batch of records: rows gathered by schema into columns, every other record one event."""

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf import json_format

from runwell.core.frames import FLAG_MASKED, FRAME_HEADER_BYTES, Kind
from runwell.forwarder.columns import Columns, RowGroup, parsed
from runwell.forwarder.packed import PackedRows
from runwell.forwarder.packed_columns import PackedGroup
from runwell.forwarder.reader import Lost, Record, Schema, Taken
from runwell.v1 import event_pb2

_ROW, _JSON_ROW = int(Kind.ROW), int(Kind.JSON_ROW)
_SCHEMA_ID_BYTES = 4
CRC_BYTES = 4

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
    records: Sequence[Taken],
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
    for record in _one_by_one(records, first, refused) if refused else records:
        if isinstance(record, Lost):
            batch.add_lost(record)
        elif isinstance(record, PackedRows):
            batch.add_packed(record)
        elif refused and (reason := refused.get(first + batch.count)) is not None:
            batch.add_refused(record, reason)
        else:
            batch.add(record)
    return CutBatch(first, batch.count, chain, chain_after(records, chain), batch.events())


def _one_by_one(records: Sequence[Taken], first: int, refused: Mapping[int, str]) -> Iterator[Taken]:
    """The records, those of a stretch with a refused one apart."""
    for record in records:
        if isinstance(record, PackedRows):
            numbers = range(first, first + record.count)
            yield from record.records() if any(number in numbers for number in refused) else (record,)
        else:
            yield record
        first += record.count if isinstance(record, PackedRows | Lost) else 1


def chain_after(records: Sequence[Taken], chain: int) -> int:
    """The CRC chain after these records: what ``advance_chain`` gives one by one, a lost record counting as crc 0."""
    for record in records:
        if isinstance(record, Lost):
            crcs = bytes(CRC_BYTES * record.count)
        elif isinstance(record, PackedRows):
            crcs = record.crcs
        else:
            crcs = record[2].to_bytes(CRC_BYTES, "little")
        chain = zlib.crc32(crcs, chain)
    return chain


class _Batch:
    def __init__(self, schema_of: SchemaOf) -> None:
        self.count = 0
        self._schema_of = schema_of
        self._packed: dict[tuple[bytes, int], PackedGroup] = {}
        self._parsed: dict[Columns, RowGroup] = {}
        self._singles: list[event_pb2.Event] = []

    def add(self, record: Record) -> None:
        kind, flags, _, payload = record
        if kind == _ROW:
            self._group(payload[:_SCHEMA_ID_BYTES], len(payload)).add(self.count, flags & FLAG_MASKED, payload)
            self.count += 1
        elif kind == _JSON_ROW:
            self._add_json_row(record)
        else:
            self._add_event(record)

    def add_packed(self, rows: PackedRows) -> None:
        group = self._group(rows.schema_id, rows.frame_bytes - FRAME_HEADER_BYTES)
        group.add_packed(self.count, rows.flags & FLAG_MASKED, rows)
        self.count += rows.count

    def add_lost(self, lost: Lost) -> None:
        loss = event_pb2.RecordsLost(count=lost.count, reason=lost.reason)
        self._singles.append(event_pb2.Event(index=self.count, records_lost=loss))
        self.count += lost.count

    def add_refused(self, record: Record, reason: str) -> None:
        self._singles.append(_refused(self.count, len(record[3]), reason))
        self.count += 1

    def events(self) -> event_pb2.Events:
        """All that was added, in the order of the records."""
        packed = [group for (schema_id, size), group in self._packed.items() if self._suits(schema_id, size, group)]
        entries: list[RowGroup | PackedGroup | event_pb2.Event] = [*self._parsed.values(), *packed, *self._singles]
        events = event_pb2.Events()
        for entry in sorted(entries, key=_place):
            if isinstance(entry, RowGroup | PackedGroup):
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

    def _group(self, schema_id: bytes, payload_bytes: int) -> PackedGroup:
        key = schema_id, payload_bytes
        group = self._packed.get(key)
        if group is None:
            group = self._packed[key] = PackedGroup()
        return group

    def _suits(self, schema_id: bytes, payload_bytes: int, group: PackedGroup) -> bool:
        """Tells the group its schema; rows that have none, or not its size, are refused."""
        schema = self._schema_of(int.from_bytes(schema_id, "little"))
        if schema is not None and schema.row.size == payload_bytes:
            group.columns = schema.columns
            return True
        reason = (
            "a row whose schema is damaged in the spool" if schema is None else "a row that has not its schema's size"
        )
        self._singles.extend(_refused(index, payload_bytes, reason) for index in group.indexes)
        return False


def _place(entry: RowGroup | PackedGroup | event_pb2.Event) -> int:
    return entry.index if isinstance(entry, event_pb2.Event) else entry.indexes[0]


def _refused(index: int, payload_bytes: int, reason: str) -> event_pb2.Event:
    refusal = event_pb2.RecordRefused(reason=reason[:1000], bytes=payload_bytes)
    return event_pb2.Event(index=index, record_refused=refusal)
