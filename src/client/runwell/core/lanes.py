"""What a fold keeps of one writer of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from runwell.core.keys import shown
from runwell.core.limits import RUN_KEYS_MAX
from runwell.core.metrics import Metric, MetricWrites
from runwell.core.pairs import Pair, observe_row
from runwell.core.rows import Column, RecordClock, Rows
from runwell.core.stamps import Stamp
from runwell.core.tracks import KeyTrack, Moments, columns_by_key, in_record_order

PART_TRACKS = 64
"""Keys that are kept together: as many as fill a page of the views."""


class Edit(NamedTuple):
    """One change that a person made of the run afterwards. It survives JSON as a list."""

    time: float
    record: int
    by: str
    fields: dict[str, Any]
    config: dict[str, Any]
    """Top-level key to a list of the new value, or None where it was removed."""
    set: dict[str, Any]
    removed: list[str]
    """Paths of the summary; removals come before what is set."""
    undoes: str
    """The writer of the edits that are taken back, or an empty text."""


@dataclass(frozen=True, slots=True)
class LaneHead:
    """What the history needs to know of a lane."""

    writer: str
    attempt: int
    zero_time: float
    """``_runtime`` counts from here, unix seconds: the attempt's start less what earlier attempts took."""
    step_max: int | None
    """Greater steps are hidden by a later attempt's RunRewound."""


class Lane:
    """One writer: how far it is, what became of it, and the last values and statistics of its keys."""

    __slots__ = (
        "announced",
        "attempt",
        "changed",
        "clock",
        "dropped",
        "edits",
        "exit_code",
        "host",
        "keys",
        "kind",
        "last_record",
        "last_row_time",
        "last_row_time_stamp",
        "last_step",
        "lost",
        "masked",
        "metrics",
        "pairs",
        "pid",
        "position",
        "preempting",
        "refused",
        "started_at",
        "state",
        "step_max",
        "system",
        "tracks",
        "unindexed",
        "unreadable",
        "writer",
    )

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self.kind = ""
        """"started", "resumed", "attached"; empty while no event has said so."""
        self.attempt = 1
        self.host = ""
        self.pid = 0
        self.position = 0
        """Number of the last record taken in."""
        self.announced = 0
        """Number of the last record there is, as far as anybody said."""
        self.state = "running"
        """"running", "finished", "ended" (without a word) or "silent"."""
        self.exit_code: int | None = None
        self.preempting = False
        """Whether it was told that it would be ended early, to be begun again."""
        self.clock = 0.0
        """The greatest time of its records, unix seconds."""
        self.started_at: float | None = None
        self.step_max: int | None = None
        self.last_record = 0
        """Record of the last row that is not masked, and its step, time, and time for the stamp."""
        self.last_step = 0
        self.last_row_time = 0.0
        self.last_row_time_stamp = 0.0
        self.masked = 0
        self.refused = 0
        self.dropped = 0
        self.lost = 0
        self.edits: list[Edit] = []
        """Records by which a person changed the run afterwards."""
        self.unreadable = 0
        """Events and columns that this version does not know or cannot parse."""
        self.unindexed = 0
        """Values of keys beyond RUN_KEYS_MAX."""
        self.tracks: dict[str, KeyTrack] = {}
        self.keys: list[str] = []
        """Those of the tracks, in their order."""
        self.system: tuple[float, dict[str, float]] | None = None
        """Time of the latest look at its machine and process, unix seconds, and the figures by path."""
        self.metrics = MetricWrites()
        """What this writer itself has defined, for the pairs."""
        self.pairs: dict[str, Pair] = {}
        """Of metrics whose best value another one decides, from the batch on in which that was said."""
        self.changed: set[int] = set()
        """The parts of its state that changed since somebody last asked."""

    @property
    def is_editor(self) -> bool:
        """Whether it only ever carried people's edits: then it is no part of what the run did and how long it took."""
        return 0 < len(self.edits) == self.position - self.lost

    def begin(self, kind: str, attempt: int, process: Any, time: float) -> None:
        """The writer's first word; a second one changes nothing."""
        if self.kind:
            return
        self.kind, self.attempt = kind, max(attempt, 1)
        self.host, self.pid = process.host, process.pid
        self.started_at = time

    def add_rows(self, batch: Iterable[Rows], clock: RecordClock, media: Iterable[Rows] = ()) -> None:
        """Takes in the rows of a batch; masked ones are only counted. ``media`` belong to rows that were counted before."""
        unmasked = []
        for rows in batch:
            self.masked += sum(rows.masks)
            self.unreadable += rows.unreadable
            visible = rows.unmasked()
            if visible.records:
                unmasked.append(visible)
                self._reach(visible, clock)
        for rows in media:
            visible = rows.unmasked()
            if visible.records:
                unmasked.append(visible)
                self._reach_step(max(visible.steps))
        if self.metrics.by_name:
            self._observe_pairs(unmasked)
        moments = {id(rows): Moments(rows.records, rows.steps, clock) for rows in unmasked}
        for key, columns in columns_by_key(unmasked).items():
            track = self.tracks.get(key) or self._begin_track(key, columns)
            if track is None:
                continue
            self.changed.add(track.part)
            if len(columns) == 1:
                ((column, rows),) = columns
                track.observe_column(column.kind, column.values, moments[id(rows)])
            else:
                for piece in in_record_order(columns, clock):
                    track.observe_column(*piece)

    def _observe_pairs(self, batch: list[Rows]) -> None:
        """To be called before the tracks take in the batch."""
        rules = self.metrics.rules()
        if not rules.deciding:
            return
        columns = columns_by_key(batch)
        for path in {**self.tracks, **columns}:
            metric = rules.of(shown(path))
            if metric is not None and metric.is_paired:
                self._begin_pair(path, metric, rules.minimises(metric))
        rows: dict[tuple[int, int], dict[str, Any]] = {}
        for path, found in columns.items():
            if path in self.pairs or shown(path) in rules.deciding:
                for column, of_rows in found:
                    for record, step, value in zip(of_rows.records, of_rows.steps, column.decoded(), strict=True):
                        if value is not None:
                            rows.setdefault((record, step), {})[path] = value
        for (record, step), row in sorted(rows.items()):
            observe_row(self.pairs, row, step, record)

    def _begin_pair(self, path: str, metric: Metric, minimises: bool) -> None:
        known = self.pairs.get(path)
        if metric.at is not None and (known is None or (known.at, known.minimises) != (metric.at, minimises)):
            deciding = [track for other, track in self.tracks.items() if shown(other) == metric.at]
            self.pairs[path] = Pair(metric.at, minimises, deciding[0] if deciding else None, self.tracks.get(path))

    def _reach(self, rows: Rows, clock: RecordClock) -> None:
        self._reach_step(max(rows.steps))
        if rows.records[-1] > self.last_record:
            self.last_record, self.last_step, self.last_row_time = rows.records[-1], rows.steps[-1], rows.times[-1]
            self.last_row_time_stamp = clock.at(rows.records[-1])

    def _reach_step(self, step: int) -> None:
        self.step_max = step if self.step_max is None else max(self.step_max, step)

    def _begin_track(self, key: str, columns: list[tuple[Column, Rows]]) -> KeyTrack | None:
        if len(self.tracks) >= RUN_KEYS_MAX:
            self.unindexed += sum(len(column.values) for column, _ in columns)
            return None
        track = self.tracks[key] = KeyTrack(len(self.tracks) // PART_TRACKS)
        self.keys.append(key)
        return track

    def stamp(self, time: float, record: int) -> Stamp:
        """The stamp of one of its records."""
        return self.attempt, time, self.writer, record

    def part_keys(self, part: int) -> list[str]:
        """The keys of a part of the state."""
        return self.keys[part * PART_TRACKS : (part + 1) * PART_TRACKS]

    def changes(self) -> dict[int, list[Any]]:
        """The parts of its state that changed since the last call; ``from_parts`` takes the latest of each.

        Part 0 has everything but the tracks, and each the tracks of PART_TRACKS keys.
        """
        found: dict[int, list[Any]] = {}
        for part in sorted(self.changed):
            keys = self.part_keys(part)
            found[part] = [keys, [self.tracks[key].to_state() for key in keys]]
        if 0 in found:
            pairs = {path: pair.to_state() for path, pair in self.pairs.items()}
            found[0] += [_head_of(self), pairs]
        self.changed = set()
        return found

    @classmethod
    def from_parts(cls, parts: Iterable[Sequence[Any]]) -> "Lane":
        """The lane of all its parts, in their order; also after a turn through JSON."""
        lane = cls("")
        for part, (keys, tracks, *head) in enumerate(parts):
            lane.tracks |= {key: KeyTrack.from_state(track, part) for key, track in zip(keys, tracks, strict=True)}
            lane.keys += keys
            if head:
                for name, value in zip(_HEAD, head[0], strict=True):
                    setattr(lane, name, value)
                lane.pairs = {path: Pair.from_state(pair) for path, pair in head[1].items()}
        lane.system = lane.system and (lane.system[0], lane.system[1])
        lane.edits = [Edit(*edit) for edit in lane.edits]
        return lane


_HEAD = tuple(name for name in Lane.__slots__ if name not in ("changed", "keys", "metrics", "pairs", "tracks"))
_head_of = attrgetter(*_HEAD)
