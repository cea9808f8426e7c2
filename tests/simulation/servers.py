"""The server's processes: the real service, intake, appender and follower on simulated log, network and disk."""

import asyncio
import errno
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grpc_health.v1 import health

from runwell_collector.appender import Clock as CollectorClock
from runwell_collector.collector import DiskWatch, state_silent_for_ever
from runwell_collector.config import Address, CollectorConfig
from runwell_collector.counters import Counters
from runwell_collector.intake import Intake
from runwell_collector.service import CollectorService
from runwell_projector.files import ViewFiles
from runwell_projector.follower import Follower, Outcome
from runwell_projector.schema import create_views
from tests.simulation.event_log import FollowedLog, LogDisk, OpenLog
from tests.simulation.faults import Fault, Faults, Killed, Process
from tests.simulation.network import Network
from tests.simulation.training import Clock

NOWHERE = Address("127.0.0.1", 0)
PLENTY_BYTES = 1 << 40


class Collector:
    """One incarnation; ``main`` ends when it is stopped, or raises what ended it."""

    def __init__(self, disk: LogDisk, network: Network, clock: Clock, process: Process, *, log_full: float) -> None:
        self.process = process
        self.free_bytes = PLENTY_BYTES
        self._log = OpenLog(disk, process, log_full)
        self._network = network
        self._clock = CollectorClock(clock.monotonic, clock.wall)
        self._service: CollectorService | None = None
        self._stopped = asyncio.Event()

    async def main(self) -> None:
        clock, log = self._clock, self._log
        living = await log.living()
        intake = Intake(log.log_id, living, int(clock.wall() * 1000), clock.monotonic())
        config = CollectorConfig(Path("/server"), NOWHERE, NOWHERE)
        pauses_s = config.commit_interval_s, config.commit_gather_s
        service = self._service = CollectorService(intake, log, Counters(), clock, pauses_s)
        watch = DiskWatch(intake, config, lambda path: self.free_bytes)
        self._network.serve = service.Publish
        work = [
            service.appender.append_for_ever(),
            watch.watch_for_ever(health.aio.HealthServicer()),
            state_silent_for_ever(service, intake, clock, config.liveness_interval_s),
            self._stopped.wait(),
        ]
        tasks = [asyncio.ensure_future(part) for part in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._drain()
        finally:
            self._leave()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.exception()

    def stop(self) -> None:
        """SIGTERM."""
        self._stopped.set()

    async def _drain(self) -> None:
        """As the real one: what was taken is committed and acknowledged, and the streams end."""
        assert self._service is not None
        self._network.serve = None
        self._service.stop()
        handlers = [connection.handler for connection in self._network.connections if connection.handler is not None]
        if handlers:
            await asyncio.wait(handlers, timeout=3.0)

    def _leave(self) -> None:
        self._network.serve = None
        for connection in self._network.connections:
            if connection.handler is not None:
                connection.handler.cancel()
            connection.cut()


class ViewsConnection(sqlite3.Connection):
    """A connection whose statements may fail, or be the last thing that its process does."""

    process: Process

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        return self._called(super().execute, arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        return self._called(super().executemany, arguments)

    def _called(self, call: Callable[..., sqlite3.Cursor], arguments: tuple[Any, ...]) -> sqlite3.Cursor:
        try:
            last = self.process.called(
                may_fail=not str(arguments[0]).startswith(("ROLLBACK", "PRAGMA", "SELECT count"))
            )
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error
        if last:
            if self.process.faults.chance.random() < 0.5:
                call(*arguments)
            self.process.die()
        return call(*arguments)


class Projector:
    """One incarnation over real files."""

    def __init__(self, disk: LogDisk, data_dir: Path, clock: Clock, process: Process) -> None:
        self.process = process
        self.free_bytes = PLENTY_BYTES
        self._connections: list[ViewsConnection] = []
        self.follower = Follower(
            ViewFiles(data_dir),
            FollowedLog(disk, process),
            free_bytes=lambda: self.free_bytes,
            now=clock.wall,
            say=lambda line: None,
            connect=self._connect,
        )

    def _connect(self, path: Path) -> sqlite3.Connection:
        process = self.process
        process.called()
        factory = type("OfThisProcess", (ViewsConnection,), {"process": process})
        connection = create_views(path, factory)
        self._connections.append(connection)
        return connection

    def step(self) -> Outcome:
        """One step of the follower. Raises Killed; what the dead process had open is closed then, as the kernel does."""
        try:
            return self.follower.step()
        except Killed:
            self.close()
            raise

    def close(self) -> None:
        """The process is gone; a transaction under way never was."""
        self.process.dead = True
        for connection in self._connections:
            sqlite3.Connection.close(connection)
        self._connections.clear()
        locks = self.follower._build_lock.pop_all()
        locks.close()


class ViewsDisk:
    """The directory of the views, and an older state of it that a loss of power may bring back."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._older = data_dir / "older"

    def remember(self) -> None:
        """To be called while no projector runs."""
        shutil.rmtree(self._older, ignore_errors=True)
        if (self.data_dir / "views").exists():
            shutil.copytree(self.data_dir / "views", self._older)

    def lose_power(self) -> None:
        """`synchronous = NORMAL` may forget the last transactions; the file is whole all the same."""
        if self._older.exists():
            shutil.rmtree(self.data_dir / "views", ignore_errors=True)
            shutil.copytree(self._older, self.data_dir / "views")


def projector_process(faults: Faults, **plan: Any) -> Process:
    """A process whose statements fail."""
    return Process(
        faults,
        killed_by=Fault.KILL_PROJECTOR_IN_A_STATEMENT,
        failed_by=Fault.STATEMENT_FAILED,
        code=errno.EINTR,
        **plan,
    )
