"""Appends numbered frames to segments, and gets them synced.

What must come before what:

- A record has its number once its frame is whole in the file, and never before; a broken-off write is cut back to the
  last whole frame before anything else is appended.
- Frames stay in memory, in ``tail`` and then in the running sync's, until a sync that began after they were written has
  returned. A sync that fails makes them be written again, to a new segment: the kernel may have thrown the pages away, and
  reports that only once.
- Each segment has its schemas before the rows that use them, so that earlier segments can go.
"""

import errno
import os
from collections.abc import Iterable
from typing import Literal, NamedTuple

from runwell._clock import Clock
from runwell._disk import SegmentFile, SpoolDisk
from runwell._events import json_bytes
from runwell._schema import Schema, no_schema
from runwell.core import frames, limits
from runwell.core.frames import Kind

_NO_SCHEMA = no_schema()
_KIND_OFFSET = 6
_SCHEMA_ID = slice(frames.FRAME_HEADER_BYTES, frames.FRAME_HEADER_BYTES + 4)

Durability = Literal["interval", "always"]


class WriterIdentity(NamedTuple):
    """Who writes, and of which run. ``writer`` is 16 random bytes that were never used before."""

    writer: bytes
    entity: str
    project: str
    run_id: str
    offline: bool = False
    """Whether the spool waits for `runwell sync`, rather than being sent by a forwarder."""


class SyncJob(NamedTuple):
    """What one sync covers: ``frames`` in ``files``, of which ``closed`` get no more."""

    frames: list[bytes]
    files: tuple[SegmentFile, ...]
    closed: tuple[SegmentFile, ...]
    segment: int
    new_entries_of: SpoolDisk | None

    def run(self) -> None:
        """Returns when the frames survive power loss. Raises OSError. Needs no lock."""
        for file in self.files:
            file.sync()
        if self.new_entries_of is not None:
            self.new_entries_of.sync_entries()


class SegmentAppender:
    """The files of one writer. ``notices`` collects what the user should be told."""

    # Beyond 30 attributes an instance's dictionary is no longer read in place, which log() would feel.
    __slots__ = (
        "_always",
        "_broken",
        "_bytes_max",
        "_closed_bytes",
        "_closing",
        "_discarded",
        "_disk",
        "_entries_synced",
        "_file",
        "_present",
        "_segment_bytes",
        "_suspect",
        "_sync_failures",
        "_syncing",
        "_unsynced_bytes_max",
        "_unsynced_from",
        "base",
        "clock",
        "dirty",
        "identity",
        "known",
        "notices",
        "offset",
        "ready",
        "record",
        "schema",
        "segment",
        "stop",
        "tail",
        "write",
    )

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
        self.identity = identity
        self.clock = clock
        self.base = clock.wall() - clock.monotonic()
        self.record = 0
        self.offset = 0
        self.tail: list[bytes] = []
        self.dirty = False
        self.schema = _NO_SCHEMA
        self.ready: dict[tuple[object, ...], Schema] = {}
        self.known: dict[tuple[object, ...], Schema] = {}
        self.notices: list[str] = []
        self.segment = 0
        self._disk = disk
        self._file: SegmentFile | None = None
        self._closing: list[SegmentFile] = []
        self._discarded: list[SegmentFile] = []
        self._syncing: list[bytes] = []
        self._unsynced_from = 0
        self._closed_bytes = 0
        self._bytes_max = bytes_max
        self._segment_bytes = segment_bytes
        # Half of it may be in a sync that is running, half wait for the next.
        self._unsynced_bytes_max = unsynced_bytes_max // 2
        self._always = durability == "always"
        self._present: set[int] = set()
        self._suspect = False
        self._broken = False
        self._sync_failures = 0
        self._entries_synced = 0
        self._set_stop()

    @property
    def is_strict(self) -> bool:
        """Whether what was asked for is durable before the call returns."""
        return self._always

    def time(self) -> float:
        """Unix seconds on the writer's clock, which wall clock jumps do not move."""
        return self.base + self.clock.monotonic()

    def unsynced(self) -> list[bytes]:
        """The frames that are still in memory, in the order of writing."""
        return [*self._syncing, *self.tail]

    def written(self) -> Iterable[bytes]:
        """The segments so far, without those that were delivered and removed. Raises OSError."""
        return self._disk.segments()

    def detach(self) -> None:
        """Makes the fast path ask the general one about every row, whatever its shape."""
        self.schema = _NO_SCHEMA
        self.ready.clear()

    def close(self) -> None:
        """Closes the files and releases the writer's lock. Nothing can be appended any more."""
        self.detach()
        for file in (*self._discarded, *self._closing, self._file):
            if file is not None:
                file.close()
        self._discarded, self._closing, self._file = [], [], None
        self._disk.close()

    def recover(self) -> None:
        """Takes what a broken-off write left behind: whole frames count, the rest is cut off."""
        assert self._file is not None
        # What had to be written again before still has to.
        suspect, self._suspect = self._suspect, True
        try:
            left = memoryview(self._file.read_from(self.offset))
            taken = 0
            while frame := frames.whole_frame(left, taken):
                self._took(bytes(left[taken : frame.end]), numbered=frame.kind in frames.NUMBERED)
                taken = frame.end
            if len(left) > taken:
                self._file.truncate(self.offset)
        except OSError:
            self._broken = True
        else:
            self._suspect = suspect

    def begin_sync(self) -> SyncJob | None:
        """What has to be synced; None when all is. No other job may be running.

        Raises OSError when what an earlier sync failed at cannot be written again either.
        """
        if self._suspect:
            self._rewrite()
        if not (self.tail or self._syncing) or self._file is None:
            self.dirty = False
            return None
        # What is there already was in a sync that a signal handler's exception broke off.
        self._syncing, self.tail = self._syncing + self.tail if self._syncing else self.tail, []
        self._unsynced_from = self.offset
        self._set_stop()
        new_entries_of = self._disk if self._entries_synced != self.segment else None
        closed = tuple(self._closing)
        return SyncJob(self._syncing, (*closed, self._file), closed, self.segment, new_entries_of)

    def end_sync(self, job: SyncJob) -> None:
        """The job has succeeded: its frames are safe. It is for the caller to free them."""
        self._sync_failures = 0
        self._entries_synced = max(self._entries_synced, job.segment)
        self._forget(job)

    def retry_sync(self, job: SyncJob, error: OSError) -> None:
        """The job has failed. Writes its frames again; when those cannot be synced either, goes on without the promise.

        Raises OSError when they cannot be written again now.
        """
        if job.frames is not self._syncing:
            return
        self._sync_failures += 1
        reason = error.strerror or str(error)
        if self._sync_failures > 1:
            self.notices.append(
                f"the disk of the spool refuses to sync ({reason}): rows survive this process, but not a power loss"
            )
            self._forget(job)
            return
        self.notices.append(f"the spool could not be synced ({reason}); what was not safe yet is written again")
        self._suspect = True
        self._rewrite()

    def _put(self, kind: Kind, payload: bytes, flags: int = 0) -> None:
        self._make_ready()
        self._append(frames.encode(kind, payload, self.record + 1, flags))

    def _make_ready(self) -> None:
        if self._suspect:
            self._rewrite()
        elif self.offset == 0 or self.offset >= self._segment_bytes:
            self._turn_over()

    def _turn_over(self) -> None:
        """Goes on in a new segment, or in the full one while there can be none, as without a free file descriptor."""
        try:
            self._next_segment()
        except OSError:
            if self.offset == 0:
                raise

    def _present_schema(self, schema: Schema) -> None:
        if schema.id not in self._present:
            self._append(schema.frame, numbered=False)
            self._present.add(schema.id)

    def _append(self, frame: bytes, *, numbered: bool = True) -> None:
        self._write(frame)
        self._took(frame, numbered=numbered)

    def _write(self, data: bytes) -> None:
        try:
            self._write_all(data)
        except BaseException:
            self.recover()
            raise

    def _write_all(self, data: bytes) -> None:
        """One write; only when the disk takes a part of it another one, which tells why."""
        while taken := self.write(data):
            if taken == len(data):
                return
            data = data[taken:]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _took(self, frame: bytes, *, numbered: bool) -> None:
        self.record += numbered
        self.offset += len(frame)
        self.tail.append(frame)

    def _next_segment(self) -> None:
        """Goes on in a new segment. One that did not even take its header is used again, not left behind."""
        if self._file is None or self.offset > 0 or self._broken:
            file = self._disk.create(f"{self.segment + 1:08d}.seg")
            if self._file is not None:
                self._closing.append(self._file)
            self._file, self.write = file, file.write
            self.segment += 1
            self._closed_bytes += self.offset
            self._unsynced_from -= self.offset
            self.offset = 0
            self._broken = False
            self._present.clear()
            self.detach()
        header = frames.SEGMENT_MAGIC + frames.encode(Kind.HEADER, self._header())
        self._write(header)
        self.offset = len(header)
        self._set_stop()

    def _header(self) -> bytes:
        kept = [*self._syncing, *self.tail] if self._suspect else []
        return json_bytes(
            {
                "writer": self.identity.writer.hex(),
                "entity": self.identity.entity,
                "project": self.identity.project,
                "run_id": self.identity.run_id,
                "offline": self.identity.offline,
                "segment": self.segment,
                "first_record": self.record + 1 - sum(frame[_KIND_OFFSET] in frames.NUMBERED for frame in kept),
                "created": self.time(),
            }
        )

    def _rewrite(self) -> None:
        """Writes what is not safe to a new segment, with the schemas that it needs. After an OSError it can be tried again."""
        schemas = {schema.id: schema for schema in self.known.values()}
        written: list[bytes] = []
        self._next_segment()
        try:
            for frame in (*self._syncing, *self.tail):
                if frame[_KIND_OFFSET] == Kind.ROW:
                    schema = schemas[int.from_bytes(frame[_SCHEMA_ID], "little")]
                    if schema.id not in self._present:
                        self._rewrite_frame(schema.frame, written)
                        self._present.add(schema.id)
                if frame[_KIND_OFFSET] != Kind.SCHEMA:
                    self._rewrite_frame(frame, written)
        except OSError:
            self._empty_segment()
            raise
        self._syncing, self.tail = [], written
        self._discarded += self._closing
        self._closing = []
        self._suspect = False

    def _rewrite_frame(self, frame: bytes, written: list[bytes]) -> None:
        self._write_all(frame)
        self.offset += len(frame)
        written.append(frame)

    def _empty_segment(self) -> None:
        assert self._file is not None
        self.offset = 0
        self._present.clear()
        try:
            self._file.truncate(0)
        except OSError:
            self._broken = True

    def _forget(self, job: SyncJob) -> None:
        if job.frames is self._syncing:
            self._syncing = []
        for file in job.closed:
            if file in self._closing:
                self._closing.remove(file)
                file.close()
        self.dirty = bool(self.tail)

    def _set_stop(self) -> None:
        """The offset from which on the fast path has to ask ``at_limit``."""
        self.stop = min(
            self._segment_bytes, self._unsynced_from + self._unsynced_bytes_max, self._bytes_max - self._closed_bytes
        )
        if self._always:
            self.stop = 0
