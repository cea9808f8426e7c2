"""Starts the components, announces the server, starts again what dies, and stops all in order."""

import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runwell.supervisor.checks import StartError, is_loopback, write_json
from runwell.supervisor.component import Component

START_TIMEOUT_S = 60.0
"""Reading back a large log takes seconds; a component that says nothing for this long will not start."""

READY_POLL_S = 0.05
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Settings:
    """What `runwell up` was asked for; port 0 is any free one."""

    directory: Path
    host: str
    http_port: int
    grpc_port: int
    allow_remote: bool = False
    blobs: str | None = None
    alerts: Path | None = None


@dataclass(frozen=True)
class Died:
    """A component ended without being asked."""

    component: Component
    status: int


@dataclass(frozen=True)
class StopAsked:
    """Somebody wants the server to end."""

    signal_number: int


class Supervisor:
    """The composition root of `runwell up`; `say` gets one line for whatever a person should know."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        # SimpleQueue.put may be called by a signal handler that interrupts get.
        self._events: queue.SimpleQueue[Died | StopAsked] = queue.SimpleQueue()
        self._addresses = {
            "grpc": f"{_bracketed(settings.host)}:{settings.grpc_port}",
            "http": f"{_bracketed(settings.host)}:{settings.http_port}",
        }
        self._collector = Component("collector", settings.directory, self._collector_arguments)
        self._projector = Component("projector", settings.directory, self._projector_arguments)
        self._sweeps = Component("sweeps", settings.directory, self._common)
        self._dashboard = Component("dashboard", settings.directory, self._dashboard_arguments)

    @property
    def _components(self) -> tuple[Component, ...]:
        # The order of stopping: no reader may wait for a log that ends, no record may come to a log that nobody folds.
        return self._dashboard, self._sweeps, self._collector, self._projector

    def run(self, ready: Callable[[dict[str, Any]], None]) -> None:
        """Runs until a stop signal; `ready` gets what server.json says. Raises StartError when a component does not start."""
        with self._stop_signals():
            try:
                for component in self._components:
                    component.forget()
                    component.start(time.monotonic(), self._died)
                if self._wait_until_ready():
                    ready(self._announce())
                    self._supervise()
            finally:
                self._stop()

    def _died(self, component: Component, status: int) -> None:
        self._events.put(Died(component, status))

    @contextmanager
    def _stop_signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        for number in STOP_SIGNALS:
            signal.signal(number, lambda number, _: self._events.put(StopAsked(number)))
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _wait_until_ready(self) -> bool:
        """Returns False when asked to stop meanwhile."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not all(component.announced() for component in self._components):
            event = self._next_event(READY_POLL_S)
            if isinstance(event, StopAsked):
                return False
            if isinstance(event, Died):
                raise StartError(
                    f"the {event.component.name} did not start ({_how(event.status)}); its reason is above"
                )
            if time.monotonic() > deadline:
                silent = " and ".join(one.name for one in self._components if not one.announced())
                raise StartError(f"not ready after {START_TIMEOUT_S:.0f} s: {silent}")
        return True

    def _next_event(self, timeout_s: float | None) -> Died | StopAsked | None:
        try:
            return self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _announce(self) -> dict[str, Any]:
        """Fixes the ports that were chosen and tells clients of this directory where the server is."""
        self._addresses["grpc"] = _address(self._collector.announced()["grpc"])
        self._addresses["http"] = _address(self._dashboard.announced()["http"])
        said = {
            "http": "http://" + _reachable(self._addresses["http"]),
            "grpc": _reachable(self._addresses["grpc"]),
            "pid": os.getpid(),
        }
        write_json(self._settings.directory / "server.json", said)
        return said

    def _supervise(self) -> None:
        while True:
            now = time.monotonic()
            waiting = [one for one in self._components if one.restart_at is not None]
            next_start = min((one.restart_at for one in waiting if one.restart_at is not None), default=None)
            event = self._next_event(None if next_start is None else max(0.0, next_start - now))
            if isinstance(event, StopAsked):
                return
            if isinstance(event, Died):
                wait_s = event.component.schedule_restart(time.monotonic())
                self._say(f"the {event.component.name} died ({_how(event.status)}); starting it again in {wait_s:g} s")
            for component in waiting:
                self._start_again(component)

    def _start_again(self, component: Component) -> None:
        now = time.monotonic()
        if component.restart_at is not None and component.restart_at <= now:
            component.start(now, self._died)

    def _stop(self) -> None:
        (self._settings.directory / "server.json").unlink(missing_ok=True)
        for component in self._components:
            if not component.stop():
                self._say(
                    f"the {component.name} did not stop by itself and was killed; what it had acknowledged is on disk"
                )

    def _collector_arguments(self) -> list[str]:
        addresses = ["--grpc", self._addresses["grpc"], "--http", self._private()]
        return [*self._common(), *addresses, *self._remote(), *self._blobs()]

    def _projector_arguments(self) -> list[str]:
        return [*self._common(), "--http", self._private()]

    def _dashboard_arguments(self) -> list[str]:
        return [*self._common(), "--http", self._addresses["http"], *self._remote(), *self._blobs(), *self._alerts()]

    def _common(self) -> list[str]:
        return ["--data-dir", str(self._settings.directory)]

    def _private(self) -> str:
        # Health and counters of a component: on this machine only, at any port; components/NAME.json says which.
        return "127.0.0.1:0"

    def _blobs(self) -> list[str]:
        return [] if self._settings.blobs is None else ["--blobs", self._settings.blobs]

    def _alerts(self) -> list[str]:
        return [] if self._settings.alerts is None else ["--alerts", str(self._settings.alerts)]

    def _remote(self) -> list[str]:
        return ["--allow-remote"] if self._settings.allow_remote and not is_loopback(self._settings.host) else []


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _address(said: str) -> str:
    return said.removeprefix("http://").rstrip("/")


def _reachable(address: str) -> str:
    """Where this machine's clients reach a server that listens on every address."""
    host, _, port = address.rpartition(":")
    return f"{ {'0.0.0.0': '127.0.0.1', '[::]': '[::1]'}.get(host, host) }:{port}"


def _how(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
