"""A run from its events.

``RunFold`` takes batches of the run's writers. Each writer's batches come in its own order; between writers every order
gives equal views, since whatever can be written twice carries a stamp (attempt, time, writer, record) of which the
greatest wins, and everything else is counted for each writer alone. A run of many writers is the sum of its lanes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from runwell.core.edits import Edited, edit_views
from runwell.core.fold_events import HANDLERS, NOT_FOLDED, metric_fields
from runwell.core.lanes import PART_TRACKS, Edit, Lane, LaneHead
from runwell.core.limits import RUN_KEYS_MAX
from runwell.core.media import ROW_EVENTS, as_row
from runwell.core.metrics import MetricWrites
from runwell.core.rows import RecordClock, fresh_events, read_rows
from runwell.core.run_view import lane_heads, run_view, statistics
from runwell.core.stamps import EARLIEST, Stamp, read_stamp
from runwell.core.summary import SummarySets

FOLD_VERSION = 13
"""Changes with the meaning of a state, of a view or of the tables that keep them; then views are rebuilt from the log."""


class RunKey(NamedTuple):
    """A run's identity."""

    entity: str
    project: str
    run_id: str


class RunFold:
    """The state of one run. ``apply`` leaves it undefined when it raises."""

    __slots__ = (
        "_edited",
        "config",
        "fields",
        "lanes",
        "metrics",
        "pasts",
        "rewinds",
        "run",
        "said",
        "summary",
        "updated_at",
    )

    def __init__(self, run: tuple[str, str, str]) -> None:
        self.run = RunKey(*run)
        self.lanes: dict[str, Lane] = {}
        self.fields: dict[str, tuple[Stamp, Any]] = {}
        """Name, tags, process and so on, each with its last write."""
        self.config: dict[str, tuple[Stamp, Any]] = {}
        """Top-level key to its last write: a list of the value, or None when it was removed."""
        self.summary = SummarySets()
        self.metrics = MetricWrites()
        self.rewinds: list[tuple[int, int]] = []
        """(attempt, step): rows of earlier attempts with a greater step are hidden."""
        self.pasts: dict[int, tuple[Stamp, dict[str, Any]]] = {}
        """Attempt to what it goes on from, where it was forked or rewound: see ``pasts``."""
        self.updated_at = 0.0
        self._edited: Edited | None = None
        self.said = True
        """Whether anything but rows came since somebody last asked for changes."""

    def apply(
        self, writer: bytes, first: int, count: int, received_at: float, events: Iterable[Any], offset: int = 0
    ) -> list[Any]:
        """Takes in one batch; returns the events that were new, cut where a batch overlaps what the writer had.

        Raises ValueError when the events contradict themselves.
        """
        name = writer.hex()
        position = self.lanes[name].position if name in self.lanes else 0
        if count == 0:
            if first == position + 1:
                self._apply_control(self._lane(name), events)
                self.updated_at = max(self.updated_at, received_at)
            return []
        if first + count - 1 <= position:
            return []
        lane = self._lane(name)
        fresh = fresh_events(events, position + 1 - first)
        clock = RecordClock(lane.clock, first, fresh)
        if lane.state in ("silent", "ended"):
            lane.state = "running"
        lane.lost += max(0, first - position - 1)
        for event in fresh:
            # Before the rows, since what decides about values is kept from here on.
            if event.WhichOneof("event") == "metric_defined" and len(lane.metrics.by_name) < RUN_KEYS_MAX:
                message, stamp = event.metric_defined, (0, 0.0, "", first + event.index)
                lane.metrics.define(message.name, metric_fields(message), stamp, overwrite=message.overwrite)
        lane.add_rows(
            [read_rows(first, event) for event in fresh if event.WhichOneof("event") == "metric_logged"],
            clock,
            [read_rows(first, as_row(event)) for event in fresh if event.WhichOneof("event") == "media_logged"],
        )
        for event in fresh:
            self._apply_event(lane, first, event, clock)
        lane.changed.add(0)
        lane.position = first + count - 1
        lane.clock = clock.end
        if lane.started_at is None:
            lane.started_at = clock.at(first)
        self.updated_at = max(self.updated_at, received_at)
        return fresh

    def view(self) -> dict[str, Any]:
        """The run as people see it: see docs/formats.md."""
        return run_view(self)

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Count, min, max, sum, first and last of every key."""
        return statistics(self)

    def lane_heads(self) -> list[LaneHead]:
        """The lanes, for ``runwell.core.history``."""
        return lane_heads(self)

    def _lane(self, name: str) -> Lane:
        lane = self.lanes.get(name)
        if lane is None:
            lane = self.lanes[name] = Lane(name)
        return lane

    def _apply_control(self, lane: Lane, events: Iterable[Any]) -> None:
        """What forwarder and collector say of a writer; it moves no position."""
        lane.changed.add(0)
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "writer_ended":
                lane.announced = max(lane.announced, event.writer_ended.last)
            if kind in ("writer_ended", "writer_silent") and lane.state != "finished":
                lane.state = "ended" if kind == "writer_ended" else "silent"

    def _apply_event(self, lane: Lane, first: int, event: Any, clock: RecordClock) -> None:
        kind = event.WhichOneof("event")
        apply = HANDLERS.get(kind)
        if apply is not None:
            self.said = True
            record = first + event.index
            apply(self, lane, getattr(event, kind), lane.stamp(clock.at(record), record))
        elif kind not in NOT_FOLDED and kind not in ROW_EVENTS:
            lane.unreadable += 1

    def write_field(self, name: str, value: Any, stamp: Stamp) -> None:
        """The last write of a field wins."""
        if stamp >= self.fields.get(name, (EARLIEST,))[0]:
            self.fields[name] = (stamp, value)

    def field(self, name: str, default: Any) -> Any:
        """A field's value."""
        if name in self.edited.fields:
            return self.edited.fields[name]
        return self.fields[name][1] if name in self.fields else default

    def add_edit(self, lane: Lane, edit: Edit) -> None:
        """A person has changed the run."""
        lane.edits.append(edit)
        self._edited = None

    @property
    def edited(self) -> Edited:
        """What people have changed; another object whenever that changes."""
        if self._edited is None:
            self._edited = Edited(self.lanes.values())
        return self._edited

    def edits(self) -> list[dict[str, Any]]:
        """Everything that people have changed, the first change first, with what was taken back."""
        return edit_views(self.lanes.values())

    def to_state(self) -> list[Any]:
        """What ``from_state`` takes; plain values that survive JSON."""
        self.said = True
        for lane in self.lanes.values():
            lane.changed = set(range(max(1, -(-len(lane.tracks) // PART_TRACKS))))
        return [[*place, state] for place, state in self.changes()]

    def changes(self) -> Iterator[tuple[tuple[int, int], list[Any]]]:
        """The parts of the state that changed since the last call, each with its place, by which they are ordered.

        A lane's part is at (1 + the lane's number, the part's number), and what was said of the run at (0, 0). The latest of
        each is what ``from_state`` takes.
        """
        if self.said:
            metrics = {lane.writer: lane.metrics.to_state() for lane in self.lanes.values() if lane.metrics.by_name}
            pasts = [(attempt, *past) for attempt, past in sorted(self.pasts.items())]
            writes = [self.fields, self.config, self.summary.to_state(), self.metrics.to_state()]
            yield (0, 0), [*writes, self.rewinds, pasts, metrics]
        for number, lane in enumerate(self.lanes.values(), 1):
            if lane.changed:
                for part, state in lane.changes().items():
                    yield (number, part), [self.updated_at, *state] if part == 0 else state
        self.said = False

    @classmethod
    def from_state(cls, run: tuple[str, str, str], state: Iterable[Sequence[Any]]) -> "RunFold":
        """The fold of ``to_state``, or of the latest ``[number, part, state]`` of each part; also after a turn through JSON."""
        fold = cls(run)
        parts: dict[int, list[Sequence[Any]]] = {}
        for number, _, part in state:
            parts.setdefault(number, []).append(part)
        (said,) = parts.pop(0)
        fields, config, summary, metrics, rewinds, pasts, of_lanes = said
        fold.fields = {name: (read_stamp(stamp), value) for name, (stamp, value) in fields.items()}
        fold.config = {key: (read_stamp(stamp), value) for key, (stamp, value) in config.items()}
        fold.summary = SummarySets.from_state(summary)
        fold.metrics = MetricWrites.from_state(metrics)
        fold.rewinds = [(attempt, step) for attempt, step in rewinds]
        fold.pasts = {attempt: (read_stamp(stamp), past) for attempt, stamp, past in pasts}
        for (updated_at, *first), *others in parts.values():
            lane = Lane.from_parts([first, *others])
            lane.metrics = MetricWrites.from_state(of_lanes.get(lane.writer, {}))
            fold.lanes[lane.writer] = lane
            fold.updated_at = max(fold.updated_at, updated_at)
        fold.said = False
        return fold
