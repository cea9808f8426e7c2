"""Whether a batch may enter the log. What has entered it can be decoded, counted and folded by everyone, for ever.

The cost is a parse and a few steps a column or event, nothing a number: columns of numbers are as long as the parser says,
and any number is a value.
"""

import math
from collections.abc import Callable

from runwell.core import limits
from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.columns import columns_fault
from runwell_collector.coverage import coverage_fault
from runwell_collector.log import UndecodableError, WriterMark, decode_events
from runwell_collector.payloads import object_fault, paths_fault, value_fault

STATED_BY_COLLECTOR = frozenset({"writer_ended", "writer_silent", "artifact_version_assigned", "artifact_changed"})
NOTABLE = frozenset({"artifact_logged", "artifact_linked", "artifact_edited"})


class InvalidBatchError(ValueError):
    """The batch will never be taken; the message names the record where one is known, and says what to do."""


def admit(batch: collector_pb2.Batch) -> WriterMark:
    """Checks a batch and says what its events mean for the writer's end. Raises InvalidBatchError."""
    if fault := _envelope_fault(batch):
        raise InvalidBatchError(fault)
    try:
        events = decode_events(batch.codec, batch.events).events
    except UndecodableError as error:
        raise InvalidBatchError(str(error)) from error
    mark = WriterMark.NONE
    for event in events:
        kind = event.WhichOneof("event") or ""
        if fault := _event_fault(kind, event):
            raise InvalidBatchError(f"record {batch.first + event.index} ({kind or 'of an unknown kind'}): {fault}")
        if kind == "run_finished":
            mark |= WriterMark.FINISHED
        if kind in NOTABLE:
            mark |= WriterMark.NOTABLE
    if fault := coverage_fault(batch.count, events):
        raise InvalidBatchError(f"records {batch.first} to {batch.first + batch.count - 1}: {fault}")
    return mark


def _envelope_fault(batch: collector_pb2.Batch) -> str | None:
    if batch.first < 1 or batch.count < 1:
        return f"first is {batch.first} and count {batch.count}; records are numbered from 1, and a batch holds at least one"
    if batch.first + batch.count > limits.WRITER_RECORDS_MAX:
        return f"record {batch.first + batch.count - 1} is beyond {limits.WRITER_RECORDS_MAX}; go on as a new writer"
    if len(batch.events) > limits.BATCH_BYTES_MAX:
        return (
            f"the batch has {len(batch.events)} bytes, at most {limits.BATCH_BYTES_MAX} are taken; send fewer records"
        )
    return None


def _event_fault(kind: str, event: event_pb2.Event) -> str | None:
    if not math.isfinite(event.time):
        return f"its time is {event.time}; send unix seconds"
    if kind in STATED_BY_COLLECTOR:
        return "only the collector states this"
    check = FAULTS.get(kind)
    return check(event) if check else None


def _config_fault(config: event_pb2.ConfigSet) -> str | None:
    return object_fault("set_json", config.set_json)


def _summary_fault(summary: event_pb2.SummaryUpdated) -> str | None:
    return object_fault("set_json", summary.set_json) or paths_fault(summary.set_json, summary.removed)


def _annotation_fault(event: event_pb2.Event) -> str | None:
    annotation = event.run_annotated
    return _config_fault(annotation.config) or _summary_fault(annotation.summary)


FAULTS: dict[str, Callable[[event_pb2.Event], str | None]] = {
    "metric_logged": lambda event: columns_fault(event.metric_logged),
    "system_metric_logged": lambda event: columns_fault(event.system_metric_logged.metrics),
    "config_set": lambda event: _config_fault(event.config_set),
    "summary_updated": lambda event: _summary_fault(event.summary_updated),
    "run_annotated": _annotation_fault,
    "media_logged": lambda event: value_fault("value_json", event.media_logged.value_json),
    "artifact_logged": lambda event: object_fault("metadata_json", event.artifact_logged.metadata_json),
    "view_saved": lambda event: value_fault("view_json", event.view_saved.view_json),
    "report_saved": lambda event: value_fault("report_json", event.report_saved.report_json),
    "sweep_created": lambda event: object_fault("config_json", event.sweep_created.config_json),
    "trial_suggested": lambda event: object_fault("parameters_json", event.trial_suggested.parameters_json),
}
"""Of the other kinds, and of those that a newer client knows, the parser has checked what there is to check."""
