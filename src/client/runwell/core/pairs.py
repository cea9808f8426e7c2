"""The value of one metric where another is best: the accuracy at the least loss.

In the record order of one writer. What the deciding metric says of a step is settled when another step comes, as with all
statistics; until then values of the other metric at that step still count. Where it has none at that step, its latest
before it does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runwell.core.keys import shown
from runwell.core.numbers import Track


class Outcome(NamedTuple):
    """The best value of the deciding metric, its record, and the other metric's value there: None when there was none."""

    best: float | None
    record: int
    value: Any


class Pair:
    """Two metrics of one writer. What was best before the pair was begun counts, but has no value."""

    __slots__ = ("at", "best", "deciding", "held", "latest", "minimises", "record", "settled_record", "step", "value")

    def __init__(self, at: str, minimises: bool, deciding: Track | None, own: Track | None) -> None:
        """Begins with the tracks of both as they are."""
        self.at = at
        """The deciding metric, as shown."""
        self.minimises = minimises
        self.best: float | None = None if deciding is None else deciding.min if minimises else deciding.max
        self.settled_record = 0
        self.value: Any = None
        self.deciding: float | None = None
        self.step = 0
        self.record = 0
        self.held: Any = None
        self.latest: Any = None if own is None else own.last
        if deciding is not None and deciding.last_record and isinstance(deciding.last, int | float):
            self.deciding, self.step, self.record = deciding.last, deciding.last_step, deciding.last_record
            self.held = self.latest

    def observe(self, value: Any, step: int) -> None:
        """A value of the metric itself."""
        self.latest = value
        if self.deciding is not None and step == self.step:
            self.held = value

    def decide(self, deciding: Any, step: int, record: int) -> None:
        """A value of the deciding metric."""
        if not isinstance(deciding, int | float):
            return
        if step != self.step:
            self.best, self.settled_record, self.value = self.outcome()
        self.deciding, self.step, self.record, self.held = deciding, step, record, self.latest

    def outcome(self) -> Outcome:
        """As of now."""
        new, old = self.deciding, self.best
        if new is None or new != new or not (old is None or old != old or (new < old if self.minimises else new > old)):
            return Outcome(old, self.settled_record, self.value)
        return Outcome(new, self.record, self.held)

    def to_state(self) -> list[Any]:
        """What ``from_state`` takes."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Pair":
        """The pair of ``to_state``."""
        pair = cls.__new__(cls)
        for name, value in zip(cls.__slots__, state, strict=True):
            setattr(pair, name, value)
        return pair


def observe_row(pairs: Mapping[str, Pair], row: Mapping[str, Any], step: int, record: int) -> None:
    """Tells the pairs, by the path of the metric itself, what a row has of them and of those that decide."""
    for path, value in row.items():
        if path in pairs:
            pairs[path].observe(value, step)
        for pair in pairs.values():
            if pair.at == shown(path):
                pair.decide(value, step, record)
