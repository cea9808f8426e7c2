"""What the controller of sweeps counts, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector


class Counters:
    """One registry a controller."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="runwell_sweeps", registry=self.registry)
        self._calls = Counter(
            "runwell_sweeps_calls",
            "Calls that were answered, by method and status",
            ["method", "status"],
            registry=self.registry,
        )

    def answered(self, method: str, status: str) -> None:
        """Counts a call."""
        self._calls.labels(method, status).inc()

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Shows a value that is asked for at every scrape."""
        Gauge(f"runwell_sweeps_{name}", text, registry=self.registry).set_function(value)
