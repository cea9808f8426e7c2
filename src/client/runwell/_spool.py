"""The spool writer: one process incarnation's records of one run.

No threads, no locks, no clock and disk of its own: callers hold the lane's lock. While the disk takes nothing, rows are
dropped before they get a number, and counted; events are held. ``_rows.make_log`` is the fast path and does what
``offer_row`` does, on the same attributes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from runwell._clock import Clock
from runwell._disk import SpoolDisk
from runwell._events import event_payload
from runwell._schema import Schema
from runwell._segments import Durability, SegmentAppender, SyncJob, WriterIdentity
from runwell.core import frames, limits
from runwell.core.frames import Kind

CLOCK_JUMP_S_MAX = 1.0
MEASURE_INTERVAL_S = 1.0
"""At its limit a spool is measured again this often, since the forwarder removes what is acknowledged."""


class SpoolWriter(SegmentAppender):
    """Appends rows and events, and knows what to do when the disk takes none."""

    __slots__ = ("_announced", "_columns", "_dropped", "_held", "_measured_at", "dropped_total", "starved")

    def __init__(
        self,
        disk: SpoolDisk,
        clock: Clock,
        identity: WriterIdentity,
        *,
        bytes_max: int = limits.SPOOL_BYTES_MAX,
        segment_bytes: int = limits.SEGMENT_BYTES,
        unsynced_bytes_max: int = limits.UNSYNCED_BYTES_MAX,
        durability: Durability = "interval",
    ) -> None:
        super().__init__(
            disk,
            clock,
            identity,
            bytes_max=bytes_max,
            segment_bytes=segment_bytes,
            unsynced_bytes_max=unsynced_bytes_max,
            durability=durability,
        )
        self.dropped_total = 0
        self.starved: str | None = None
        self._columns = 0
        self._held: list[bytes] = []
        self._dropped = 0
        self._announced = False
        self._measured_at = 0.0

    @property
    def bytes_max(self) -> int:
        """The spool's limit."""
        return self._bytes_max

    @property
    def used_bytes(self) -> int:
        """Size of its segments, as of the last look at those that the forwarder may have removed."""
        return self._closed_bytes + self.offset

    def start(self, kind: str, fields: dict[str, Any]) -> None:
        """Makes the first segment with the writer's first event and shows the spool to others. Raises OSError."""
        self._next_segment()
        self._put(Kind.EVENT, event_payload(self.time(), kind, fields))
        self._disk.publish()

    def schema_for(self, keys: Sequence[str], kinds: Sequence[type]) -> Schema | None:
        """The schema of that shape; None when the writer has too many to keep one more."""
        shape = (*keys, *kinds)
        schema = self.known.get(shape)
        if schema is None and len(self.known) < limits.WRITER_SCHEMAS_MAX:
            too_wide = sum(map(len, keys)) > limits.RECORD_BYTES_MAX // 2
            if too_wide or self._columns + len(keys) > limits.WRITER_COLUMNS_MAX:
                return None
            schema = self.known[shape] = Schema(len(self.known), keys, kinds)
            self._columns += len(keys)
        return schema

    def offer_row(
        self,
        schema: Schema,
        step: int,
        time: float,
        values: Iterable[Any],
        *,
        masked: bool = False,
        direct: bool = True,
    ) -> bool:
        """Appends a row; False when the spool cannot take it, and nothing is counted then.

        ``direct`` rows had this shape when the user gave them, so that the fast path may take their like.
        Raises struct.error for an integer beyond 64 bits.
        """
        if not self._takes_rows():
            return False
        try:
            self._make_ready()
            self._present_schema(schema)
            frame = schema.row_frame(self.record + 1, step, time, masked, values)
            self._append(frame)
        except OSError as error:
            self.starve(error)
            return False
        if not masked:
            schema.last = frame
        if direct and schema.keys is not None and schema.kinds is not None:
            self.ready[(*schema.keys, *schema.kinds)] = self.schema = schema
        return True

    def offer_json_row(self, leaves: bytes, step: int, time: float, *, masked: bool = False) -> bool:
        """Appends a row whose values are a JSON object by path; False as ``offer_row``."""
        if not self._takes_rows():
            return False
        try:
            flags = frames.FLAG_MASKED if masked else 0
            self._put(Kind.JSON_ROW, frames.JSON_ROW_PREFIX.pack(step, time) + leaves, flags)
        except OSError as error:
            self.starve(error)
            return False
        return True

    def offer_event(self, kind: str, fields: dict[str, Any]) -> bool:
        """Appends an event that may be left out; False as ``offer_row``."""
        if not self._takes_rows():
            return False
        try:
            self._put(Kind.EVENT, event_payload(self.time(), kind, fields))
        except OSError as error:
            self.starve(error)
            return False
        return True

    def count_dropped(self) -> None:
        """One row more was dropped; RecordsDropped will say so when the spool takes records again."""
        self._dropped += 1
        self.dropped_total += 1

    def put_event(self, kind: str, fields: dict[str, Any]) -> None:
        """Appends an event, or holds it until the disk takes it."""
        payload = event_payload(self.time(), kind, fields)
        if self.starved is not None:
            self._recovered()
        if not self._held:
            try:
                self._put(Kind.EVENT, payload)
                return
            except OSError as error:
                self.starve(error)
        self._hold(payload)

    def finish(self, kind: str, fields: dict[str, Any]) -> bool:
        """Appends the last event, after all that was held. False when the disk does not take it."""
        try:
            self._put_held()
            self._put(Kind.EVENT, event_payload(self.time(), kind, fields))
        except OSError as error:
            self.starve(error)
            return False
        return True

    def check_clock(self) -> None:
        """Follows a jump of the wall clock, by an event."""
        jump_s = self.clock.wall() - self.time()
        if abs(jump_s) > CLOCK_JUMP_S_MAX:
            self.put_event("clock_adjusted", {"jump_s": jump_s})
            self.base += jump_s

    def starve(self, error: OSError) -> None:
        """From now on rows are refused until the disk takes records again."""
        self._starve(error.strerror or str(error))

    def at_limit(self) -> bool:
        """To be called when ``offset`` has reached ``stop``. True when a sync is due at once."""
        try:
            if self.offset >= self._segment_bytes:
                self._turn_over()
        except OSError as error:
            self.starve(error)
        self._takes_rows()
        self._set_stop()
        return self._always or self.offset - self._unsynced_from >= self._unsynced_bytes_max

    def sync_job(self) -> SyncJob | None:
        """What has to be synced; None when all is, or the disk takes nothing. No other job may be running."""
        try:
            return self.begin_sync()
        except OSError as error:
            self.starve(error)
            return None

    def fail_sync(self, job: SyncJob, error: OSError) -> None:
        """The job has failed: what it was to make safe is written again, as far as the disk takes it."""
        try:
            self.retry_sync(job, error)
        except OSError as rewrite_error:
            self.starve(rewrite_error)

    def _takes_rows(self) -> bool:
        if self.starved is None and self._limit_reached():
            self._starve(f"it has reached its limit of {self._bytes_max:,} bytes")
        return self.starved is None or self._recovered()

    def _limit_reached(self) -> bool:
        if self._closed_bytes + self.offset < self._bytes_max:
            return False
        now = self.clock.monotonic()
        if now >= self._measured_at + MEASURE_INTERVAL_S:
            self._measured_at = now
            try:
                self._closed_bytes = max(0, self._disk.used_bytes() - self.offset)
            except OSError:
                return True
        return self._closed_bytes + self.offset >= self._bytes_max

    def _starve(self, reason: str) -> None:
        self.detach()
        if self.starved is None and not self._announced:
            self._announced = True
            self.notices.append(
                f"the spool takes no more rows: {reason}. New rows are dropped and counted until there is space again; "
                "free some, or let `runwell sync` deliver what is there"
            )
        self.starved = reason

    def _recovered(self) -> bool:
        """Whether the spool takes records again, as far as held events and the number of dropped rows show it."""
        if self._limit_reached():
            return False
        try:
            self._put_held()
        except OSError:
            return False
        self.starved = None
        self._set_stop()
        return True

    def _put_held(self) -> None:
        while self._held:
            self._put(Kind.EVENT, self._held[0])
            del self._held[0]
        if self._dropped:
            fields = {"count": self._dropped, "reason": self.starved}
            self._put(Kind.EVENT, event_payload(self.time(), "records_dropped", fields))
            self.notices.append(f"the spool takes records again; {self._dropped:,} rows were dropped meanwhile")
            self._dropped = 0
            self._announced = False

    def _hold(self, payload: bytes) -> None:
        if sum(map(len, self._held)) + len(payload) <= limits.HELD_EVENTS_BYTES_MAX:
            self._held.append(payload)
        else:
            self.count_dropped()
