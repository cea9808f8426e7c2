"""A training process: the real Lane over a simulated disk, and a note of all that it was told to keep."""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from runwell._lane import Lane
from runwell._segments import WriterIdentity
from runwell._spool import SpoolWriter
from runwell.core.steps import StepCursor
from tests.simulation.faults import Fault, Killed, Process
from tests.simulation.file_system import FileSystem, SpoolDirectory

ROOT = Path("/machine/spool")
SYNC_DELAY_S = 0.5
SEPARATOR = "\x1f"
KEYS = ["loss", "accuracy", "lr", "epoch"]
USUAL_KEYS = ["loss", "accuracy"]


@dataclass
class Clock:
    """A machine's clock: ``monotonic`` counts up, ``wall`` may jump."""

    ticking: Callable[[], float]
    began_at: float
    offsets: list[float] = field(default_factory=list)
    """All differences of wall and monotonic time that there ever were."""

    def __post_init__(self) -> None:
        self.offsets.append(self.began_at)

    def monotonic(self) -> float:
        return self.ticking()

    def wall(self) -> float:
        return self.offsets[-1] + self.ticking()

    def jump(self, seconds: float) -> None:
        """The wall clock is set."""
        self.offsets.append(self.offsets[-1] + seconds)


@dataclass
class Told:
    """Something that the process was told to keep."""

    at: float
    """Monotonic time of the call."""
    kind: str
    """"row" or the event's name."""
    content: Any
    """Of a row: values by path; of an event its fields."""
    step: int = 0
    masked: bool = False
    returned: bool = True
    """False when the process died in the call."""
    dropped: bool = False
    held: bool = False
    """The disk refused, so that the event had to wait in memory."""


class SyncTimer:
    """The syncing thread (runwell._sync.Syncer), as a timer of the loop."""

    def __init__(self, trainer: "Trainer", sync: Callable[[], bool]) -> None:
        self._trainer = trainer
        self._sync = sync
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SYNC_DELAY_S, self._run)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        self._timer = None
        try:
            if self._sync() or self._trainer.lane.writer.dirty:
                self.wake()
        except Killed:
            self._trainer.process.dead = True


class Trainer:
    """One writer's process. ``told`` is in the order of the calls; ``base`` is the wall clock less the monotonic at its start."""

    def __init__(
        self,
        system: FileSystem,
        clock: Clock,
        process: Process,
        identity: WriterIdentity,
        begin: tuple[str, dict[str, Any]],
        starting_step: int,
        **options: Any,
    ) -> None:
        """Raises OSError when the spool cannot be made, and Killed."""
        name = f"{identity.run_id}.{identity.writer.hex()}"
        self.process = process
        process.on_death = self._died
        self.identity = identity
        self.clock = clock
        self.told: list[Told] = []
        self.finished = False
        self.died_at = math.inf
        """When it was gone, monotonic seconds."""
        self.nested = self.nested_dropped = 0
        self.chance: Random = process.faults.chance
        self.directory = SpoolDirectory(system, process, ROOT, name)
        self.directory.written_meanwhile = self._log_meanwhile  # type: ignore[method-assign]
        self.base = clock.offsets[-1]
        kind, fields = begin
        try:
            writer = SpoolWriter(self.directory, clock, identity, **options)
            writer.start(kind, fields)
        except OSError:
            self.directory.discard()
            raise
        self.step = starting_step
        self.told.append(Told(clock.monotonic(), kind, fields))
        self.lane = Lane(
            writer,
            StepCursor(starting_step),
            warn=lambda text: None,
            syncer=lambda sync: SyncTimer(self, sync),  # type: ignore[arg-type,return-value]
        )

    @property
    def path(self) -> Path:
        """Where its spool is."""
        return self.directory.directory

    @property
    def writer_id(self) -> str:
        return self.identity.writer.hex()

    def act(self) -> None:
        """Does something that a training loop does. Raises Killed."""
        way = self.chance.randrange(20)
        if way < 14:
            self.log_row()
        elif way < 16:
            values = {key: self._value() for key in self.chance.sample(KEYS, self.chance.randint(0, 2))}
            removed = self.chance.sample(KEYS, self.chance.randint(0, 1)) if self.chance.random() < 0.3 else []
            self._tell("config_set", {"set_json": _json(values), "removed": removed})
        elif way < 18:
            leaves = {path: self._value() for path in self._paths(2)}
            removed = [self.chance.choice(KEYS)] if self.chance.random() < 0.3 else []
            fields = {"set_json": _json(leaves)} | ({"removed": removed} if removed else {})
            self._told(Told(0.0, "summary_updated", fields), lambda: self.lane.set_summary(leaves, removed))
        elif way < 19 and self.chance.random() < 0.2:
            # What the client lets through and no collector takes: to be found by bisection, and nothing else refused.
            self._tell("config_set", {"set_json": "no JSON"})
        else:
            self._tell("console_logged", {"first_line": self.chance.randrange(9), "lines": ["a line"]})

    def log_row(self) -> None:
        """One call of log(), by the rule for steps."""
        if self.chance.random() < 0.5:
            # As nearly all rows are: of the same keys and types as the one before, which is log()'s fast path.
            row: dict[str, Any] = {path: self.chance.randint(-64, 64) / 8 for path in USUAL_KEYS}
        else:
            row = {path: self._value() for path in self._paths(3)}
        if self.chance.random() < 0.1:
            row[self.chance.choice(KEYS)] = self.chance.choice(["text", None, [1, 2]])
        data = _nested(row)
        row = _flat(data)
        step = commit = None
        if self.chance.random() < 0.25:
            step = max(0, self.step + self.chance.randint(-2, 3))
        if self.chance.random() < 0.1:
            commit = self.chance.random() < 0.5
        told = Told(0.0, "row", row, *self._stepped(step, commit))
        self._told(told, lambda: self.lane.log(data, step, commit))

    def _stepped(self, step: int | None, commit: bool | None) -> tuple[int, bool]:
        """The row's step and whether it is hidden: plain calls count up, a greater step is taken, a smaller one refused."""
        if step is not None and step < self.step:
            return step, True
        at = self.step if step is None else step
        over = commit is not False if step is None else commit is True
        self.step = at + 1 if over else at
        return at, False

    def _tell(self, kind: str, fields: dict[str, Any]) -> None:
        self._told(Told(0.0, kind, fields), lambda: self.lane.put_event(kind, fields))

    def _told(self, told: Told, call: Callable[[], object]) -> None:
        refusals, before, nested_before = self.process.refusals, self.lane.writer.dropped_total, self.nested_dropped
        told.at, told.returned = self.clock.monotonic(), False
        self.told.append(told)
        call()
        if self.process.dead:
            raise Killed
        told.returned = True
        # What is logged in the middle of a sync within this very call counts for itself.
        dropped = self.lane.writer.dropped_total - before - (self.nested_dropped - nested_before)
        self.nested_dropped += dropped if self.nested else 0
        told.dropped = bool(dropped)
        told.held = self.process.refusals > refusals or self.lane.writer.starved is not None
        assert not dropped or told.held, f"{told} was dropped while the disk took everything"
        assert dropped <= 1, f"{told} counts as {dropped} dropped rows"

    def finish(self, exit_code: int) -> None:
        """The regular end. Raises Killed."""
        self._told(Told(0.0, "run_finished", {"exit_code": exit_code}), lambda: self.lane.finish(exit_code, "over"))
        self.finished = True

    def _log_meanwhile(self) -> None:
        if self.nested or self.process.faults.over or self.chance.random() < 0.7 or self.lane.finished is not None:
            return
        self.nested += 1
        try:
            for _ in range(self.chance.randint(1, 3)):
                self.process.faults.happen(Fault.WRITTEN_IN_A_SYNC)
                self.log_row()
        finally:
            self.nested -= 1

    def kill(self) -> None:
        """SIGKILL."""
        self.process.dead = True
        self._died()
        self.lane._syncer.stop()

    def _died(self) -> None:
        self.died_at = min(self.died_at, self.clock.monotonic())

    def _paths(self, most: int) -> list[str]:
        paths = self.chance.sample(KEYS, self.chance.randint(0 if most > 2 else 1, most))
        return [path if self.chance.random() < 0.8 else f"{path}{SEPARATOR}deep" for path in paths]

    def _value(self) -> Any:
        way = self.chance.randrange(12)
        if way < 7:
            return self.chance.randint(-64, 64) / 8
        if way < 9:
            return self.chance.randint(-5, 5)
        if way < 10:
            return self.chance.choice([True, False])
        return self.chance.choice([math.nan, math.inf, -math.inf, 2**53 + 1])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _nested(leaves: dict[str, Any]) -> dict[str, Any]:
    """What a user would write: a nested dict for a path of two labels."""
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        first, _, rest = path.partition(SEPARATOR)
        if rest:
            tree[first] = {rest: value}
        else:
            tree[first] = value
    return tree


def _flat(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        path: leaf
        for key, value in tree.items()
        for path, leaf in (
            [(f"{key}{SEPARATOR}{label}", leaf) for label, leaf in value.items()]
            if isinstance(value, dict)
            else [(key, value)]
        )
    }
