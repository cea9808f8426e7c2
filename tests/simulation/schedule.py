"""One schedule: a seed makes a world, what training processes do in it, and what goes wrong; then everything is checked.

After the drama the world becomes kind: whoever is dead is started again, everything is sent, and the views must be what the
reference makes of what the training processes were told to keep.
"""

import asyncio
import contextlib
import errno
import shutil
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from runwell._segments import WriterIdentity
from tests.simulation.checks import check_log_and_views, check_spool, check_survivors
from tests.simulation.faults import Fault, Faults, Killed
from tests.simulation.servers import PLENTY_BYTES
from tests.simulation.training import ROOT, Trainer
from tests.simulation.virtual_time import StuckError, VirtualTimeLoop
from tests.simulation.world import Plan, World

SETTLE_S_MAX = 1800.0
"""Simulated time in which a kind world must have delivered everything."""

QUIET_S_MIN = 0.2
"""Between two acts of the drama, on average half of this and some seconds."""

SYNCS_MAX = 5
"""`runwell sync` waits 3 s for a server that was never reached, so that one call of it may come to nothing."""

LINES_SHOWN = 200
TRACE_PARTS = 12


@dataclass(frozen=True)
class Outcome:
    """What a schedule was like."""

    seed: str
    faults: Counter[Fault]
    records: int
    """In the log at the end."""
    digest: str
    """Of all that happened."""

    @property
    def unkind(self) -> bool:
        """Whether anything went wrong; that rows are logged in the middle of a sync is no fault."""
        return any(fault is not Fault.WRITTEN_IN_A_SYNC for fault in self.faults)


class ScheduleError(AssertionError):
    """The schedule found something; its message ends with how to repeat it."""


def run_schedule(seed: str, plan: Plan | None = None) -> Outcome:
    """Runs the schedule of that seed. Raises ScheduleError."""
    loop = VirtualTimeLoop()
    memory = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(prefix="runwell-simulation-", dir=memory if memory.is_dir() else None))
    faults = Faults(seed)
    world = World(loop, faults, plan or random_plan(faults.chance), directory)
    schedule = Schedule(seed, world, dramatic=plan is None)
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(schedule.play())
        digest = sha256("\n".join(world.lines).encode()).hexdigest()
        return Outcome(seed, faults.counts, schedule.records, digest)
    except (Exception, StuckError) as error:
        tale = "\n".join(world.lines[-LINES_SHOWN:])
        happened = ", ".join(f"{fault.name} {count}" for fault, count in faults.counts.items())
        where = "".join(traceback.format_exception(error)[-TRACE_PARTS:])
        raise ScheduleError(
            f"{type(error).__name__}: {error}\n{where}\n{tale}\nleft undone: {world.left_undone}\nfaults: {happened}\n"
            f"to repeat it: python -m tests.simulation --seed {seed} --schedules 1"
        ) from error
    finally:
        _end(loop, world)
        shutil.rmtree(directory, ignore_errors=True)


def _end(loop: VirtualTimeLoop, world: World) -> None:
    """Nothing is left behind."""
    world.kill_projector()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(StuckError):
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    asyncio.set_event_loop(None)
    loop.close()


def random_plan(chance: Random) -> Plan:
    """A few kinds of unkindness at a time, so that each gets far."""

    def sometimes(most: float) -> float:
        return chance.random() * most if chance.random() < 0.35 else 0.0

    return Plan(
        disk_failing=sometimes(0.03),
        short_writes=sometimes(0.1),
        forwarder_failing=sometimes(0.01),
        log_full=sometimes(0.1),
        log_failing=sometimes(0.03),
        statements_failing=sometimes(0.01),
        unkindness=sometimes(0.05),
        code=chance.choice([errno.EIO, errno.ENOSPC, errno.EDQUOT]),
    )


class Schedule:
    """What happens in a world."""

    def __init__(self, seed: str, world: World, *, dramatic: bool) -> None:
        self.seed = seed
        self.world = world
        self.faults = world.faults
        self.chance = world.faults.chance
        self.dramatic = dramatic
        self.records = 0
        self._attempts: dict[str, int] = {}
        self._backup: Any = None

    async def play(self) -> None:
        """From the beginning to the last check."""
        world = self.world
        world.spawn(world.keep_collecting())
        projecting = world.loop.create_task(world.keep_projecting())
        forwarding = world.spawn(world.keep_forwarding())
        training = [world.spawn(self._train(number)) for number in range(self.chance.choice([1, 1, 2, 3]))]
        drama = world.spawn(self._drama()) if self.dramatic else None
        await asyncio.wait(training)
        if drama is not None:
            drama.cancel()
            await asyncio.wait([drama])
        await self._settle(forwarding)
        projecting.cancel()
        await asyncio.wait([projecting])
        world.check()
        self.records = sum(batch.count for batch in world.log.log._batches)
        await check_log_and_views(world)

    # ---- What training processes do

    async def _train(self, number: int) -> None:
        """A few attempts and writers of a run, one after the other."""
        run_id = f"run-{number % 2}"
        for _ in range(self.chance.choice([1, 1, 2, 3])):
            trainer = self._begin(run_id)
            if trainer is not None:
                await self._work(trainer)
            await asyncio.sleep(self.chance.random() * 3)

    def _begin(self, run_id: str) -> Trainer | None:
        attempt = self._attempts.get(run_id, 0)
        process = {
            "host": f"host-{self.chance.randrange(3)}",
            "pid": self.chance.randrange(1, 999),
            "command": ["train"],
        }
        if attempt == 0:
            begin: tuple[str, dict[str, Any]] = (
                "run_started",
                {"fields": {"name": "a name", "tags": {"values": ["x"]}}, "process": process, "resume": "allow"},
            )
            attempt = 1
        elif self.chance.random() < 0.3:
            begin = ("writer_attached", {"attempt": attempt, "starting_step": 0, "process": process})
        else:
            attempt += 1
            fields = {"notes": f"attempt {attempt}"}
            begin = ("run_resumed", {"attempt": attempt, "starting_step": 3, "fields": fields, "process": process})
        starting_step = begin[1].get("starting_step", 0)
        options = {
            "segment_bytes": self.chance.choice([700, 2_000, 1 << 20]),
            "durability": self.chance.choice(["interval", "interval", "always"]),
            "unsynced_bytes_max": self.chance.choice([600, 1 << 20]),
            "bytes_max": self.chance.choice([2_500, 1 << 30, 1 << 30, 1 << 30]),
        }
        identity = WriterIdentity(self.chance.randbytes(16), "lab", "digits", run_id)
        trainer = self.world.train(identity, begin, starting_step, **options)
        if trainer is not None:
            self._attempts[run_id] = attempt
        return trainer

    async def _work(self, trainer: Trainer) -> None:
        steps = self.chance.choice([3, 8, 20])
        busy = self.chance.random() < 0.3
        try:
            for _ in range(steps):
                await asyncio.sleep(0 if busy else self.chance.random() * 0.8)
                if trainer.process.dead:
                    raise Killed
                trainer.act()
            if self.dramatic and self.chance.random() < 0.2:
                self.faults.happen(Fault.KILL_TRAINING)
                raise Killed
            trainer.finish(self.chance.choice([0, 0, 1]))
        except Killed:
            trainer.kill()
        self.world.bury(trainer)
        check_spool(self.world, trainer)

    # ---- What goes wrong beside

    async def _drama(self) -> None:
        acts = [self._act_of_the_client, self._act_of_the_server, self._act_of_the_network, self._act_of_the_disks]
        quiet = QUIET_S_MIN + self.chance.random() * 5
        while True:
            await asyncio.sleep(self.chance.random() * quiet)
            self.world.check()
            self.chance.choice(acts)()

    def _act_of_the_client(self) -> None:
        world, way = self.world, self.chance.randrange(10)
        if way < 3:
            self.faults.happen(Fault.KILL_FORWARDER)
            world.kill_forwarder()
        elif way < 4:
            living = [trainer for trainer in world.trainers if not trainer.process.dead]
            if living:
                living[self.chance.randrange(len(living))].process.kill_at = -1
                self._kill_soon(living)
        elif way < 6:
            self.faults.happen(Fault.CLIENT_CLOCK_JUMPED)
            world.client_clock.jump(self.chance.randint(-7200, 7200) / 2)
        elif way < 7:
            self.faults.happen(Fault.SECOND_FORWARDER)
            world.start_forwarder(follow=False, second=True)
        elif way < 8:
            self._damage_a_spool()
        elif way < 9:
            self._copy_a_spool()
        elif self.chance.random() < 0.5:
            world.lose_client_power()
            check_survivors(world)

    def _kill_soon(self, living: list[Trainer]) -> None:
        trainer = living[self.chance.randrange(len(living))]
        trainer.process.kill_at = trainer.process.calls + self.chance.randint(1, 6)

    def _damage_a_spool(self) -> None:
        """Of a process that is gone, since its own pages would hide what the disk does."""
        gone = [trainer for trainer in self.world.trainers if trainer.writer_id in self.world.ended]
        segments = [(trainer, file) for trainer in gone for file in self.world.system.segments(trainer.path)]
        if segments:
            trainer, file = self.chance.choice(segments)
            if len(file.data) > 8:
                self.faults.happen(Fault.SPOOL_DAMAGED)
                place = self.chance.randrange(8, len(file.data))
                trainer.directory.damaged = True
                file.data[place] ^= self.chance.randrange(1, 256)
                self.world.note(f"a segment of {trainer.writer_id[:6]} is damaged at {place}")

    def _copy_a_spool(self) -> None:
        published = [trainer for trainer in self.world.trainers if str(trainer.path) in self.world.system.directories]
        if published:
            self.faults.happen(Fault.SPOOL_COPIED)
            self.world.copies += 1
            source = self.chance.choice(published).path
            self.world.system.copy_directory(source, ROOT / f"copy-{self.world.copies}-of-{source.name}")

    def _act_of_the_server(self) -> None:
        world, way = self.world, self.chance.randrange(12)
        if way < 3:
            self.faults.happen(Fault.KILL_COLLECTOR)
            world.kill_collector()
        elif way < 5 and world.collector is not None:
            self.faults.happen(Fault.STOP_COLLECTOR)
            world.collector.stop()
        elif way < 7 and world.projector is not None:
            process = world.projector.process
            process.kill_at = process.calls + self.chance.randint(1, 30)
        elif way < 8:
            world.lose_server_power()
        elif way < 10:
            self.faults.happen(Fault.SERVER_CLOCK_JUMPED)
            world.server_clock.jump(self.chance.randint(-7200, 7200) / 2)
        elif way < 11:
            self._backup = world.log.copy()
        elif self._backup is not None:
            self.faults.happen(Fault.LOG_RESTORED)
            world.kill_collector()
            world.kill_projector()
            world.log.restore(self._backup)
            world.note(f"the log is restored at offset {len(self._backup._batches)}")

    def _act_of_the_network(self) -> None:
        world, way = self.world, self.chance.randrange(6)
        streams = [connection for connection in world.network.connections if connection.open]
        if way < 3 and streams:
            self.faults.happen(Fault.STREAM_CUT)
            self.chance.choice(streams).cut()
        elif way < 4 and streams:
            self.faults.happen(Fault.STREAM_HUNG)
            self.chance.choice(streams).hangs = True
        elif way < 5:
            world.network.away = True
            world.loop.call_later(self.chance.random() * 60, setattr, world.network, "away", False)

    def _act_of_the_disks(self) -> None:
        """Full for a while."""
        world, way, loop = self.world, self.chance.randrange(4), self.world.loop
        pause_s = self.chance.random() * 20
        if way < 2:
            world.system.capacity = world.system.used() + self.chance.randrange(200)
            loop.call_later(pause_s, setattr, world.system, "capacity", PLENTY_BYTES)
        elif way < 3 and world.collector is not None:
            self.faults.happen(Fault.LOG_DISK_FULL)
            world.collector.free_bytes = 1000
            loop.call_later(pause_s, setattr, world.collector, "free_bytes", PLENTY_BYTES)
        elif world.projector is not None:
            self.faults.happen(Fault.VIEWS_DISK_FULL)
            world.projector.free_bytes = 1000
            loop.call_later(pause_s, setattr, world.projector, "free_bytes", PLENTY_BYTES)

    # ---- The end

    async def _settle(self, forwarding: asyncio.Task[None]) -> None:
        """Everything is sent and projected, in a world where nothing goes wrong any more."""
        world = self.world
        self.faults.over = True
        world.system.capacity = PLENTY_BYTES
        world.network.away, world.network.unkindness = False, 0.0
        for connection in world.network.connections:
            connection.unkindness = 0.0
        if world.collector is not None:
            world.collector.free_bytes = PLENTY_BYTES
        if world.projector is not None:
            world.projector.free_bytes = PLENTY_BYTES
        world.note("the world is kind from here on")
        async with asyncio.timeout(SETTLE_S_MAX):
            await self._send_the_rest(forwarding)
            while world.projector is None or not self._projected():
                world.check()
                await asyncio.sleep(1)

    async def _send_the_rest(self, forwarding: asyncio.Task[None]) -> None:
        """The forwarder in the background has nothing left to do; then `runwell sync` finds what is left, if anything is."""
        world = self.world
        while world.forwarding is None or world.forwarding.done() or not world.forwarder_is_done():
            world.check()
            await asyncio.sleep(1)
        forwarding.cancel()
        await asyncio.wait([world.forwarding])
        world.check()
        for _ in range(SYNCS_MAX):
            await asyncio.wait([world.start_forwarder(follow=False)])
            world.check()
            if not world.left_undone:
                break

    def _projected(self) -> bool:
        with self.world.reading() as views:
            log_id, offset = views.checkpoint()
        return log_id == self.world.log.log.log_id and offset == len(self.world.log.log._batches)
