"""The composition root: what a collector is made of, in the order in which it starts, and stops backwards."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from runwell.core import limits
from runwell.v1 import collector_pb2, collector_pb2_grpc, event_pb2
from runwell_collector import directory
from runwell_collector.appender import Clock
from runwell_collector.blobs.arrivals import Arrivals
from runwell_collector.blobs.index import BlobIndex
from runwell_collector.blobs.service import BlobService
from runwell_collector.blobs.store import open_blob_store
from runwell_collector.catalogue.decider import Decider
from runwell_collector.catalogue.notes import CatalogueNotes
from runwell_collector.catalogue.waiting import WaitingWishes
from runwell_collector.closed_segments import compress_for_ever
from runwell_collector.config import Address, CollectorConfig, ConfigError, listening
from runwell_collector.counters import Counters
from runwell_collector.http import health_app, serving_http
from runwell_collector.intake import NO_SPACE, Intake
from runwell_collector.log import RunId
from runwell_collector.log.sqlite import SqliteEventLog, open_event_log
from runwell_collector.service import CollectorService

SYSTEM_CLOCK = Clock(time.monotonic, time.time)
STOP_GRACE_S = 3.0
"""Streams that were told that the collector stops get this long to take their acks."""

KEEPALIVE_S = 30.0
SERVICE = collector_pb2.DESCRIPTOR.services_by_name["CollectorService"].full_name
GRPC_OPTIONS = (
    ("grpc.max_receive_message_length", limits.PUBLISH_MESSAGE_BYTES_MAX),
    # Else a second process could listen on the same port and take half of the streams.
    ("grpc.so_reuseport", 0),
    # A machine that vanished leaves its streams open; senders may ask as often for the same reason.
    ("grpc.keepalive_time_ms", int(KEEPALIVE_S * 1000)),
    ("grpc.keepalive_timeout_ms", int(KEEPALIVE_S * 1000)),
    ("grpc.http2.min_ping_interval_without_data_ms", int(limits.HEARTBEAT_INTERVAL_S * 500)),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclass(frozen=True, slots=True)
class Collector:
    """One that serves: where, and what it is made of."""

    grpc: Address
    http: Address
    log: SqliteEventLog
    intake: Intake


@asynccontextmanager
async def running_collector(
    config: CollectorConfig,
    clock: Clock = SYSTEM_CLOCK,
    free_bytes: Callable[[Path], int] = directory.free_bytes,
) -> AsyncIterator[Collector]:
    """Serves within the block, and stops gracefully at its end: everything taken is committed and acknowledged.

    Raises ConfigError or LogDamagedError when it cannot start; an error of the log's disk later cancels the block.
    Exceptions of a task arrive in an exception group.
    """
    directory.refuse_network_filesystem(config.data_dir)
    async with AsyncExitStack() as stack:
        stack.enter_context(directory.sole_user(config.log_dir))
        log = await stack.enter_async_context(open_event_log(config.log_dir, config.segment_bytes_max))
        # Grows over restarts too, as long as the wall clock does.
        epoch = int(clock.wall() * 1000)
        intake = Intake(log.log_id, await log.living(), epoch, clock.monotonic())
        counters = Counters()
        arrivals = await _open_arrivals(stack, config, free_bytes)
        pauses_s = config.commit_interval_s, config.commit_gather_s
        service = CollectorService(intake, log, counters, clock, pauses_s, BlobService(arrivals, log.log_id))
        notes = stack.enter_context(closing(CatalogueNotes(config.data_dir / "catalogue.db", log.log_id)))
        waiting = WaitingWishes(arrivals.store, arrivals.index)
        decider = Decider(log, notes, waiting, OwnRecords(service, intake, log, clock).append, clock.wall)
        service.appender.follow = decider.appended
        arrivals.entries.stored = decider.arrived
        disk = DiskWatch(intake, config, free_bytes)
        _show_gauges(counters, intake, disk)
        tasks = await stack.enter_async_context(_background())
        tasks.start(service.appender.append_for_ever())
        tasks.start(decider.decide_for_ever())
        http = await stack.enter_async_context(serving_http(health_app(counters, disk.not_ready), config.http))
        server_health = health.aio.HealthServicer()
        address = await stack.enter_async_context(_serving_grpc(service, server_health, config.grpc))
        tasks.start(disk.watch_for_ever(server_health))
        tasks.start(compress_for_ever(config.data_dir, log.segment_closed))
        tasks.start(state_silent_for_ever(service, intake, clock, config.liveness_interval_s))
        component = {"pid": os.getpid(), "http": f"http://{http}", "grpc": str(address), "started_at": clock.wall()}
        stack.enter_context(directory.announced(config.data_dir, component))
        yield Collector(address, http, log, intake)


async def _open_arrivals(stack: AsyncExitStack, config: CollectorConfig, free_bytes: Callable[[Path], int]) -> Arrivals:
    """Raises ConfigError, and StoreError when the store does not answer."""
    try:
        store = open_blob_store(config.blobs, config.data_dir, free_bytes)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    index = stack.enter_context(closing(BlobIndex(config.data_dir / "blobs.db")))
    await index.fill(store)
    arrivals = Arrivals(config.data_dir / "incoming", store, index)
    arrivals.remove_abandoned()
    return arrivals


class OwnRecords:
    """Appends what the collector decides."""

    def __init__(self, service: CollectorService, intake: Intake, log: SqliteEventLog, clock: Clock) -> None:
        self._service = service
        self._intake = intake
        self._log = log
        self._clock = clock

    async def append(self, run: RunId, writer: bytes, event: event_pb2.Event) -> bool:
        """Whether it is durable; False when the disk is full."""
        position = await self._log.position(writer)
        self._intake.state(run, writer, position, event, self._clock.wall())
        self._service.appender.wake()
        await self._service.appender.until(lambda: self._intake.is_idle(writer))
        now = await self._log.position(writer)
        return now is not None and now.durable > (position.durable if position else 0)


class DiskWatch:
    """Looks how much is free under the log, and lets the intake take more or not."""

    def __init__(self, intake: Intake, config: CollectorConfig, free_bytes: Callable[[Path], int]) -> None:
        self._intake = intake
        self._config = config
        self._read_free_bytes = free_bytes
        self.free_bytes = 0
        self.look()

    def look(self) -> None:
        """Looks once."""
        self.free_bytes = self._read_free_bytes(self._config.log_dir)
        self._intake.has_space = self.free_bytes >= limits.LOG_FREE_BYTES_MIN

    def not_ready(self) -> str | None:
        """Why nothing is taken at present."""
        return None if self._intake.has_space else NO_SPACE

    async def watch_for_ever(self, server_health: health.aio.HealthServicer) -> None:
        """Also tells the gRPC health service."""
        while True:
            self.look()
            status = health_pb2.HealthCheckResponse
            serving = status.SERVING if self._intake.has_space else status.NOT_SERVING
            for service in ("", SERVICE):
                await server_health.set(service, serving)
            await asyncio.sleep(self._config.disk_interval_s)


async def state_silent_for_ever(service: CollectorService, intake: Intake, clock: Clock, interval_s: float) -> None:
    """Looks every ``interval_s`` seconds whether writers have fallen silent."""
    while True:
        await asyncio.sleep(interval_s)
        intake.state_silent(clock.monotonic(), clock.wall())
        service.appender.wake()


class _Background:
    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[None, None, None]) -> None:
        self.tasks.append(self._group.create_task(work))


@asynccontextmanager
async def _background() -> AsyncIterator[_Background]:
    """Tasks that run until the end of the block; an error of one of them is the end of the block."""
    async with asyncio.TaskGroup() as group:
        background = _Background(group)
        try:
            yield background
        finally:
            for task in background.tasks:
                task.cancel()


@asynccontextmanager
async def _serving_grpc(
    service: CollectorService, server_health: health.aio.HealthServicer, address: Address
) -> AsyncIterator[Address]:
    server = grpc.aio.server(options=GRPC_OPTIONS)
    collector_pb2_grpc.add_CollectorServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    health_pb2_grpc.add_HealthServicer_to_server(server_health, server)
    reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    # gRPC would tell a busy port in many lines of its own.
    listening(address).close()
    try:
        port = server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise ConfigError(f"cannot listen on {address}: it is in use; choose another one") from error
    await server.start()
    try:
        yield Address(address.host, port)
    finally:
        await server_health.enter_graceful_shutdown()
        service.stop()
        await server.stop(STOP_GRACE_S)


def _show_gauges(counters: Counters, intake: Intake, disk: DiskWatch) -> None:
    counters.gauge("open_writers", "Writers that a stream has open", lambda: intake.open_writers)
    counters.gauge("streams", "Connected streams", lambda: intake.streams)
    counters.gauge("queued_batches", "Batches taken and not yet on disk", lambda: intake.queued_batches)
    counters.gauge("queued_bytes", "Bytes taken and not yet on disk", lambda: intake.queued_bytes)
    counters.gauge("disk_free_bytes", "Free under the log", lambda: disk.free_bytes)
