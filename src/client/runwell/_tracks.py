"""Statistics of metrics out of the frames that were written, so that define_metric costs log() nothing.

Frames stay in memory until they are synced. The thread that syncs them takes them in before it lets them go, and whoever
reads the summary takes in those that are still there; so a row is looked at once, later, and only where a definition asks
for more than its last value. In portions, since Python work in one thread holds up the others.
"""

import json
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import lt
from typing import Any

from runwell.core import frames, keys
from runwell.core.frames import Kind
from runwell.core.metrics import MetricRules
from runwell.core.numbers import Track, last_of_steps
from runwell.core.pairs import Pair, observe_row

PORTION_FRAMES = 256
"""Some 0.2 ms of work."""

TRACKED = frozenset({"min", "max", "mean", "best", "first"})
"""Summaries for which the last value does not do."""

Columns = Sequence[tuple[str, str]]
"""Path and type of each column of a schema."""

_KIND, _FLAGS = 6, 7
_RECORD = slice(12, 16)
_ROW_HEAD = struct.Struct("<Iq")
_VALUES = frames.FRAME_HEADER_BYTES + frames.ROW_PREFIX.size
_JSON_STEP = struct.Struct("<q")
_JSON_VALUES = frames.FRAME_HEADER_BYTES + frames.JSON_ROW_PREFIX.size
_BYTES = {"d": 8, "q": 8, "?": 1}
_HALF = 1 << 31


class _Plan:
    """What is wanted of the rows of one schema: where it is, and what takes it in."""

    __slots__ = ("observed", "tracks", "unpack")

    def __init__(self, columns: Columns, wanted: Mapping[str, Track], observed: Iterable[str]) -> None:
        layout, tracks, skipped = f"<{_VALUES}x", [], 0
        for path, code in columns:
            if path in wanted:
                layout += (f"{skipped}x" if skipped else "") + code
                tracks.append((path, wanted[path]))
                skipped = 0
            else:
                skipped += _BYTES[code]
        self.unpack = struct.Struct(layout + (f"{skipped}x" if skipped else "")).iter_unpack
        self.tracks = tracks
        self.observed = [path for path, _ in tracks if path in observed]


class FrameTracks:
    """Statistics of one writer's frames, for the keys that ``rules`` ask for. ``columns`` tells a schema by its id."""

    def __init__(self, columns: Callable[[int], Columns | None]) -> None:
        self.lock = threading.RLock()
        self.rules = MetricRules(())
        self.tracks: dict[str, Track] = {}
        self.pairs: dict[str, Pair] = {}
        self.seen = 0
        """The last record that was looked at."""
        self._columns = columns
        self._plans: dict[int, _Plan | None] = {}
        self._deciding: frozenset[str] = frozenset()

    def follow(self, rules: MetricRules) -> None:
        """From the next frame on these rules say what is wanted."""
        with self.lock:
            self.rules = rules
            self._deciding = rules.deciding
            self._plans.clear()
            for path in [*self.tracks]:
                self._pair(path)

    def wants(self, path: str) -> bool:
        """Whether statistics of that key are asked for."""
        key = keys.shown(path)
        metric = self.rules.of(key)
        return key in self._deciding or (metric is not None and not TRACKED.isdisjoint(metric.summary))

    def observe(self, written: Sequence[bytes]) -> None:
        """Takes in frames in the order of writing; those that were there before are passed over."""
        for start in range(0, len(written), PORTION_FRAMES):
            if start:
                time.sleep(0)
            if self.lock._is_owned():  # type: ignore[attr-defined]
                # A signal handler in the middle of this very work: it sees what is there by now.
                return
            with self.lock:
                self._observe(written[start : start + PORTION_FRAMES])

    def _observe(self, portion: Sequence[bytes]) -> None:
        alike: list[bytes] = []
        steps: list[int] = []
        records: list[int] = []
        schema = -1
        for frame in portion:
            if frame[_KIND] not in frames.NUMBERED or not self._is_new(frame):
                continue
            if frame[_KIND] == Kind.EVENT or frame[_FLAGS] & frames.FLAG_MASKED:
                continue
            if frame[_KIND] == Kind.JSON_ROW:
                self._take_rows(schema, alike, steps, records)
                alike, steps, records = [], [], []
                self._take_json(frame)
                continue
            of_schema, step = _ROW_HEAD.unpack_from(frame, frames.FRAME_HEADER_BYTES)
            if of_schema != schema:
                self._take_rows(schema, alike, steps, records)
                alike, steps, records = [], [], []
                schema = of_schema
            alike.append(frame)
            steps.append(step)
            records.append(self.seen)
        self._take_rows(schema, alike, steps, records)

    def _is_new(self, frame: bytes) -> bool:
        """Counts the record on. A frame has but the low 32 bits of its number."""
        further = (int.from_bytes(frame[_RECORD], "little") - self.seen) & 0xFFFFFFFF
        if not 0 < further < _HALF:
            return False
        self.seen += further
        return True

    def _take_rows(self, schema: int, alike: list[bytes], steps: list[int], records: list[int]) -> None:
        if not alike:
            return
        if schema not in self._plans:
            self._plans[schema] = self._planned(schema)
        plan = self._plans[schema]
        if plan is None:
            return
        columns = [[*values] for values in zip(*plan.unpack(b"".join(alike)), strict=True)]
        if plan.observed:
            self._take_pairs(plan, columns, steps, records)
        if not all(map(lt, steps, steps[1:])):
            places = last_of_steps(steps)
            columns = [[values[place] for place in places] for values in columns]
            steps, records = [steps[place] for place in places], [records[place] for place in places]
        for (_, track), values in zip(plan.tracks, columns, strict=True):
            track.extend(values, steps, records)

    def _take_pairs(self, plan: _Plan, columns: list[list[Any]], steps: Sequence[int], records: Sequence[int]) -> None:
        paths = [path for path, _ in plan.tracks]
        for row, step, record in zip(zip(*columns, strict=True), steps, records, strict=True):
            observe_row(self.pairs, dict(zip(paths, row, strict=True)), step, record)

    def _take_json(self, frame: bytes) -> None:
        values = json.loads(frame[_JSON_VALUES:])
        wanted = {path: value for path, value in values.items() if value is not None and self.wants(path)}
        (step,) = _JSON_STEP.unpack_from(frame, frames.FRAME_HEADER_BYTES)
        for path in wanted:
            self.track(path)
        observe_row(self.pairs, wanted, step, self.seen)
        for path, value in wanted.items():
            self.tracks[path].put(value, step, self.seen)

    def _planned(self, schema: int) -> _Plan | None:
        columns = self._columns(schema)
        wanted = [path for path, _ in columns or () if self.wants(path)]
        if columns is None or not wanted:
            return None
        tracks = {path: self.track(path) for path in wanted}
        observed = {path for path in wanted if path in self.pairs or keys.shown(path) in self._deciding}
        return _Plan(columns, tracks, observed if self.pairs else ())

    def track(self, path: str) -> Track:
        """The statistics of a key, begun now unless they were."""
        track = self.tracks.get(path)
        if track is None:
            track = self.tracks[path] = Track()
            self._pair(path)
            if keys.shown(path) in self._deciding or path in self.pairs:
                self._plans.clear()
        return track

    def _pair(self, path: str) -> None:
        metric = self.rules.of(keys.shown(path))
        if metric is None or metric.at is None or "best" not in metric.summary:
            self.pairs.pop(path, None)
            return
        known, minimises = self.pairs.get(path), self.rules.minimises(metric)
        if known is None or (known.at, known.minimises) != (metric.at, minimises):
            deciding = [track for other, track in self.tracks.items() if keys.shown(other) == metric.at]
            self.pairs[path] = Pair(metric.at, minimises, deciding[0] if deciding else None, self.tracks[path])


def read_tracks(
    segments: Iterable[bytes],
    rules: MetricRules,
    *,
    after: int = 0,
    upto: int | None = None,
    step_max: int | None = None,
) -> FrameTracks:
    """Statistics of a writer's segments, of the records after one and up to another; damage is passed over.

    Rows of steps after ``step_max`` do not count.
    """
    columns: dict[int, Columns] = {}
    tracks = FrameTracks(columns.get)
    tracks.follow(rules)
    tracks.seen = after
    for data in segments:
        found = []
        for frame in frames.scan(memoryview(data), len(frames.SEGMENT_MAGIC)):
            if isinstance(frame, frames.Damage):
                continue
            if frame.kind == Kind.SCHEMA:
                schema = json.loads(bytes(frame.payload))
                columns[schema["id"]] = schema["columns"]
            elif step_max is not None and _step_of(frame) > step_max:
                continue
            elif upto is None or (frame.record - upto - 1) & 0xFFFFFFFF >= _HALF:
                found.append(data[frame.end - frames.FRAME_HEADER_BYTES - len(frame.payload) : frame.end])
        tracks.observe(found)
    return tracks


def _step_of(frame: frames.Frame) -> int:
    """The step of a row; of other frames the least there is."""
    if frame.kind == Kind.ROW:
        return int(_ROW_HEAD.unpack_from(frame.payload)[1])
    return int(_JSON_STEP.unpack_from(frame.payload)[0]) if frame.kind == Kind.JSON_ROW else -_HALF * _HALF
