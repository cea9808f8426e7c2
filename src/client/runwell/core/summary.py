"""The summary: last values and statistics of each key, and what was set or removed by hand.

Every write has a stamp, (attempt, time, writer, record), and the greatest stamp wins; so the order in which writers'
batches arrive does not matter. A write to ``x`` replaces what was below it (``x.a``), a write to ``x.b`` replaces ``x``:
the newer shape wins.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runwell.core.keys import PATH_SEPARATOR
from runwell.core.rows import Column, RecordClock, decode_json
from runwell.core.stamps import EARLIEST, Stamp, read_stamp

INTEGER_BITS = 64


class Moments:
    """The records of some rows and their times, the ends at hand since every key asks for them."""

    __slots__ = ("clock", "first_record", "first_time", "last_record", "last_time", "records")

    def __init__(self, records: Sequence[int], clock: RecordClock) -> None:
        self.records = records
        self.clock = clock
        self.first_record, self.last_record = records[0], records[-1]
        self.first_time, self.last_time = clock.at(records[0]), clock.at(records[-1])


class KeyTrack:
    """One key of one lane: its first and last value and the statistics of its numbers, column by column."""

    __slots__ = (
        "count",
        "first",
        "first_record",
        "first_time",
        "greatest",
        "last",
        "last_record",
        "last_time",
        "least",
        "minus_infinities",
        "nans",
        "plus_infinities",
        "total",
    )

    def __init__(self) -> None:
        self.first: Any = None
        self.first_time = 0.0
        self.first_record = 0
        self.last: Any = None
        self.last_time = 0.0
        self.last_record = 0
        self.count = 0
        self.least: int | float = math.inf
        self.greatest: int | float = -math.inf
        self.total: int | float = 0
        self.nans = 0
        self.plus_infinities = 0
        self.minus_infinities = 0

    def observe(self, column: Column, moments: Moments) -> None:
        """Takes in a column's values; a null says nothing."""
        values = column.values
        if column.kind == "json":
            self._observe_json(values, moments)
            return
        if moments.last_record > self.last_record:
            self.last, self.last_record, self.last_time = values[-1], moments.last_record, moments.last_time
        if not self.first_record or moments.first_record < self.first_record:
            self.first, self.first_record, self.first_time = values[0], moments.first_record, moments.first_time
        if column.kind == "bools":
            values = list(map(int, values))
        self._observe_numbers(values, may_be_infinite=column.kind == "f64")

    def _observe_json(self, texts: list[str], moments: Moments) -> None:
        places = [place for place, text in enumerate(texts) if text != "null"]
        for place in places[:1] + places[-1:]:
            value, record = decode_json(texts[place]), moments.records[place]
            if record > self.last_record:
                self.last, self.last_record, self.last_time = value, record, moments.clock.at(record)
            if not self.first_record or record < self.first_record:
                self.first, self.first_record, self.first_time = value, record, moments.clock.at(record)
        numbers = [decode_json(texts[place]) for place in places if texts[place][:1] in "-0123456789NI"]
        bounded = [_bounded(value) for value in numbers if isinstance(value, int | float)]
        if bounded:
            self._observe_numbers(bounded, may_be_infinite=True)

    def _observe_numbers(self, values: list[Any], *, may_be_infinite: bool) -> None:
        total = sum(values)
        if may_be_infinite and not math.isfinite(total):
            # Either the sum overflowed or some value is not finite; those are counted apart.
            self.nans += sum(1 for value in values if value != value)
            self.plus_infinities += values.count(math.inf)
            self.minus_infinities += values.count(-math.inf)
            values = [value for value in values if math.isfinite(value)]
            total = sum(values)
        if values:
            self.count += len(values)
            self.total += total
            least, greatest = min(values), max(values)
            self.least, self.greatest = min(self.least, least), max(self.greatest, greatest)

    def to_state(self) -> list[Any]:
        """What ``from_state`` takes."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "KeyTrack":
        """The track of ``to_state``."""
        track = cls.__new__(cls)
        for name, value in zip(cls.__slots__, state, strict=True):
            setattr(track, name, value)
        return track


def _bounded(value: float) -> int | float:
    """An integer beyond 64 bits as a float, so that sums stay cheap; beyond any float, an infinity."""
    if isinstance(value, int) and value.bit_length() >= INTEGER_BITS:
        return float(value) if value.bit_length() < 1024 else math.inf if value > 0 else -math.inf
    return value


class SummarySets:
    """What was set and removed by hand: for each path the last of both."""

    __slots__ = ("removed", "values")

    def __init__(self) -> None:
        self.values: dict[str, tuple[Stamp, Any]] = {}
        self.removed: dict[str, Stamp] = {}

    def update(self, values: Mapping[str, Any], removed: Sequence[str], stamp: Stamp) -> None:
        """One SummaryUpdated: removals first, then new values."""
        for path in removed:
            self.removed[path] = max(stamp, self.removed.get(path, EARLIEST))
        for path, value in values.items():
            if stamp >= self.values.get(path, (EARLIEST,))[0]:
                self.values[path] = (stamp, value)

    def to_state(self) -> list[Any]:
        """What ``from_state`` takes."""
        return [self.values, self.removed]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "SummarySets":
        """The sets of ``to_state``, also after a turn through JSON."""
        sets = cls()
        sets.values = {path: (read_stamp(stamp), value) for path, (stamp, value) in state[0].items()}
        sets.removed = {path: read_stamp(stamp) for path, stamp in state[1].items()}
        return sets


def live_values(written: Mapping[str, tuple[Stamp, Any]], removed: Mapping[str, Stamp]) -> dict[str, Any]:
    """The values that nothing newer replaced: neither a removal nor a write above or below them."""
    dead = {path for path, (stamp, _) in written.items() if removed and removed.get(path, EARLIEST) > stamp}
    for path, (stamp, _) in written.items():
        for ancestor in _ancestors(path):
            if removed.get(ancestor, EARLIEST) > stamp:
                dead.add(path)
            if ancestor in written:
                dead.add(path if written[ancestor][0] > stamp else ancestor)
    return {path: value for path, (_, value) in written.items() if path not in dead}


def _ancestors(path: str) -> Iterator[str]:
    place = path.find(PATH_SEPARATOR)
    while place >= 0:
        yield path[:place]
        place = path.find(PATH_SEPARATOR, place + 1)
