"""One writer with its lock, its step cursor and its last values: everything behind ``run.log``."""

import operator
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from runwell._console import Console, capture, release
from runwell._events import json_bytes
from runwell._messages import warn
from runwell._metrics import Earlier, LaneMetrics, nothing_earlier
from runwell._rows import LogCall, make_log
from runwell._schema import TYPE_CODES, latest_row
from runwell._spool import SpoolWriter
from runwell._sync import Syncer, free
from runwell._values import Row, convert_row
from runwell.core import keys, limits
from runwell.core.steps import StepCursor
from runwell.errors import Error, RowTooLargeError, SpoolFullError, UsageError
from runwell.media.values import Media
from runwell.system.figures import Figures, figure_fields
from runwell.system.sampler import SystemSampler

if TYPE_CHECKING:
    from runwell._blobs import BlobSpool
    from runwell.media.writing import MediaWriter

WhenFull = Literal["drop", "block", "raise"]

BLOCKED_RETRY_S = 0.1
FORWARDER_INTERVAL_S = 30.0
"""A forwarder that was killed is started again this soon after something was logged."""

LAST_SYNCS_MAX = 3
"""A disk that refuses the last sync, and what is then written again, is asked once more before the process ends."""

WARNED_MAX = 1_000
"""Distinct warnings of a lane that are remembered, so that each is given once; beyond, none is given."""

_INT64 = range(-(1 << 63), 1 << 63)


class Removed:
    """In place of a summary value that was deleted."""


REMOVED = Removed()


class Lane:
    """Rows and events of one writer, for any number of threads."""

    def __init__(
        self,
        writer: SpoolWriter,
        cursor: StepCursor,
        *,
        when_full: WhenFull = "drop",
        ensure_forwarder: Callable[[], None] | None = None,
        warn: Callable[[str], None] = warn,
        order: tuple[int, float] = (1, 0.0),
        earlier: Earlier | None = None,
        syncer: Callable[[Callable[[], bool]], Syncer] = Syncer,
        start_sampler: Callable[[Callable[[Figures], bool]], SystemSampler] | None = None,
        make_blobs: Callable[[], "BlobSpool"] | None = None,
        console: bool = False,
    ) -> None:
        self.writer = writer
        self.cursor = cursor
        self.lock = threading.RLock()
        self.masked = 0
        self.successor: Callable[[], Lane] | None = None
        self.finished: str | None = None
        self.blobs: BlobSpool | None = None
        """Made when the first one is stored."""
        earlier = earlier or nothing_earlier()
        self.metrics = LaneMetrics(writer, order, earlier)
        self._explicit: dict[str, tuple[int, Any]] = {path: (0, value) for path, value in earlier.leaves.items()}
        self._last_json_row: tuple[int, int, float] | None = None
        self._when_full = when_full
        self._ensure_forwarder = ensure_forwarder
        self._forwarder_seen_at = time.monotonic()
        self._warn = warn
        self._warned: set[str] = set()
        self._one_sync = threading.RLock()
        self._postponed: deque[Callable[[], object]] = deque()
        self._start_sampler = start_sampler
        self._sampler: SystemSampler | None = None
        self._make_blobs = make_blobs
        self._media: MediaWriter | None = None
        self._syncer = syncer(self._sync_beside)
        self.log: LogCall = make_log(writer, cursor, self.lock, self._syncer.wake, self._at_limit, self.log_any)
        self._restate()
        self._wake()
        self._console = Console(partial(self.offer_event, "console_logged"), self._syncer.wake) if console else None
        if self._console is not None:
            capture(self._console)

    # ---- Rows

    def log_any(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """The general path: any row. Raises TypeError, UsageError, RowTooLargeError and, if asked for, SpoolFullError."""
        if self.successor is not None:
            return self.successor().log(data, step, commit)
        self._refuse_when_finished()
        if isinstance(step, bool):
            raise TypeError("step must be an integer, and a bool is given: was it meant as commit=?")
        if step is not None:
            step = operator.index(step)
        if (self.cursor.step if step is None else step) not in _INT64:
            raise UsageError("the step is beyond 64 bits: give a smaller step=")
        row = convert_row(data)
        for path, reason in row.problems.items():
            self.warn_once(
                f"value:{path}", f"the value of {keys.shown(path)[:100]!r} {reason}. It is left out; the rest is kept"
            )
        if self._is_writing:
            self.postpone(partial(self.log_row, data, row, step, commit))
        else:
            if self._media is not None and self._media.queue.waiting:
                self._media.queue.settle(row.leaves)
            self.log_row(data, row, step, commit)
        return None

    def log_row(self, data: Mapping[str, Any], row: Row, step: int | None, commit: bool | None) -> None:
        """Writes a row that was converted from ``data``."""
        if row.media and row.time is None:
            row.time = self.writer.time()
        write = self._plain_write(data, row) or self._json_write(row)
        with self.lock:
            at, refused = self.cursor.resolve(step, commit)
        while not self._written(write, at, refused):
            if self._when_full == "raise":
                raise SpoolFullError(f"the spool takes no more rows: {self.writer.starved}")
            if self._when_full == "drop":
                with self.lock:
                    self.writer.count_dropped()
                row.media = {}
                break
            time.sleep(BLOCKED_RETRY_S)
        if row.media:
            assert row.time is not None
            self.media.log(row.media, at, row.time, refused)
        if refused:
            self._count_masked(at)
        self._at_limit()

    def _refuse_when_finished(self) -> None:
        if self.finished is not None:
            raise UsageError(f"{self.finished}: the call to `log` is ignored. Start another run, or resume this one")

    def _plain_write(self, data: Mapping[str, Any], row: Row) -> Callable[[int, bool], bool] | None:
        """How to write a row of numbers; None when it is none, or its shape gets no schema."""
        leaves = row.leaves
        kinds = [*map(type, leaves.values())]
        if any(kind not in TYPE_CODES for kind in kinds):
            return None
        if any(type(value) is int and value not in _INT64 for value in leaves.values()):
            return None
        with self.lock:
            schema = self.writer.schema_for([*leaves], kinds)
        if schema is None:
            return None
        direct = [*data] == [*leaves] and kinds == [*map(type, data.values())]
        values = [*leaves.values()]

        def write(step: int, masked: bool) -> bool:
            at = self.writer.time() if row.time is None else row.time
            return self.writer.offer_row(schema, step, at, values, masked=masked, direct=direct)

        return write

    def _json_write(self, row: Row) -> Callable[[int, bool], bool]:
        text = json_bytes(row.leaves)
        if len(text) > limits.RECORD_BYTES_MAX:
            raise RowTooLargeError("bytes", len(text), limits.RECORD_BYTES_MAX)

        def write(step: int, masked: bool) -> bool:
            at = self.writer.time() if row.time is None else row.time
            if not self.writer.offer_json_row(text, step, at, masked=masked):
                return False
            if not masked:
                stamp = self.writer.record
                self._last_json_row = stamp, step, at
                self._explicit.update((path, (stamp, value)) for path, value in row.leaves.items() if value is not None)
            return True

        return write

    def _written(self, write: Callable[[int, bool], bool], step: int, masked: bool) -> bool:
        with self.lock:
            # Another thread may have finished the run since; nothing may come after its last record.
            self._refuse_when_finished()
            written = write(step, masked)
            self._wake()
        return written

    def _count_masked(self, step: int) -> None:
        self.masked += 1
        self.warn_once(
            "step",
            f"row for step {step} came after the run had reached step {self.cursor.step}, and steps must be monotonically "
            "increasing: it is kept, but hidden. To log out of order, log your own counter as a metric and make it the "
            "axis with define_metric, or use init(settings={'strict_steps': False}); to read hidden rows use "
            "history(masked=True). Further ones are counted",
        )

    # ---- Media

    @property
    def media(self) -> "MediaWriter":
        """What encodes media; made when it is first needed."""
        from runwell.media.writing import MediaWriter

        with self.lock:
            if self._media is None:
                self._media = MediaWriter(self, self.open_blobs, at_once=self.writer.is_strict)
            return self._media

    def open_blobs(self) -> "BlobSpool":
        """Where contents of files that events of this writer name are kept; made when it is first needed."""
        with self.lock:
            if self.blobs is None:
                assert self._make_blobs is not None
                self.blobs = self._make_blobs()
            return self.blobs

    # ---- Events and last values

    def put_event(self, kind: str, fields: dict[str, Any], last: Mapping[str, Any] | None = None) -> None:
        """Appends an event that brings these last values; held while the disk is full, left out after the run's end."""
        if self._is_writing:
            self.postpone(partial(self.put_event, kind, fields, last))
            return
        with self.lock:
            if self.finished is None:
                self.writer.put_event(kind, fields)
                self._wake()
                self._explicit.update((path, (self.writer.record, value)) for path, value in (last or {}).items())
        self._at_limit()

    def offer_event(self, kind: str, fields: dict[str, Any]) -> bool:
        """Appends an event that may be left out, and is counted then. False when the run has finished."""
        with self.lock:
            if self.finished is not None:
                return False
            if not self.writer.offer_event(kind, fields):
                self.writer.count_dropped()
            self._wake()
        self._at_limit()
        return True

    def set_summary(self, leaves: Mapping[str, Any], removed: list[str]) -> None:
        """Removes summary values with what is below them, then sets values by path, media among them."""
        if any(isinstance(value, Media) for value in leaves.values()):
            leaves = self.media.stored(leaves)
        fields: dict[str, Any] = {"set_json": json_bytes(leaves).decode()}
        if removed:
            fields["removed"] = removed
        size = len(json_bytes(fields))
        if size > limits.RECORD_BYTES_MAX:
            raise UsageError(
                f"these summary values have {size:,} bytes, and the limit is {limits.RECORD_BYTES_MAX:,}: set them one by one"
            )
        if self._is_writing:
            self.postpone(partial(self.set_summary, leaves, removed))
            return
        if self._media is not None and self._media.queue.waiting:
            self._media.queue.settle([*leaves, *removed])
        with self.lock:
            if self.finished is not None:
                return
            self.writer.put_event("summary_updated", fields)
            self._wake()
            stamp = self.writer.record
            for path in removed:
                below = path + keys.PATH_SEPARATOR
                gone = [leaf for leaf in self._last_values() if leaf == path or leaf.startswith(below)]
                self._explicit.update((leaf, (stamp, REMOVED)) for leaf in gone)
                self.metrics.set_by_hand([path, *gone], stamp)
            self._explicit.update((path, (stamp, value)) for path, value in leaves.items())
            self.metrics.set_by_hand(leaves, stamp)
        self._at_limit()

    def define_metric(self, name: str, fields: Mapping[str, Any], *, overwrite: bool) -> None:
        """Says something of the metrics that ``name`` means."""
        if self._is_writing:
            self.postpone(partial(self.define_metric, name, fields, overwrite=overwrite))
            return
        with self.lock:
            if self.finished is not None:
                return
            logged = [path for path, (record, _) in self._last_values().items() if record]
            self.writer.put_event("metric_defined", {"name": name, **fields, "overwrite": overwrite})
            self.metrics.define(name, fields, overwrite=overwrite, logged=logged)
            self._wake()
        self._at_limit()

    def _restate(self) -> None:
        """Repeats what decides about values: which of them is best is kept for each writer from where it was told."""
        for name, fields in self.metrics.deciding():
            self.writer.put_event("metric_defined", {"name": name, **fields, "restated": True})

    def summary_leaves(self) -> dict[str, Any]:
        """What the summary has of each path, ordered by when it was set."""
        with self.lock:
            stamped = self._last_values()
            if not self.metrics.rules.summarise:
                leaves = [(record, path, value) for path, (record, value) in stamped.items()]
            else:
                leaves = self.metrics.summarised(stamped)
        return {path: value for _, path, value in sorted(leaves, key=itemgetter(0))}

    def last_row(self) -> tuple[int, float] | None:
        """Step and time (unix seconds) of the last row that is shown; None when this writer has none."""
        with self.lock:
            return latest_row(self.writer.known.values(), self.writer.record, self._last_json_row)

    def handed_on(self) -> Earlier:
        """What the lane of a forked child goes on from."""
        with self.lock:
            stamped = sorted(self._last_values().items(), key=lambda item: item[1][0])
            return self.metrics.handed_on({path: value for path, (_, value) in stamped})

    def _last_values(self) -> dict[str, tuple[int, Any]]:
        """The record and value of each path's last write."""
        stamped = dict(self._explicit)
        record = self.writer.record
        for schema in self.writer.known.values():
            if schema.last is not None:
                low, values = schema.last_values()
                stamp = record - ((record - low) & 0xFFFFFFFF)
                for path, value in values.items():
                    if path not in stamped or stamped[path][0] <= stamp:
                        stamped[path] = (stamp, value)
        return {path: write for path, write in stamped.items() if write[1] is not REMOVED}

    # ---- Durability

    def sync(self) -> bool:
        """One sync of what is unsynced now. True when more has been written meanwhile."""
        writer = self.writer
        if self._one_sync._is_owned():  # type: ignore[attr-defined]
            # A signal handler in the middle of this very sync: the next one covers what it wrote.
            return True
        with self._one_sync:
            with self.lock:
                writer.check_clock()
                job = writer.sync_job()
            if job is None:
                return writer.dirty
            try:
                job.run()
                self.metrics.observe(job.frames)
            except OSError as error:
                with self.lock:
                    writer.fail_sync(job, error)
            else:
                with self.lock:
                    writer.end_sync(job)
                free(job.frames)
        self._settle()
        return writer.dirty

    def look_after_forwarder(self) -> None:
        """Starts the forwarder unless it runs, or there is no server to send to."""
        self._forwarder_seen_at = time.monotonic()
        if self._ensure_forwarder is not None:
            self._ensure_forwarder()

    def _sync_beside(self) -> bool:
        """What the thread does: a sync, and now and then a look whether somebody still sends what is written."""
        if self._console is not None:
            self._console.flush()
        more = self.sync()
        if self._start_sampler is not None:
            # Not before, since a run that is over by now does without the thread.
            start, self._start_sampler = self._start_sampler, None
            self._sampler = start(lambda figures: self.offer_event("system_metric_logged", figure_fields(figures)))
        if time.monotonic() - self._forwarder_seen_at >= FORWARDER_INTERVAL_S:
            self.look_after_forwarder()
        return more

    def finish(self, exit_code: int, why: str, media_timeout_s: float | None = None) -> None:
        """Waits for media, so long at most, appends RunFinished, syncs and releases the spool; then log() raises ``why``."""
        self._settle()
        try:
            if self._media is not None:
                self._media.finish(media_timeout_s)
        finally:
            # Also when somebody interrupts that.
            self._finish(exit_code, why)

    def _finish(self, exit_code: int, why: str) -> None:
        if self._console is not None:
            release(self._console)
            self._console.flush()
        with self.lock:
            if self.finished is not None:
                return
            self.finished = why
            self.writer.check_clock()
            if not self.writer.finish("run_finished", {"exit_code": exit_code}):
                self._warn(f"the end of the run could not be written: {self.writer.starved}")
            self.writer.detach()
        if self._sampler is not None:
            self._sampler.stop()
        for _ in range(LAST_SYNCS_MAX):
            if not self.sync():
                break
        self._syncer.stop()
        with self.lock:
            self.writer.close()
        if self.blobs is not None:
            self.blobs.close()
        if self.masked > 1:
            self._warn(f"{self.masked:,} rows came with a step that was over, and are hidden")
        if self.writer.dropped_total:
            self._warn(f"{self.writer.dropped_total:,} rows were dropped because the spool could not take them")

    def abandon(self, successor: Callable[[], "Lane"]) -> None:
        """In a forked child: this writer belongs to the parent; whatever is logged goes to ``successor``'s."""
        self.writer.detach()
        self.successor = successor
        self._console = None
        if self._media is not None:
            self._media.queue.abandon()

    def hold(self) -> None:
        """Before a fork: no thread is in the middle of writing when the child's memory is copied."""
        self.lock.acquire()
        self.metrics.tracks.lock.acquire()
        if self._media is not None:
            self._media.queue.lock.acquire()

    def release(self) -> None:
        """After a fork, in both processes."""
        if self._media is not None:
            self._media.queue.lock.release()
        self.metrics.tracks.lock.release()
        self.lock.release()

    @property
    def held_here(self) -> bool:
        """Whether this very thread is in the middle of writing or syncing: then a signal handler must come back later."""
        return self._is_writing or bool(self._one_sync._is_owned())  # type: ignore[attr-defined]

    def postpone(self, action: Callable[[], object]) -> None:
        """For a signal handler or finalizer that finds this thread in the middle of writing: ``action`` comes after it."""
        self._postponed.append(action)
        # Makes the fast path ask.
        self.writer.stop = 0

    @property
    def _is_writing(self) -> bool:
        return bool(self.lock._is_owned())  # type: ignore[attr-defined]

    def warn_once(self, kind: str, text: str) -> None:
        """Warns, but of each kind only once."""
        if kind not in self._warned and len(self._warned) < WARNED_MAX:
            self._warned.add(kind)
            self._warn(text)

    def _at_limit(self) -> None:
        due = False
        with self.lock:
            if self.finished is None and self.writer.offset >= self.writer.stop:
                due = self.writer.at_limit()
        if due:
            self.sync()
        self._settle()

    def _wake(self) -> None:
        if not self.writer.dirty:
            self._syncer.wake()
            self.writer.dirty = True

    def _settle(self) -> None:
        """Does and says what had to wait for the lock to be free. Several threads may be at it."""
        while self._postponed:
            try:
                action = self._postponed.popleft()
            except IndexError:
                break
            try:
                action()
            except Error as error:
                self._warn(str(error))
        if self.writer.notices:
            with self.lock:
                notices, self.writer.notices = self.writer.notices, []
            for notice in notices:
                self._warn(notice)
