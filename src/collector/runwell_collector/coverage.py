"""Every record of a batch is accounted for by exactly one event: else readers would show fewer records than were sent."""

from collections.abc import Iterable
from itertools import chain

from runwell.core import limits
from runwell.v1 import event_pb2

EACH_ONCE = "send each record of the batch exactly once"

Span = tuple[int, int]
"""A record's place in the batch, and how many from there on."""


def coverage_fault(count: int, events: Iterable[event_pb2.Event]) -> str | None:
    """How the events fail to make up records 0 to ``count - 1`` of a batch; None when they do."""
    spans: list[Span] = []
    scattered: list[int] = []
    lost = 0
    for event in events:
        kind = event.WhichOneof("event")
        length = 1
        if kind == "records_lost":
            length = event.records_lost.count
            lost += length
        elif kind in {"metric_logged", "system_metric_logged"}:
            metrics = event.metric_logged if kind == "metric_logged" else event.system_metric_logged.metrics
            if metrics.indexes:
                scattered.extend(metrics.indexes)
                continue
            length = metrics.rows
        spans.append((event.index, length))
    records = sum(length for _, length in spans) + len(scattered)
    if records != count:
        return f"the events make up {records} records, and count is {count}; {EACH_ONCE}"
    if count - lost > limits.BATCH_RECORDS_MAX:
        return f"they are {count}, at most {limits.BATCH_RECORDS_MAX} are taken in a batch; send fewer"
    return _order_fault(count, spans, scattered)


def _order_fault(count: int, spans: list[Span], scattered: list[int]) -> str | None:
    """The scattered places must be exactly those between the spans; there are as many, so neither list grows with count."""
    spans.sort()
    reached, between = 0, []
    for start, length in spans:
        if start < reached:
            return f"two events stand for place {start} of the batch; {EACH_ONCE}"
        between.append(range(reached, start))
        reached = start + length
    if reached > count:
        return f"an event stands for place {reached - 1} of the batch, and count is {count}; {EACH_ONCE}"
    between.append(range(reached, count))
    if sorted(scattered) != list(chain.from_iterable(between)):
        return f"the places of its rows overlap or leave gaps; {EACH_ONCE}"
    return None
