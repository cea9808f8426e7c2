"""One key of one lane, column by column as batches bring it."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter, lt
from typing import Any

from runwell.core.numbers import Track, bounded, last_of_steps
from runwell.core.rows import Column, RecordClock, Rows, decode_json


class Moments:
    """Records, steps and times of some rows, the ends at hand since every key asks for them."""

    __slots__ = ("_clock", "ascending", "first_time", "last_time", "records", "steps")

    def __init__(self, records: Sequence[int], steps: Sequence[int], clock: RecordClock) -> None:
        self._clock = clock
        self.records, self.steps = records, steps
        self.first_time, self.last_time = clock.at(records[0]), clock.at(records[-1])
        self.ascending = all(map(lt, steps, steps[1:]))

    def chosen(self, places: Sequence[int]) -> "Moments":
        """Those of some of the rows."""
        return Moments([self.records[place] for place in places], [self.steps[place] for place in places], self._clock)


class KeyTrack(Track):
    """A track with the times of its first and last value, for stamps."""

    __slots__ = ("first_time", "last_time", "part")

    def __init__(self, part: int = 0) -> None:
        super().__init__()
        self.first_time = 0.0
        self.last_time = 0.0
        self.part = part
        """Which part of its lane's state it is kept in."""

    def observe_column(self, kind: str, values: list[Any], moments: Moments) -> None:
        """Takes in a column's values, later than all before; a null says nothing."""
        if kind == "json":
            places = [place for place, text in enumerate(values) if text != "null"]
            if len(places) < len(values):
                if not places:
                    return
                values, moments = [values[place] for place in places], moments.chosen(places)
        if not moments.ascending:
            places = last_of_steps(moments.steps)
            values, moments = [values[place] for place in places], moments.chosen(places)
        settled = values[:-1]
        if kind == "f64" and type(self.last) is float and self.last_step != moments.steps[0]:
            # What ``settle`` would do, with one look at all numbers.
            settled = [self.last, *settled]
        elif self.settle(moments.steps[0]):
            self.first, self.first_record, self.first_time = (
                _value(kind, values[0]),
                moments.records[0],
                moments.first_time,
            )
        self.last, self.last_record, self.last_time = _value(kind, values[-1]), moments.records[-1], moments.last_time
        self.last_step = moments.steps[-1]
        if settled:
            self.observe(_numbers(kind, settled), may_be_infinite=kind in ("f64", "json"))

    def to_state(self) -> Sequence[Any]:
        """What ``from_state`` takes."""
        state: Sequence[Any] = _state_of(self)
        return state

    @classmethod
    def from_state(cls, state: Sequence[Any], part: int) -> "KeyTrack":
        """The track of ``to_state``."""
        track = cls.__new__(cls)
        track.part = part
        for name, value in zip(_STATE, state, strict=True):
            setattr(track, name, value)
        return track


_STATE = tuple(name for kind in KeyTrack.__mro__[:-1] for name in kind.__dict__["__slots__"] if name != "part")
_state_of = attrgetter(*_STATE)


def _value(kind: str, value: Any) -> Any:
    return decode_json(value) if kind == "json" else value


def _numbers(kind: str, values: list[Any]) -> list[Any]:
    if kind == "bools":
        return list(map(int, values))
    if kind != "json":
        return values
    decoded = [decode_json(text) for text in values if text[:1] in "-0123456789NI"]
    return [bounded(value) for value in decoded if isinstance(value, int | float)]


def columns_by_key(batch: Iterable[Rows]) -> dict[str, list[tuple[Column, Rows]]]:
    """The columns of each key in the rows of a batch."""
    found: dict[str, list[tuple[Column, Rows]]] = {}
    for rows in batch:
        for column in rows.columns:
            found.setdefault(column.key, []).append((column, rows))
    return found


def in_record_order(
    columns: Iterable[tuple[Column, Rows]], clock: RecordClock
) -> Iterable[tuple[str, list[Any], Moments]]:
    """A key's values out of rows of several schemas, in pieces of one kind."""
    points = sorted(
        (
            (record, step, column.kind, value)
            for column, rows in columns
            for record, step, value in zip(rows.records, rows.steps, column.values, strict=True)
        ),
        key=itemgetter(0),
    )
    for kind, piece in groupby(points, key=itemgetter(2)):
        records, steps, _, values = zip(*piece, strict=True)
        yield kind, list(values), Moments(records, steps, clock)
