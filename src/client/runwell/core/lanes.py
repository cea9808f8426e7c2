"""What a fold keeps of one writer of a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runwell.core.keys import shown
from runwell.core.limits import RUN_KEYS_MAX
from runwell.core.metrics import Metric, MetricWrites
from runwell.core.pairs import Pair, observe_row
from runwell.core.rows import Column, RecordClock, Rows
from runwell.core.stamps import Stamp
from runwell.core.tracks import KeyTrack, Moments, columns_by_key, in_record_order


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
        "clock",
        "dropped",
        "edits",
        "exit_code",
        "host",
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
        self.edits = 0
        """Records by which a person changed the run afterwards."""
        self.unreadable = 0
        """Events and columns that this version does not know or cannot parse."""
        self.unindexed = 0
        """Values of keys beyond RUN_KEYS_MAX."""
        self.tracks: dict[str, KeyTrack] = {}
        self.system: tuple[float, dict[str, float]] | None = None
        """Time of the latest look at its machine and process, unix seconds, and the figures by path."""
        self.metrics = MetricWrites()
        """What this writer itself has defined, for the pairs."""
        self.pairs: dict[str, Pair] = {}
        """Of metrics whose best value another one decides, from the batch on in which that was said."""

    @property
    def is_editor(self) -> bool:
        """Whether it only ever carried people's edits: then it is no part of what the run did and how long it took."""
        return 0 < self.edits == self.position - self.lost

    def begin(self, kind: str, attempt: int, process: Any, time: float) -> None:
        """The writer's first word; a second one changes nothing."""
        if self.kind:
            return
        self.kind, self.attempt = kind, max(attempt, 1)
        self.host, self.pid = process.host, process.pid
        self.started_at = time

    def add_rows(self, batch: Iterable[Rows], clock: RecordClock) -> None:
        """Takes in the rows of a batch; masked ones are only counted."""
        unmasked = []
        for rows in batch:
            self.masked += sum(rows.masks)
            self.unreadable += rows.unreadable
            visible = rows.unmasked()
            if visible.records:
                unmasked.append(visible)
                self._reach(visible, clock)
        if self.metrics.by_name:
            self._observe_pairs(unmasked)
        moments = {id(rows): Moments(rows.records, rows.steps, clock) for rows in unmasked}
        for key, columns in columns_by_key(unmasked).items():
            track = self._track(key, columns)
            if track is None:
                continue
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
        step_max = max(rows.steps)
        self.step_max = step_max if self.step_max is None else max(self.step_max, step_max)
        if rows.records[-1] > self.last_record:
            self.last_record, self.last_step, self.last_row_time = rows.records[-1], rows.steps[-1], rows.times[-1]
            self.last_row_time_stamp = clock.at(rows.records[-1])

    def _track(self, key: str, columns: list[tuple[Column, Rows]]) -> KeyTrack | None:
        track = self.tracks.get(key)
        if track is None:
            if len(self.tracks) >= RUN_KEYS_MAX:
                self.unindexed += sum(len(column.values) for column, _ in columns)
                return None
            track = self.tracks[key] = KeyTrack()
        return track

    def stamp(self, time: float, record: int) -> Stamp:
        """The stamp of one of its records."""
        return self.attempt, time, self.writer, record

    def to_state(self) -> dict[str, Any]:
        """What ``from_state`` takes."""
        state = {name: getattr(self, name) for name in self.__slots__}
        state["metrics"] = self.metrics.to_state()
        state["pairs"] = {path: pair.to_state() for path, pair in self.pairs.items()}
        state["tracks"] = {key: track.to_state() for key, track in self.tracks.items()}
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Lane":
        """The lane of ``to_state``."""
        lane = cls.__new__(cls)
        for name in cls.__slots__:
            setattr(lane, name, state[name])
        lane.metrics = MetricWrites.from_state(state["metrics"])
        lane.pairs = {path: Pair.from_state(pair) for path, pair in state["pairs"].items()}
        lane.tracks = {key: KeyTrack.from_state(track) for key, track in state["tracks"].items()}
        lane.system = state["system"] and (state["system"][0], state["system"][1])
        return lane
