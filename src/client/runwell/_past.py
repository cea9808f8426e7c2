"""Earlier attempts of a run, and what the spools on this machine tell of them."""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from runwell._disk import read_segments, spool_prefix
from runwell._messages import warn
from runwell._metrics import Earlier, Known, known_of
from runwell._tracks import read_tracks
from runwell.core import frames, keys
from runwell.core.frames import Kind
from runwell.core.metrics import MetricRules, MetricWrites
from runwell.core.numbers import Numbers
from runwell.core.stamps import Stamp


class PastSpool(NamedTuple):
    """A writer's spool on this machine; of its rows those up to ``step_max`` count."""

    writer: str
    directory: Path
    last_record: int
    step_max: int | None = None


class Past(NamedTuple):
    """Earlier attempts of a run."""

    attempts: int
    last_step: int | None
    writers: frozenset[str]
    """Ids in hexadecimal digits."""
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    """Last values by path."""
    fields: Mapping[str, Any]
    """Name, group, job type, notes and tags, as far as they were said."""
    writes: MetricWrites
    by_hand: Mapping[str, Stamp]
    """When each summary value was last set or removed by hand."""
    known: Mapping[str, Known] = {}
    """Statistics by path that the server has."""
    positions: Mapping[str, int] = {}
    """Up to which record of each writer these statistics go."""
    spools: tuple[PastSpool, ...] = ()
    created_at: float | None = None
    duration_s: float = 0.0
    removed_config: frozenset[str] = frozenset()
    removed_summary: frozenset[str] = frozenset()
    """What was taken out and not put in again."""
    rewinds: tuple[tuple[int, int], ...] = ()
    """Attempts that went back, and to which step."""
    told_at: int = 0
    """The latest attempt that was told what it goes on from: a fork or a rewind."""
    last_row: Mapping[str, Any] | None = None
    """``_step``, ``_timestamp`` and ``_runtime`` of the last row."""

    def join(self, later: "Past") -> "Past":
        """Both; where they differ ``later`` is right."""
        if later.told_at > self.attempts:
            return self._without_rows().join(later._replace(told_at=0))._replace(told_at=later.told_at)
        steps = [step for step in (self.last_step, later.last_step) if step is not None]
        starts = [start for start in (self.created_at, later.created_at) if start is not None]
        rows = [row for row in (self.last_row, later.last_row) if row is not None]
        writes = MetricWrites()
        writes.absorb(self.writes)
        writes.absorb(later.writes)
        return Past(
            max(self.attempts, later.attempts),
            max(steps, default=None),
            self.writers | later.writers,
            _joined(self.config, later.config, later.removed_config),
            _joined(self.summary, later.summary, later.removed_summary),
            {**self.fields, **later.fields},
            writes,
            {**self.by_hand, **later.by_hand},
            {**later.known, **self.known} if self.positions else {**self.known, **later.known},
            {**self.positions, **later.positions},
            self.spools + later.spools,
            min(starts, default=None),
            max(self.duration_s, later.duration_s),
            (self.removed_config - later.config.keys()) | later.removed_config,
            (self.removed_summary - later.summary.keys()) | later.removed_summary,
            tuple(sorted({*self.rewinds, *later.rewinds})),
            max(self.told_at, later.told_at),
            max(rows, key=itemgetter("_timestamp"), default=None),
        )

    def _without_rows(self) -> "Past":
        """What a later attempt that was told what it goes on from leaves of the values: those that were set by hand."""
        by_hand = {path: value for path, value in self.summary.items() if path in self.by_hand}
        return self._replace(summary=by_hand, known={}, spools=(), last_step=None, last_row=None)

    def earlier(self) -> Earlier:
        """What the summary of a resumed run goes on from."""
        return Earlier(self.summary, self.writes, self.by_hand, self._look)

    def _look(self, rules: MetricRules) -> list[Mapping[str, Known]]:
        parts = [self.known]
        for writer, directory, last_record, step_max in self.spools:
            after = self.positions.get(writer, 0)
            if last_record > after:
                try:
                    tracks = read_tracks(read_segments(directory), rules, after=after, step_max=step_max)
                except OSError as error:
                    warn(f"the spool {directory} cannot be read for the summary ({error})")
                else:
                    parts.append(known_of(tracks, tracks.tracks))
        return parts


def told_statistics(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The statistics by path of what a fork or a rewind was told."""
    return told.get("statistics") or {}


def _joined(earlier: Mapping[str, Any], later: Mapping[str, Any], removed: frozenset[str]) -> dict[str, Any]:
    """In the order of setting, by which the newer of two shapes is known."""
    gone = removed | later.keys()
    kept = {path: value for path, value in earlier.items() if path not in gone and removed.isdisjoint(keys.above(path))}
    return kept | dict(later)


def read_local(
    run: tuple[str, str, str], spool_root: Path, rewinds: Sequence[tuple[int, int]] = (), upto: int | None = None
) -> Past | None:
    """What the spools under ``spool_root`` tell of the run; None when they tell nothing.

    Rows after the step ``upto`` do not count, nor those that a later attempt went back behind: in the spools or ``rewinds``.
    """
    spools = [spool for spool in _spools(run, spool_root) if spool.attempt]
    gone_back = [*rewinds, *((spool.attempt, spool.rewound) for spool in spools if spool.rewound is not None)]
    past = None
    for spool in sorted(spools, key=lambda spool: (spool.attempt, spool.started_at)):
        limits = [step for attempt, step in gone_back if attempt > spool.attempt] + ([] if upto is None else [upto])
        limit = min(limits, default=None)
        if limit is not None and spool.last_step is not None and spool.last_step > limit:
            spool = _read_spool(run, spool.directory, limit)
        past = spool.past() if past is None else past.join(spool.past())
    return past


def _spools(run: tuple[str, str, str], spool_root: Path) -> "Iterator[LocalSpool]":
    try:
        candidates = sorted(spool_root.glob(f"{_glob_quoted(spool_prefix(run[2]))}*"))
    except OSError:
        candidates = []
    for directory in candidates:
        yield _read_spool(run, directory)


def _read_spool(run: tuple[str, str, str], directory: Path, step_max: int | None = None) -> "LocalSpool":
    spool = LocalSpool(run, directory, step_max)
    try:
        for segment in read_segments(directory):
            spool.read(segment)
    except (OSError, ValueError, KeyError, TypeError) as error:
        warn(f"the spool {directory} could be read only in part ({error})")
    return spool


def _glob_quoted(text: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


class LocalSpool:
    """One writer's spool, read for what a resume needs; rows after ``step_max`` are passed over."""

    def __init__(self, run: tuple[str, str, str], directory: Path, step_max: int | None = None) -> None:
        self.run = run
        self.directory = directory
        self.step_max = step_max
        self.rewound: int | None = None
        self.told: Mapping[str, Any] | None = None
        """What this attempt goes on from, where it is a fork or a rewind."""
        self._last_row_time = 0.0
        self.attempt = 0
        self.started_at = 0.0
        self.writer = ""
        self.last_step: int | None = None
        self.ended_at = 0.0
        self.last_record = 0
        self.config: dict[str, Any] = {}
        self.removed_config: set[str] = set()
        self.fields: dict[str, Any] = {}
        self.writes = MetricWrites()
        self.by_hand: dict[str, Stamp] = {}
        self._last: dict[str, tuple[int, Any]] = {}
        self._columns: dict[int, list[list[str]]] = {}
        self._rows: dict[int, tuple[int, bytes]] = {}

    def read(self, data: bytes) -> None:
        """Takes in one segment. Raises ValueError, KeyError and TypeError when it is not a spool of this version."""
        if not data.startswith(frames.SEGMENT_MAGIC):
            raise ValueError("it is not of a version that this Runwell reads")
        for frame in frames.scan(memoryview(data), len(frames.SEGMENT_MAGIC)):
            if isinstance(frame, frames.Frame) and not self._take(frame):
                return

    def past(self) -> Past:
        """What it told."""
        for schema, (record, payload) in self._rows.items():
            # Where the columns are damaged, so are these values.
            if schema in self._columns:
                self._unpack(self._columns[schema], record, payload)
        ordered = sorted(self._last.items(), key=lambda item: item[1][0])
        told = {} if self.told is None else told_statistics(self.told)
        summary = {path: found["last"] for path, found in told.items()}
        summary |= {path: value for path, (_, value) in ordered if value is not None}
        row = None if self.told is None else self.told.get("last_row")
        if self.last_step is not None:
            runtime = self._last_row_time - self.started_at
            row = {"_step": self.last_step, "_timestamp": self._last_row_time, "_runtime": runtime}
        return Past(
            self.attempt,
            self.last_step,
            frozenset({self.writer}),
            self.config,
            summary,
            self.fields,
            self.writes,
            self.by_hand,
            {path: Known(Numbers.of_view(found), found["first"]) for path, found in told.items()},
            spools=(PastSpool(self.writer, self.directory, self.last_record, self.step_max),),
            created_at=self.started_at,
            duration_s=max(0.0, self.ended_at - self.started_at),
            removed_config=frozenset(self.removed_config - self.config.keys()),
            removed_summary=frozenset(path for path, (_, value) in ordered if value is None),
            rewinds=() if self.rewound is None else ((self.attempt, self.rewound),),
            told_at=0 if self.told is None else self.attempt,
            last_row=row,
        )

    def _take(self, frame: frames.Frame) -> bool:
        """False when the segment is of another run."""
        payload = frame.payload
        masked = frame.flags & frames.FLAG_MASKED
        if frame.kind in frames.NUMBERED:
            # A segment that was written after a failed sync repeats records.
            further = (frame.record - self.last_record) & 0xFFFFFFFF
            self.last_record += further if further < 1 << 31 else 0
        if frame.kind == Kind.ROW and not masked:
            schema, step, self.ended_at = frames.ROW_PREFIX.unpack_from(payload)
            if self._reaches(step):
                self._rows[schema] = (frame.record, bytes(payload))
        elif frame.kind == Kind.JSON_ROW and not masked:
            step, self.ended_at = frames.JSON_ROW_PREFIX.unpack_from(payload)
            values = json.loads(bytes(payload[frames.JSON_ROW_PREFIX.size :])) if self._reaches(step) else {}
            self._last.update((path, (frame.record, value)) for path, value in values.items() if value is not None)
        elif frame.kind == Kind.EVENT:
            self._event(frame.record, json.loads(bytes(payload)))
        elif frame.kind == Kind.SCHEMA:
            fields = json.loads(bytes(payload))
            self._columns[fields["id"]] = fields["columns"]
        elif frame.kind == Kind.HEADER:
            header = json.loads(bytes(payload))
            self.writer = header["writer"]
            if (header["entity"], header["project"], header["run_id"]) != self.run:
                return False
            # The event that says which attempt it is may be damaged.
            self.attempt = max(self.attempt, 1)
        return True

    def _reaches(self, step: int) -> bool:
        """Whether a row of that step counts."""
        if self.step_max is not None and step > self.step_max:
            return False
        self.last_step = step if self.last_step is None else max(self.last_step, step)
        self._last_row_time = self.ended_at
        return True

    def _event(self, record: int, event: Mapping[str, Any]) -> None:
        self.ended_at = event["time"]
        stamp = (self.attempt, event["time"], self.writer, record)
        for kind in ("run_started", "run_resumed", "writer_attached"):
            if kind in event:
                self.attempt = event[kind].get("attempt", 1)
                self.started_at = event["time"]
                self._said(event[kind].get("fields", {}))
        for kind in ("run_forked", "run_rewound"):
            if kind in event:
                self.told = json.loads(event[kind].get("past_json") or "{}")
                self.rewound = int(event[kind]["step"]) if kind == "run_rewound" else None
        if "run_described" in event:
            self._said(event["run_described"]["fields"])
        if "config_set" in event:
            self.config.update(json.loads(event["config_set"].get("set_json") or "{}"))
            for key in event["config_set"].get("removed", ()):
                self.config.pop(key, None)
                self.removed_config.add(key)
        if "summary_updated" in event:
            self._set_summary(event["summary_updated"], record, stamp)
        media = event.get("media_logged")
        if media is not None and not media.get("masked"):
            self._last[media["key"]] = (record, json.loads(media["value_json"]))
        if "metric_defined" in event and not event["metric_defined"].get("restated"):
            fields = dict(event["metric_defined"])
            overwrite = fields.pop("overwrite", False)
            self.writes.define(fields.pop("name"), fields, stamp, overwrite=overwrite)

    def _said(self, fields: Mapping[str, Any]) -> None:
        self.fields |= {name: value for name, value in fields.items() if name != "tags"}
        if "tags" in fields:
            self.fields["tags"] = tuple(fields["tags"].get("values", ()))

    def _set_summary(self, said: Mapping[str, Any], record: int, stamp: Stamp) -> None:
        for path in said.get("removed", ()):
            below = [known for known in self._last if known.startswith(path + keys.PATH_SEPARATOR)]
            self._last.update((gone, (record, None)) for gone in (path, *below))
            self.by_hand |= dict.fromkeys((path, *below), stamp)
        values = json.loads(said.get("set_json") or "{}")
        self._last.update((path, (record, value)) for path, value in values.items())
        self.by_hand |= dict.fromkeys(values, stamp)

    def _unpack(self, columns: list[list[str]], record: int, payload: bytes) -> None:
        row = struct.Struct("<" + "".join(code for _, code in columns))
        for (path, _), value in zip(columns, row.unpack_from(payload, frames.ROW_PREFIX.size), strict=True):
            if path not in self._last or self._last[path][0] < record:
                self._last[path] = (record, value)
