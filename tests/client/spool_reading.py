"""Reads spools back through runwell.core.frames alone, and checks on the way what every spool must obey."""

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runwell.core import frames, keys
from runwell.core.frames import Kind
from runwell.core.keys import ROW_FIELDS


def untimed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A summary or row without step and times."""
    return {key: value for key, value in values.items() if key not in ROW_FIELDS}


class Record(NamedTuple):
    """A row (then ``event`` is None) or an event."""

    number: int
    step: int
    time: float
    masked: bool
    values: dict[str, Any]
    event: dict[str, Any] | None


def read_segments(segments: Iterable[bytes]) -> list[Record]:
    """The records of one writer: numbered without gaps, each schema before its use in every segment."""
    records: dict[int, Record] = {}
    for data in segments:
        assert data.startswith(frames.SEGMENT_MAGIC)
        columns: dict[int, list[list[str]]] = {}
        for place, frame in enumerate(frames.scan(memoryview(data), len(frames.SEGMENT_MAGIC))):
            assert isinstance(frame, frames.Frame), frame
            assert (place == 0) == (frame.kind == Kind.HEADER)
            if frame.kind == Kind.SCHEMA:
                schema = json.loads(bytes(frame.payload))
                columns[schema["id"]] = schema["columns"]
            elif frame.kind == Kind.HEADER:
                assert json.loads(bytes(frame.payload))["first_record"] <= len(records) + 1
            elif frame.record not in records:
                assert frame.record == len(records) + 1
                records[frame.record] = _record(frame, columns)
    return list(records.values())


def _record(frame: frames.Frame, columns: dict[int, list[list[str]]]) -> Record:
    masked = bool(frame.flags & frames.FLAG_MASKED)
    if frame.kind == Kind.ROW:
        schema, step, time = frames.ROW_PREFIX.unpack_from(frame.payload)
        row = struct.Struct("<" + "".join(code for _, code in columns[schema]))
        assert len(frame.payload) == frames.ROW_PREFIX.size + row.size
        values = row.unpack_from(frame.payload, frames.ROW_PREFIX.size)
        paths = (path for path, _ in columns[schema])
        return Record(frame.record, step, time, masked, dict(zip(paths, values, strict=True)), None)
    if frame.kind == Kind.JSON_ROW:
        step, time = frames.JSON_ROW_PREFIX.unpack_from(frame.payload)
        leaves = json.loads(bytes(frame.payload[frames.JSON_ROW_PREFIX.size :]))
        return Record(frame.record, step, time, masked, leaves, None)
    event = json.loads(bytes(frame.payload))
    return Record(frame.record, 0, event.pop("time"), False, {}, event)


def read_spool(directory: Path) -> list[Record]:
    """The records of the spool in ``directory``."""
    return read_segments(path.read_bytes() for path in sorted(directory.glob("*.seg")))


def read_rows(directory: Path, *, masked: bool = False) -> list[tuple[int, dict[str, Any]]]:
    """Steps and values by shown key of the rows, as they were written."""
    return [
        (record.step, {keys.shown(path): value for path, value in record.values.items()})
        for record in read_spool(directory)
        if record.event is None and record.masked == masked
    ]


def merged(rows: list[tuple[int, dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """One row for each step: later values win."""
    steps: dict[int, dict[str, Any]] = {}
    for step, values in rows:
        steps.setdefault(step, {}).update(values)
    return steps


def events(directory: Path, kind: str) -> list[dict[str, Any]]:
    """The events of that kind."""
    found = (record.event for record in read_spool(directory))
    return [event[kind] for event in found if event is not None and kind in event]


def spools(root: Path) -> list[Path]:
    """All spools under a root directory."""
    return sorted((root / "spool").iterdir())
