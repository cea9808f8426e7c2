"""What ``define_metric`` was told, and what it makes of the summary of this process.

What earlier attempts had, or the process that this one was forked from, is ``Earlier``: the summary goes on from there.
What was logged before somebody asked for its statistics is read back from the spool when the summary is read, once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from runwell._segments import SegmentAppender
from runwell._tracks import Columns, FrameTracks, read_tracks
from runwell.core import keys
from runwell.core.metrics import Metric, MetricRules, MetricWrites
from runwell.core.numbers import Numbers
from runwell.core.stamps import EARLIEST, Stamp
from runwell.core.summary import live_values


class Known(NamedTuple):
    """Statistics of a key, its first value, and its value where the metric that decides was best."""

    numbers: Numbers
    first: Any = None
    best: Any = None


Look = Callable[[MetricRules], Sequence[Mapping[str, Known]]]
"""Statistics by path of the keys that the rules ask for; in several parts, the earliest first."""


class Looked:
    """A look that was taken already. Unlike a closure it can be handed to another process."""

    def __init__(self, parts: Sequence[Mapping[str, Known]]) -> None:
        self.parts = parts

    def __call__(self, rules: MetricRules) -> Sequence[Mapping[str, Known]]:
        return self.parts


class Earlier(NamedTuple):
    """What was there before this writer's first record; ``look`` is asked when the summary is."""

    leaves: Mapping[str, Any]
    """The last value of each path."""
    writes: MetricWrites
    by_hand: Mapping[str, Stamp]
    look: Look


def nothing_earlier() -> Earlier:
    """A new run."""
    return Earlier({}, MetricWrites(), {}, Looked([]))


class LaneMetrics:
    """Definitions, and statistics of what one writer has written. Callers of all but ``observe`` hold the lane's lock."""

    def __init__(self, writer: SegmentAppender, order: tuple[int, float], earlier: Earlier) -> None:
        self.rules = earlier.writes.rules()
        self.tracks = FrameTracks(self._columns)
        self.tracks.follow(self.rules)
        self._writer = writer
        self._order = order
        self._earlier = earlier
        self._writes = MetricWrites.from_state(earlier.writes.to_state())
        self._by_hand = dict(earlier.by_hand)
        self._late: dict[str, int] = {}
        """Keys that were logged before they were asked for, and up to which record."""
        self._known: list[Mapping[str, Known]] | None = None

    def define(self, name: str, fields: Mapping[str, Any], *, overwrite: bool, logged: Iterable[str]) -> None:
        """One definition; ``logged`` are the paths that this writer has rows of."""
        record = self._writer.record
        self.observe_unsynced()
        asked_before = {path for path in logged if self.tracks.wants(path)}
        self._writes.define(name, fields, self._stamp(record), overwrite=overwrite)
        self.rules = self._writes.rules()
        self.tracks.follow(self.rules)
        self.tracks.seen = max(self.tracks.seen, record)
        late = (path for path in logged if path not in asked_before and self.tracks.wants(path))
        self._late |= dict.fromkeys(late, record)
        self._known = None

    def deciding(self) -> list[tuple[str, dict[str, Any]]]:
        """Names and fields of the definitions by which another metric decides which value is best."""
        deciders = self.rules.deciding
        paired = [
            metric for metric in self.rules.metrics if metric.is_paired or (metric.goal and metric.name in deciders)
        ]
        return [
            (metric.name, {field: value for field, value in metric.view().items() if value and field != "name"})
            for metric in paired
        ]

    def set_by_hand(self, paths: Iterable[str], record: int) -> None:
        """Summary values were set or removed: statistics that were asked for earlier no longer stand there."""
        self._by_hand |= dict.fromkeys(paths, self._stamp(record))

    def observe(self, written: Sequence[bytes]) -> None:
        """Takes in frames that are about to be let go."""
        if self.rules.summarise:
            self.tracks.observe(written)

    def observe_unsynced(self) -> None:
        """Takes in what is written and still in memory."""
        self.observe(self._writer.unsynced())

    def summarised(self, stamped: Mapping[str, tuple[int, Any]]) -> list[tuple[int, str, Any]]:
        """Record, path and value of the summary, out of the last value of each path with its record."""
        live = live_values({path: (self._stamp(record), value) for path, (record, value) in stamped.items()}, {})
        self.observe_unsynced()
        statistics = Statistics(self._parts(), self.rules)
        leaves = []
        for path, value in live.items():
            record = stamped[path][0]
            metric = self.rules.of(keys.shown(path))
            if metric is None or not metric.summarises or self._is_by_hand(path, metric, record):
                leaves.append((record, path, value))
            else:
                derived = statistics.summary(path, metric, value)
                leaves += [(record, path + keys.PATH_SEPARATOR + kind, found) for kind, found in derived.items()]
        return leaves

    def handed_on(self, leaves: Mapping[str, Any]) -> Earlier:
        """For another process that writes the same run."""
        self.observe_unsynced()
        parts = self._parts()
        return Earlier(leaves, self._writes, self._by_hand, Looked(parts))

    def _stamp(self, record: int) -> Stamp:
        return (*self._order, "", record)

    def _is_by_hand(self, path: str, metric: Metric, record: int) -> bool:
        by_hand = self._by_hand.get(path, EARLIEST)
        return by_hand > metric.summarised_at or (record > 0 and by_hand == self._stamp(record))

    def _parts(self) -> list[Mapping[str, Known]]:
        """Statistics in the order of time: what was there earlier, what was asked for late, and the rest."""
        if self._known is None:
            self._known = [*self._earlier.look(self.rules)]
            for record in sorted({*self._late.values()}):
                late = {path for path, upto in self._late.items() if upto == record}
                self._known.append(known_of(read_tracks(self._writer.written(), self.rules, upto=record), late))
        return [*self._known, known_of(self.tracks, self.tracks.tracks)]

    def _columns(self, schema: int) -> Columns | None:
        for known in [*self._writer.known.values()]:
            if known.id == schema and known.keys is not None:
                return list(zip(known.keys, known.codes, strict=True))
        return None


class Statistics:
    """Statistics in parts, put together."""

    def __init__(self, parts: Sequence[Mapping[str, Known]], rules: MetricRules) -> None:
        self._parts = parts
        self._rules = rules

    def summary(self, path: str, metric: Metric, last: Any) -> dict[str, Any]:
        """What stands for a key's last value."""
        numbers = self.numbers(path)
        firsts = (part[path].first for part in self._parts if path in part)
        first = next((value for value in firsts if value is not None), last)
        if metric.at is None or metric.at == keys.shown(path):
            best = numbers.min if self._rules.minimises(metric) else numbers.max
        else:
            best = self._best_at(path, metric)
        return metric.values(numbers, best, first, last)

    def numbers(self, path: str) -> Numbers:
        """A key's numbers."""
        numbers = Numbers()
        for part in self._parts:
            if path in part:
                numbers.add(part[path].numbers)
        return numbers

    def _best_at(self, path: str, metric: Metric) -> Any:
        """The value where the deciding metric was best; None when it was best before anybody asked."""
        minimises = self._rules.minimises(metric)

        def best_of(numbers: Numbers) -> Any:
            return numbers.min if minimises else numbers.max

        deciding = {decider for part in self._parts for decider in part if keys.shown(decider) == metric.at}
        for decider in sorted(deciding):
            best = best_of(self.numbers(decider))
            for part in self._parts:
                if decider in part and path in part and best_of(part[decider].numbers) == best:
                    return part[path].best
        return None


def known_of(tracks: FrameTracks, paths: Iterable[str]) -> Mapping[str, Known]:
    """What the tracks have of some keys."""
    found = {}
    with tracks.lock:
        for path in [*paths]:
            track, pair = tracks.tracks.get(path), tracks.pairs.get(path)
            if track is not None:
                found[path] = Known(track.counted, track.first, None if pair is None else pair.outcome().value)
    return found
