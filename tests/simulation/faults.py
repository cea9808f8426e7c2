"""What goes wrong, when, and how often it did."""

import errno
import os
from collections import Counter
from collections.abc import Callable
from enum import Enum
from random import Random


class Fault(Enum):
    """The ways in which the world is unkind. A schedule counts when at least one of them happened in it."""

    KILL_TRAINING = "a training process was killed"
    KILL_TRAINING_IN_A_CALL = "a training process was killed within a call of its disk"
    KILL_FORWARDER = "a forwarder was killed"
    KILL_FORWARDER_IN_A_CALL = "a forwarder was killed within a call of its disk"
    KILL_COLLECTOR = "the collector was killed"
    KILL_COLLECTOR_IN_A_COMMIT = "the collector was killed within a commit"
    KILL_PROJECTOR_IN_A_STATEMENT = "the projector was killed within a statement"
    STOP_COLLECTOR = "the collector was stopped gracefully"
    CLIENT_POWER_LOST = "the training machine lost power"
    SERVER_POWER_LOST = "the server lost power"
    BYTES_LOST = "bytes that were not synced were lost"
    BYTES_TORN = "bytes that were not synced were lost in part"
    NAME_LOST = "a file's name was lost"
    SYNC_FAILED = "a sync failed"
    CALL_FAILED = "a call of a disk failed"
    SHORT_WRITE = "a write was taken in part"
    CLIENT_DISK_FULL = "the training machine's disk was full"
    LOG_DISK_FULL = "the log's disk was full"
    LOG_FULL_IN_A_COMMIT = "the log's disk was full within a commit"
    LOG_FAILED = "the log failed"
    VIEWS_DISK_FULL = "the views' disk was full"
    STATEMENT_FAILED = "a statement of the views failed"
    LOG_READ_FAILED = "the projector could not read the log"
    CLIENT_CLOCK_JUMPED = "the training machine's clock jumped"
    SERVER_CLOCK_JUMPED = "the server's clock jumped"
    STREAM_CUT = "a stream was cut"
    DELAYED = "a message was held up for seconds"
    DUPLICATED = "a message came twice"
    REORDERED = "a message overtook another"
    STREAM_HUNG = "a stream carried nothing any more, without an end"
    SERVER_AWAY = "the server could not be reached"
    SECOND_FORWARDER = "a second forwarder sent the same spools"
    SPOOL_DAMAGED = "bytes of a spool were damaged"
    SPOOL_COPIED = "a spool was copied"
    LOG_RESTORED = "the log was restored from an older copy"
    WRITTEN_IN_A_SYNC = "rows were logged while a sync was running"


class Killed(BaseException):
    """The process is dead: nothing that it still does has an effect."""


class Faults:
    """Chance, and a record of what happened."""

    def __init__(self, seed: int | str) -> None:
        self.chance = Random(seed)
        self.counts: Counter[Fault] = Counter()
        self.over = False
        """Whether the world has become kind."""

    def happen(self, fault: Fault) -> None:
        """It goes wrong now."""
        self.counts[fault] += 1

    def strikes(self, probability: float) -> bool:
        """Whether it goes wrong now."""
        return not self.over and self.chance.random() < probability


class Process:
    """What the world knows of a process: whether it lives, and which of its calls will fail or be its last."""

    def __init__(
        self,
        faults: Faults,
        *,
        fail_at: int = 0,
        kill_at: int = 0,
        failing: float = 0.0,
        code: int = errno.EIO,
        killed_by: Fault = Fault.KILL_TRAINING_IN_A_CALL,
        failed_by: Fault = Fault.CALL_FAILED,
    ) -> None:
        self.faults = faults
        self.dead = False
        self.calls = 0
        self.refusals = 0
        """Calls that failed, for whatever reason."""
        self.fail_at = fail_at
        self.kill_at = kill_at
        self._failing = failing
        self._code = code
        self._killed_by = killed_by
        self._failed_by = failed_by
        self.on_death: Callable[[], object] = lambda: None

    def called(self, *, may_fail: bool = True) -> bool:
        """Counts a call. Raises Killed of the dead; OSError when this call fails. True when it is the last one."""
        if self.dead:
            raise Killed
        if self.faults.over:
            return False
        self.calls += 1
        if self.calls == self.kill_at:
            self.faults.happen(self._killed_by)
            return True
        fails_now = 0 < self.fail_at <= self.calls
        if may_fail and (fails_now or (self._failing and self.faults.strikes(self._failing))):
            self.fail_at = 0 if fails_now else self.fail_at
            self.faults.happen(self._failed_by)
            self.refuse(self._code)
        return False

    def refuse(self, code: int) -> None:
        """Raises OSError with that code."""
        self.refusals += 1
        raise OSError(code, os.strerror(code))

    def die(self) -> None:
        """Raises Killed, from now on at every call."""
        self.dead = True
        self.on_death()
        raise Killed
