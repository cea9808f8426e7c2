"""What is read from golden files: the run and its rows, without what may be shown in another way by a later version."""

import contextlib
from pathlib import Path
from typing import Any

from runwell_collector.log import LogReader, decode_events, open_log_reader
from tests.core.reference_run import records_of

READ_BATCHES = 1000


def history_of_spool(spool_root: Path) -> list[Any]:
    """All records of the spools, as they would be sent."""
    from runwell.forwarder.spools import list_writers

    return [
        record
        for spool in list_writers(spool_root)
        for batch in spool.batches()
        for event in batch.events.events
        for record in plain(spool.writer.hex(), batch.first, event)
    ]


def history_of_log(data_dir: Path) -> list[Any]:
    """All records of the log."""
    with contextlib.closing(open_log_reader(data_dir)) as log:
        return [record for batch in _batches(log) for record in _records(batch)]


def _batches(log: LogReader) -> list[Any]:
    found: list[Any] = []
    while batches := log.read(len(found), READ_BATCHES):
        found += batches
    return found


def _records(batch: Any) -> list[Any]:
    events = decode_events(batch.codec, batch.events).events
    return [record for event in events for record in plain(batch.writer.hex(), batch.first, event)]


def plain(writer: str, first: int, event: Any) -> list[Any]:
    """Number, kind, time, step, flags and content of each record that an event stands for."""
    from google.protobuf import json_format

    return [
        [
            record.number,
            record.kind,
            record.time,
            record.step,
            record.masked,
            record.row if record.kind == "row" else json_format.MessageToDict(record.message),
        ]
        for record in records_of(writer, first, event)
    ]
