"""Two machines and what runs on them: one with training processes and forwarders, one with collector and projector."""

import asyncio
import contextlib
import errno
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runwell._segments import WriterIdentity
from runwell.core.limits import SILENT_AFTER_S
from runwell.forwarder.address import CollectorAddress
from runwell.forwarder.errand import Errand
from runwell.forwarder.forwarder import Forwarder
from runwell.forwarder.surroundings import Surroundings
from runwell_collector.log import NewBatch, WriterMark
from runwell_projector.follower import Outcome
from runwell_projector.query import Views
from tests.simulation.event_log import LogDisk
from tests.simulation.faults import Fault, Faults, Killed, Process
from tests.simulation.file_system import FileSystem, ForwarderDisk
from tests.simulation.network import Connection, ForwarderStream, Network
from tests.simulation.reference_spool import Spool, read_spool
from tests.simulation.servers import Collector, Projector, ViewsDisk, projector_process
from tests.simulation.training import ROOT, Clock, Trainer
from tests.simulation.virtual_time import TICKS_PER_S, VirtualTimeLoop

CLIENT_EPOCH, SERVER_EPOCH = 1_700_000_000.0, 1_700_000_300.0
RESTART_S_MAX = 4.0
STEP_S, IDLE_S = 0.05, 1.5
"""How long the projector rests after a step."""


@dataclass
class Plan:
    """How unkind the world is: probabilities for each call or message, and exact calls for the sweeps."""

    disk_failing: float = 0.0
    short_writes: float = 0.0
    forwarder_failing: float = 0.0
    log_full: float = 0.0
    log_failing: float = 0.0
    statements_failing: float = 0.0
    unkindness: float = 0.0
    code: int = errno.EIO
    exact: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of each kind of process, ``fail_at`` and ``kill_at``: the call of its first incarnation that fails or is its last."""

    def of(self, kind: str) -> dict[str, int]:
        """The exact calls, once."""
        return self.exact.pop(kind, {})


@dataclass
class Ended:
    """A writer whose process is gone."""

    trainer: Trainer
    written: Spool
    """What it left."""


class World:
    """Everything that there is. ``log_line`` notes what happens, for whoever looks into a failure."""

    def __init__(self, loop: VirtualTimeLoop, faults: Faults, plan: Plan, data_dir: Path) -> None:
        self.loop = loop
        self.faults = faults
        self.plan = plan
        self.data_dir = data_dir
        self.client_clock = Clock(loop.ticking, CLIENT_EPOCH)
        self.server_clock = Clock(loop.ticking, SERVER_EPOCH)
        self.system = FileSystem(faults)
        self.system.make_directory(ROOT)
        self.network = Network(faults)
        self.network.unkindness = plan.unkindness
        self.network.heard = self._heard
        self.log = LogDisk("log")
        self.log.seen = self._stated
        self.views = ViewsDisk(data_dir)
        self.trainers: list[Trainer] = []
        self.ended: dict[str, Ended] = {}
        self.copies = 0
        self.collector: Collector | None = None
        self.projector: Projector | None = None
        self.forwarder: Process | None = None
        self.restarting = True
        self.last_heard: dict[bytes, float] = {}
        self._collecting_since = 0.0
        self._opened: dict[int, set[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.forwarding: asyncio.Task[None] | None = None
        self._forwarder: Forwarder | None = None
        self._collecting: asyncio.Task[None] | None = None
        self.left_undone: list[str] = []
        """What the forwarder that ended last did not bring to an end."""
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        """Remembers what happened."""
        self.lines.append(f"{self.loop.time():10.3f}  {line}")

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose error ends the schedule."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        return task

    def check(self) -> None:
        """Raises what went wrong beside."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.remove(task)
            if not task.cancelled():
                task.result()
        for error in (self.loop.error, self.network.error):
            if error is not None and not isinstance(error, Killed):
                raise error

    # ---- The training machine

    def train(
        self, identity: WriterIdentity, begin: tuple[str, dict[str, Any]], starting_step: int, **options: Any
    ) -> Trainer | None:
        """Starts a training process; None when its spool could not be made."""
        process = Process(self.faults, failing=self.plan.disk_failing, code=self.plan.code, **self.plan.of("training"))
        try:
            trainer = Trainer(self.system, self.client_clock, process, identity, begin, starting_step, **options)
        except (OSError, Killed):
            self.note("a training process could not begin")
            return None
        trainer.directory.short_writes = self.plan.short_writes
        self.trainers.append(trainer)
        self.note(f"{identity.run_id} {trainer.writer_id[:6]} begins: {begin[0]}")
        return trainer

    def bury(self, trainer: Trainer) -> None:
        """The process is gone; notes what it left."""
        if trainer.writer_id not in self.ended:
            trainer.kill()
            self.ended[trainer.writer_id] = Ended(trainer, self.spool_of(trainer))
            self.note(f"{trainer.identity.run_id} {trainer.writer_id[:6]} is gone, finished: {trainer.finished}")

    def segments_of(self, trainer: Trainer) -> list[bytes]:
        """Its segments as they are."""
        return [bytes(file.data) for file in self.system.segments(trainer.path)]

    def spool_of(self, trainer: Trainer) -> Spool:
        """What its spool holds."""
        return read_spool(self.segments_of(trainer))

    def start_forwarder(self, *, follow: bool = True, second: bool = False) -> asyncio.Task[None]:
        """`runwell sync`, in the background or not."""
        process = Process(
            self.faults,
            failing=self.plan.forwarder_failing,
            killed_by=Fault.KILL_FORWARDER_IN_A_CALL,
            **self.plan.of("forwarder"),
        )
        errand = Errand((ROOT,), (), "http://server", ROOT.parent, follow)
        surroundings = Surroundings(
            ForwarderDisk(self.system, process),
            self.faults.chance,
            self.client_clock.monotonic,
            self.client_clock.wall,
            lambda errand: CollectorAddress("server:1", loopback=self.faults.chance.random() < 0.5),
            lambda address, received: ForwarderStream(self.network, lambda: process.dead, address, received),
        )
        forwarder = Forwarder(errand, surroundings=surroundings)
        task = self.loop.create_task(self._forward(forwarder, process))
        if not second:
            self.forwarder, self.forwarding, self._forwarder = process, task, forwarder
        self._tasks.add(task)
        return task

    async def _forward(self, forwarder: Forwarder, process: Process) -> None:
        self.note("a forwarder begins")
        with contextlib.suppress(Killed, asyncio.CancelledError):
            await forwarder.run()
        self.left_undone = _left_undone(forwarder)
        process.dead = True
        self.note(f"a forwarder ends: {forwarder.problem or 'all is well'}; left undone: {self.left_undone}")

    def forwarder_is_done(self) -> bool:
        """Whether there is nothing left for it to do; it would stay for a minute. Notes what it is at."""
        assert self._forwarder is not None
        self.left_undone = _left_undone(self._forwarder)
        if not self.left_undone:
            self._forwarder.stop()
        return not self.left_undone

    def kill_forwarder(self) -> None:
        """SIGKILL."""
        if self.forwarder is not None and self.forwarding is not None and not self.forwarding.done():
            self.forwarder.dead = True
            self.forwarding.cancel()

    async def keep_forwarding(self) -> None:
        """A forwarder that was killed is started again by the training process."""
        while self.restarting:
            await asyncio.wait([self.start_forwarder()])
            await asyncio.sleep(self.faults.chance.random() * RESTART_S_MAX)

    def lose_client_power(self) -> None:
        """All processes of the training machine die, and what was not synced may be gone."""
        self.faults.happen(Fault.CLIENT_POWER_LOST)
        self.kill_forwarder()
        for trainer in self.trainers:
            self.bury(trainer)
        self.system.lose_power()
        for trainer in self.trainers:
            trainer.directory.power_lost_at = trainer.directory.power_lost_at or self.client_clock.monotonic()

    # ---- The server

    async def keep_collecting(self) -> None:
        """As the supervisor does."""
        while self.restarting:
            process = Process(
                self.faults,
                failing=self.plan.log_failing,
                killed_by=Fault.KILL_COLLECTOR_IN_A_COMMIT,
                failed_by=Fault.LOG_FAILED,
                **self.plan.of("collector"),
            )
            self._collecting_since = self.loop.time()
            process.on_death = lambda: self.loop.call_soon(self.kill_collector)
            self.collector = Collector(self.log, self.network, self.server_clock, process, log_full=self.plan.log_full)
            self._collecting = self.loop.create_task(self.collector.main())
            await asyncio.wait([self._collecting])
            process.dead = True
            self.last_heard.clear()
            self._opened.clear()
            error = None if self._collecting.cancelled() else self._collecting.exception()
            if error is not None and not isinstance(error, Killed | OSError):
                raise error
            self.note(f"the collector is gone: {error!r}")
            await asyncio.sleep(self.faults.chance.random() * RESTART_S_MAX)

    def kill_collector(self) -> None:
        """SIGKILL."""
        if self.collector is not None and self._collecting is not None:
            self.collector.process.dead = True
            self._collecting.cancel()

    async def keep_projecting(self) -> None:
        """As the supervisor does."""
        while True:
            process = projector_process(self.faults, failing=self.plan.statements_failing, **self.plan.of("projector"))
            projector = self.projector = Projector(self.log, self.data_dir, self.server_clock, process)
            try:
                while not process.dead:
                    outcome = projector.step()
                    await asyncio.sleep(STEP_S if outcome is Outcome.MORE else IDLE_S)
            except Killed:
                self.note("the projector is killed")
            except asyncio.CancelledError:
                projector.close()
                raise
            projector.close()
            if self.faults.chance.random() < 0.5:
                self.views.remember()
            await asyncio.sleep(self.faults.chance.random() * RESTART_S_MAX)

    def kill_projector(self) -> None:
        """SIGKILL, between two steps."""
        if self.projector is not None:
            self.projector.close()

    def lose_server_power(self) -> None:
        """The log keeps what it had synced; the views may go back."""
        self.faults.happen(Fault.SERVER_POWER_LOST)
        self.kill_collector()
        self.kill_projector()
        self.views.lose_power()

    def _heard(self, connection: Connection, message: Any) -> None:
        """Whom the collector cannot believe silent."""
        opened = self._opened.setdefault(id(connection), set())
        opened |= {request.open.writer_id for request in message.requests if request.HasField("open")}
        for writer in opened:
            self.last_heard[writer] = self.loop.time()

    def _stated(self, batch: NewBatch) -> None:
        """Nobody is stated silent who was heard of within the time-out, or could not be since the collector's start."""
        if batch.mark & WriterMark.SILENT:
            quiet_s = self.loop.time() - self.last_heard.get(batch.writer, self._collecting_since)
            assert quiet_s >= SILENT_AFTER_S - 1 / TICKS_PER_S, f"{batch.writer.hex()} was heard of {quiet_s} s before"

    @contextlib.contextmanager
    def reading(self) -> Any:
        """The views as readers see them."""
        with Views.open(self.data_dir) as views:
            yield views


def _left_undone(forwarder: Forwarder) -> list[str]:
    return [
        f"{courier.spool.directory.name}: {courier.state.name} {courier.problem} live: {courier.live}"
        for courier in forwarder.session.couriers
        if not courier.settled
    ]
