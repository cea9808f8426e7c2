"""The projector's HTTP side: alive, ready, and counters for Prometheus."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from runwell_collector.log import LogDamagedError, open_log_reader
from runwell_projector.follower import Follower


class ProjectorCounters:
    """Read from the follower when they are asked for."""

    def __init__(self, follower: Follower, data_dir: Path) -> None:
        self._follower = follower
        self._data_dir = data_dir

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        projection = self._follower.projection
        offset = projection.offset if projection else 0
        end = max(self._log_end(), offset)
        gauges = {
            "offset": ("Offset in the log that the views include.", offset),
            "log_end_offset": ("Offset of the log's end.", end),
            "lag_batches": ("Batches that the views do not include yet.", end - offset),
            "poisoned_batches": ("Batches that could not be folded.", projection.poisoned_batches if projection else 0),
            "poisoned_runs": ("Runs that stopped at such a batch.", len(projection.poisoned_runs) if projection else 0),
            "runs_kept": ("Runs in memory.", projection.runs_kept if projection else 0),
            "rows": ("Rows in the views.", projection.rows if projection else 0),
            "ready": ("Whether the views follow the log.", int(self._follower.ready)),
        }
        for name, (meaning, value) in gauges.items():
            yield GaugeMetricFamily(f"runwell_projector_{name}", meaning, value=value)
        yield CounterMetricFamily(
            "runwell_projector_transactions", "Transactions of the views.", value=self._follower.transactions
        )

    def _log_end(self) -> int:
        # A reader of its own: the follower's belongs to another thread.
        log = open_log_reader(self._data_dir)
        try:
            return log.end()
        except (LogDamagedError, OSError):
            return 0
        finally:
            log.close()


@contextmanager
def serving(host: str, port: int, follower: Follower, data_dir: Path) -> Iterator[str]:
    """Serves in a thread of its own; yields the address, with the real port where 0 was asked for."""
    registry = CollectorRegistry()
    registry.register(ProjectorCounters(follower, data_dir))
    ProcessCollector(namespace="runwell_projector", registry=registry)
    answers: dict[str, Callable[[], tuple[int, str, bytes]]] = {
        "/-/healthy": lambda: (200, "text/plain", b"healthy\n"),
        "/-/ready": lambda: _readiness(follower),
        "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(registry)),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            status, kind, body = answer() if answer else (404, "text/plain", b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer((host, port), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        thread.start()
        try:
            bound_host, bound_port = server.server_address[:2]
            yield f"http://{bound_host!s}:{bound_port}"
        finally:
            server.shutdown()
            thread.join()


def _readiness(follower: Follower) -> tuple[int, str, bytes]:
    if follower.ready:
        return 200, "text/plain", b"ready\n"
    reason = follower.reason or "new views are being built"
    return 503, "text/plain", f"not ready: {reason}\n".encode()
