"""What a fold keeps of one writer of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runwell.core.limits import RUN_KEYS_MAX
from runwell.core.rows import RecordClock, Rows
from runwell.core.stamps import Stamp
from runwell.core.summary import KeyTrack, Moments


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
        "exit_code",
        "host",
        "kind",
        "last_record",
        "last_row_time",
        "last_row_time_stamp",
        "last_step",
        "lost",
        "masked",
        "pid",
        "position",
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
        self.unreadable = 0
        """Events and columns that this version does not know or cannot parse."""
        self.unindexed = 0
        """Values of keys beyond RUN_KEYS_MAX."""
        self.tracks: dict[str, KeyTrack] = {}
        self.system: tuple[float, dict[str, float]] | None = None
        """Time of the latest look at its machine and process, unix seconds, and the figures by path."""

    def begin(self, kind: str, attempt: int, process: Any, time: float) -> None:
        """The writer's first word; a second one changes nothing."""
        if self.kind:
            return
        self.kind, self.attempt = kind, max(attempt, 1)
        self.host, self.pid = process.host, process.pid
        self.started_at = time

    def add_rows(self, rows: Rows, clock: RecordClock) -> None:
        """Takes in rows; masked ones are only counted."""
        self.masked += sum(rows.masks)
        self.unreadable += rows.unreadable
        rows = rows.unmasked()
        if not rows.records:
            return
        step_max = max(rows.steps)
        self.step_max = step_max if self.step_max is None else max(self.step_max, step_max)
        moments = Moments(rows.records, clock)
        if moments.last_record > self.last_record:
            self.last_record, self.last_step, self.last_row_time = moments.last_record, rows.steps[-1], rows.times[-1]
            self.last_row_time_stamp = moments.last_time
        for column in rows.columns:
            track = self.tracks.get(column.key)
            if track is None:
                if len(self.tracks) >= RUN_KEYS_MAX:
                    self.unindexed += len(column.values)
                    continue
                track = self.tracks[column.key] = KeyTrack()
            track.observe(column, moments)

    def stamp(self, time: float, record: int) -> Stamp:
        """The stamp of one of its records."""
        return self.attempt, time, self.writer, record

    def to_state(self) -> dict[str, Any]:
        """What ``from_state`` takes."""
        state = {name: getattr(self, name) for name in self.__slots__}
        state["tracks"] = {key: track.to_state() for key, track in self.tracks.items()}
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Lane":
        """The lane of ``to_state``."""
        lane = cls.__new__(cls)
        for name in cls.__slots__:
            setattr(lane, name, state[name])
        lane.tracks = {key: KeyTrack.from_state(track) for key, track in state["tracks"].items()}
        lane.system = state["system"] and (state["system"][0], state["system"][1])
        return lane
