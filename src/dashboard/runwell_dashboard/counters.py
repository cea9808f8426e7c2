"""The dashboard's own counters for Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Counters:
    """One registry for each application, so that tests do not share one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="runwell_dashboard", registry=self.registry)
        self.requests = Counter(
            "runwell_dashboard_requests_total", "Requests by status.", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "runwell_dashboard_request_seconds", "Time until the response began.", registry=self.registry
        )
        self.tails = Gauge("runwell_dashboard_tails", "Followers of runs.", registry=self.registry)


class Counted:
    """Counts requests as they are answered."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counters.requests.labels(str(message["status"])).inc()
                self._counters.seconds.observe(time.monotonic() - started)
            await send(message)

        await self._app(scope, receive, send_counted if scope["type"] == "http" else send)
