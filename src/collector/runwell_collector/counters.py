"""What the collector counts, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from runwell.v1 import collector_pb2
from runwell_collector.log import NewBatch
from runwell_collector.replies import Reply

COMMIT_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
REASON_PREFIX = "REFUSAL_REASON_"


class Counters:
    """One registry a collector, so that several live in one process of tests."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(namespace="runwell_collector", registry=self._registry)
        self._batches = self._counter("batches", "Batches in the log since the start, control entries included")
        self._records = self._counter("records", "Records in the log since the start")
        self._bytes = self._counter("bytes", "Bytes of events in the log since the start")
        self._refused = Counter(
            "runwell_collector_refused", "Batches and opens that were not taken", ["reason"], registry=self._registry
        )
        for name in map(collector_pb2.RefusalReason.Name, collector_pb2.RefusalReason.values()):
            # From zero on, since Prometheus sees no increase where a series begins.
            self._refused.labels(_shown(name))
        self._commits = Histogram(
            "runwell_collector_commit_seconds",
            "From the begin of a group's append until it is on disk",
            buckets=COMMIT_BUCKETS_S,
            registry=self._registry,
        )

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Shows a value that is asked for at every scrape."""
        Gauge(f"runwell_collector_{name}", text, registry=self._registry).set_function(value)

    def committed(self, group: list[NewBatch], duration_s: float) -> None:
        """A group is on disk."""
        self._commits.observe(duration_s)
        self._batches.inc(len(group))
        self._records.inc(sum(batch.count for batch in group))
        self._bytes.inc(sum(len(batch.events) for batch in group))

    def answered(self, answers: list[Reply]) -> None:
        """Counts refusals among the answers."""
        for answer in answers:
            if answer.response.WhichOneof("response") == "refused":
                name = collector_pb2.RefusalReason.Name(answer.response.refused.reason)
                self._refused.labels(_shown(name)).inc()

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"runwell_collector_{name}", text, registry=self._registry)


def _shown(name: str) -> str:
    return name.removeprefix(REASON_PREFIX).lower()
