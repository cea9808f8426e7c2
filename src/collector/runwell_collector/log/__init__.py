"""The event log: batches of records in the order in which they became durable, each at an offset 1, 2, 3, …

Everything that follows the log (the projector above all) imports this package and nothing else of the collector.
"""

from runwell_collector.log.batch import (
    Appended,
    Conflict,
    LogDamagedError,
    LogFullError,
    NewBatch,
    RunId,
    StoredBatch,
    WriterMark,
    WriterPosition,
    advanced,
)
from runwell_collector.log.event_log import EventLog
from runwell_collector.log.events import UndecodableError, decode_events
from runwell_collector.log.reader import LogReader, open_log_reader

__all__ = [
    "Appended",
    "Conflict",
    "EventLog",
    "LogDamagedError",
    "LogFullError",
    "LogReader",
    "NewBatch",
    "RunId",
    "StoredBatch",
    "UndecodableError",
    "WriterMark",
    "WriterPosition",
    "advanced",
    "decode_events",
    "open_log_reader",
]
