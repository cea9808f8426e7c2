"""Follows the log: decides which views file is written, and applies what is new, one chunk a step.

no file serves            a new one is made and serves at once
the file fits             it is continued from its checkpoint
it does not fit           (another fold version, another log, a log that ends before it, damage) a new one is built
                          beside it and takes over once it has caught up
somebody else swapped     (`runwell rebuild`) the old one is left where it is, the new one continued
"""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, suppress
from enum import Enum
from pathlib import Path

from runwell.core import limits
from runwell.core.fold import FOLD_VERSION
from runwell_collector.log import LogDamagedError, LogReader, StoredBatch
from runwell_projector.checkpoints import Checkpoints
from runwell_projector.files import AlreadyRunningError, ViewFiles, remove_views
from runwell_projector.projection import Projection
from runwell_projector.schema import create_views

IDLE_STEPS_PER_CHECK = 3
"""Every so many idle steps (12 s where nobody asks) it is looked whether the log is still the same, and old files are removed."""

REMOVE_AFTER_S = 60.0
"""A file that no longer serves is kept for those who were about to open it."""


class Outcome(Enum):
    """What a step came to."""

    MORE = "a whole chunk was applied, and there may be more"
    APPLIED = "everything there was is applied"
    IDLE = "there was nothing new"
    PAUSED = "it cannot go on for now; `reason` says why"


class CannotGoOnError(Exception):
    """The log cannot be read for now."""


class Follower:
    """The projector without its process. ``free_bytes`` is what the disk has left, ``now`` unix seconds."""

    def __init__(
        self,
        files: ViewFiles,
        log: LogReader,
        free_bytes: Callable[[], int],
        now: Callable[[], float],
        say: Callable[[str], None],
        connect: Callable[[Path], sqlite3.Connection] = create_views,
    ) -> None:
        self._files = files
        self._log = log
        self._free_bytes = free_bytes
        self._now = now
        self._say = say
        self._connect = connect
        self._open = ExitStack()
        self._build_lock = ExitStack()
        self._checkpoints: Checkpoints | None = None
        self._path: Path | None = None
        self._swap_mark: tuple[int, int] | None = None
        self._idle_steps = 0
        self._paused = False
        self.projection: Projection | None = None
        self.building = False
        """A new file is being built while an older one serves."""
        self.reason: str | None = "it has not begun"
        """Why it does not go on; None while it does."""
        self.transactions = 0

    @property
    def ready(self) -> bool:
        """Whether the file that serves is being continued."""
        return self.reason is None and not self.building

    def step(self) -> Outcome:
        """Applies the next chunk of the log, in one transaction."""
        free = self._free_bytes()
        if free < limits.VIEWS_FREE_BYTES_MIN:
            return self._pause(
                f"only {free >> 20} MiB are free on the disk of {self._files.directory}: free some space"
            )
        try:
            outcome = self._step()
        except (sqlite3.OperationalError, CannotGoOnError, AlreadyRunningError, OSError) as error:
            return self._pause(str(error))
        if self._paused:
            self._say("goes on")
        self._paused = False
        self.reason = None
        return outcome

    def close(self) -> None:
        """Closes the views; may be called twice."""
        self._leave()

    def _step(self) -> Outcome:
        if self.projection is None or (not self.building and self._files.swap_mark() != self._swap_mark):
            self._begin()
        assert self.projection
        if self.projection.log_id is None and not self._begin_log():
            return Outcome.IDLE
        batches = self._read_log()
        if not batches:
            return self._idle()
        self._idle_steps = 0
        more = self.building or len(batches) == limits.CHUNK_BATCHES_MAX or self._has_more(batches[-1].offset)
        try:
            self.projection.apply(batches)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._build(f"the views are damaged ({error})")
            return Outcome.MORE
        self.transactions += 1
        assert self._checkpoints
        self._checkpoints.committed(sum(len(batch.events) for batch in batches))
        return Outcome.MORE if more else Outcome.APPLIED

    def _read_log(self) -> list[StoredBatch]:
        assert self.projection
        try:
            return self._log.read(self.projection.offset, limits.CHUNK_BATCHES_MAX, limits.CHUNK_BYTES_MAX)
        except (LogDamagedError, sqlite3.Error) as error:
            self._log.close()
            raise CannotGoOnError(f"the event log cannot be read: {error}") from error

    def _has_more(self, after: int) -> bool:
        """Whether a chunk ended by its bytes rather than with the log."""
        try:
            return bool(self._log.read(after, batches_max=1))
        except (LogDamagedError, sqlite3.Error, OSError):
            # What was read is applied first; the next step comes upon it.
            return True

    def _begin(self) -> None:
        """Opens the file that serves, or begins a new one."""
        self._leave()
        self._swap_mark = self._files.swap_mark()
        path = self._files.serving()
        if path is None or not path.exists():
            self._continue(self._files.new_path())
            self._publish()
            return
        try:
            self._continue(path)
            misfit = self._misfit()
        except sqlite3.OperationalError:
            self._leave()
            raise
        except sqlite3.DatabaseError as error:
            misfit = f"the views are damaged ({error})"
        if misfit:
            self._build(misfit)

    def _misfit(self) -> str | None:
        """Why the open views cannot be continued."""
        assert self.projection
        if self.projection.fold_version != FOLD_VERSION:
            return f"the views have version {self.projection.fold_version}, and this is version {FOLD_VERSION}"
        log_id, end = self._log_state()
        if log_id is None or self.projection.log_id is None:
            return None
        if log_id != self.projection.log_id:
            return "the log was restored or replaced"
        if end < self.projection.offset:
            return f"the log ends at offset {end}, before the views' {self.projection.offset}"
        return None

    def _log_state(self) -> tuple[str | None, int]:
        try:
            return self._log.log_id, self._log.end()
        except (LogDamagedError, sqlite3.Error) as error:
            self._log.close()
            raise CannotGoOnError(f"the event log cannot be read: {error}") from error

    def _begin_log(self) -> bool:
        assert self.projection
        log_id, _ = self._log_state()
        if log_id is not None:
            self.projection.begin_log(log_id)
        return log_id is not None

    def _build(self, why: str) -> None:
        """Begins a new file beside the one that serves."""
        self._leave()
        self._build_lock.enter_context(self._files.locked("building"))
        self.building = True
        self._say(f"{why}: builds new ones from the log, the old ones serve until then")
        self._continue(self._files.new_path())

    def _continue(self, path: Path) -> None:
        self._files.directory.mkdir(parents=True, exist_ok=True)
        connection = self._connect(path)
        self._open.callback(connection.close)
        self._checkpoints = Checkpoints(path, connection)
        self._open.callback(self._checkpoints.close)
        self.projection = Projection(connection)
        self._path = path

    def _publish(self) -> None:
        assert self._path
        self._files.publish(self._path)
        self._swap_mark = self._files.swap_mark()

    def _idle(self) -> Outcome:
        """At the log's end."""
        if self.building:
            self._publish()
            self.building = False
            self._build_lock.close()
            self._say("the new views serve")
        self._idle_steps += 1
        if self._idle_steps % IDLE_STEPS_PER_CHECK == 0:
            self._check()
        return Outcome.IDLE

    def _check(self) -> None:
        """Looks at the log's files anew, and removes views that have not served for a while."""
        self._log.close()
        misfit = self._misfit()
        if misfit:
            self._build(misfit)
        elif self._swap_mark and self._now() - self._swap_mark[1] / 1e9 > REMOVE_AFTER_S:
            # Whoever builds new views keeps them: another time will do.
            with suppress(AlreadyRunningError), self._files.locked("building"):
                assert self._path
                self._files.remove_others(self._path)

    def _pause(self, reason: str) -> Outcome:
        if reason != self.reason:
            self._say(f"paused: {reason}")
        self._paused = True
        self.reason = reason
        return Outcome.PAUSED

    def _leave(self) -> None:
        """Closes what is open, so that the next step begins with a look at the files; removes what was half built."""
        self._open.close()
        if self.building and self._path:
            remove_views(self._path)
        self.building = False
        self._build_lock.close()
        self.projection = self._path = None
