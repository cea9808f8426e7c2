"""Statistics of a metric's numbers, which are always kept, and from which every summary is derived.

Only the values that a history shows count: of several for one step the last. So the value of the step that a writer is at
is not counted before another step comes; until then it is pending. The client keeps the same statistics of what it writes
as the server of what it stores.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

INTEGER_BITS = 64

Number = int | float


class Numbers:
    """How many finite numbers, and their least, greatest and sum; and how many were not finite."""

    __slots__ = ("count", "greatest", "least", "minus_infinities", "nans", "plus_infinities", "total")

    def __init__(self) -> None:
        self.count = 0
        self.least: Number = math.inf
        self.greatest: Number = -math.inf
        self.total: Number = 0
        self.nans = 0
        self.plus_infinities = 0
        self.minus_infinities = 0

    def observe(self, values: list[Any], *, may_be_infinite: bool = True) -> None:
        """Takes in integers within 64 bits and floats."""
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
            if least < self.least:  # noqa: PLR1730 - three times as fast as min() here
                self.least = least
            if greatest > self.greatest:  # noqa: PLR1730 - as above
                self.greatest = greatest

    def observe_any(self, value: Any) -> None:
        """Takes in a value when it is a number."""
        if isinstance(value, int | float):
            self.observe([bounded(+value)])

    def add(self, other: "Numbers") -> None:
        """Takes in what another has."""
        self.count += other.count
        self.total += other.total
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        self.nans += other.nans
        self.plus_infinities += other.plus_infinities
        self.minus_infinities += other.minus_infinities

    @property
    def min(self) -> Number | None:
        """The least number, infinities among them; NaN when there is nothing else, None when there is none at all."""
        if self.minus_infinities:
            return -math.inf
        if self.count:
            return self.least
        return math.inf if self.plus_infinities else math.nan if self.nans else None

    @property
    def max(self) -> Number | None:
        """As ``min``."""
        if self.plus_infinities:
            return math.inf
        if self.count:
            return self.greatest
        return -math.inf if self.minus_infinities else math.nan if self.nans else None

    @property
    def mean(self) -> float | None:
        """Of all numbers but NaN, for which nothing else could be said; None when there is none at all."""
        if self.plus_infinities and self.minus_infinities:
            return math.nan
        if self.plus_infinities or self.minus_infinities:
            return math.inf if self.plus_infinities else -math.inf
        if self.count:
            return self.total / self.count
        return math.nan if self.nans else None

    def view(self) -> dict[str, Any]:
        """As people and ``of_view`` see it."""
        return {
            "count": self.count,
            "min": self.least if self.count else None,
            "max": self.greatest if self.count else None,
            "sum": self.total,
            "nan": self.nans,
            "inf": self.plus_infinities,
            "-inf": self.minus_infinities,
        }

    @classmethod
    def of_view(cls, view: Mapping[str, Any]) -> "Numbers":
        """The numbers of ``view``. Raises KeyError and TypeError for what is none."""
        numbers = cls()
        numbers.count, numbers.total = int(view["count"]), view["sum"]
        if numbers.count:
            numbers.least, numbers.greatest = view["min"], view["max"]
        numbers.nans, numbers.plus_infinities = int(view["nan"]), int(view["inf"])
        numbers.minus_infinities = int(view["-inf"])
        return numbers


class Track(Numbers):
    """One key of one writer in record order: statistics of its numbers, its first value, and the last, which is pending."""

    __slots__ = ("first", "first_record", "last", "last_record", "last_step")

    def __init__(self) -> None:
        super().__init__()
        self.first: Any = None
        self.first_record = 0
        self.last: Any = None
        self.last_record = 0
        self.last_step = 0

    @property
    def counted(self) -> Numbers:
        """The statistics with the last value in them."""
        numbers = Numbers()
        numbers.add(self)
        if self.last_record:
            numbers.observe_any(self.last)
        return numbers

    def settle(self, step: int) -> bool:
        """Values of a step are to come: counts the last one unless they replace it. True when they replace the first."""
        replaced = self.last_record > 0 and self.last_step == step
        if self.last_record and not replaced:
            self.observe_any(self.last)
        return not self.first_record or (replaced and self.first_record == self.last_record)

    def extend(self, values: list[Any], steps: Sequence[int], records: Sequence[int]) -> None:
        """Takes in numbers of one type, of steps that differ from one to the next."""
        if self.settle(steps[0]):
            self.first, self.first_record = values[0], records[0]
        if len(values) > 1:
            self.observe([*map(int, values[:-1])] if type(values[0]) is bool else values[:-1])
        self.last, self.last_record, self.last_step = values[-1], records[-1], steps[-1]

    def put(self, value: Any, step: int, record: int) -> None:
        """Takes in one value of any kind."""
        if self.settle(step):
            self.first, self.first_record = value, record
        self.last, self.last_record, self.last_step = value, record, step


def last_of_steps(steps: Sequence[int]) -> list[int]:
    """The places of the values that count: the last of each step."""
    end = len(steps) - 1
    return [place for place, step in enumerate(steps) if place == end or steps[place + 1] != step]


def bounded(value: Number) -> Number:
    """An integer beyond 64 bits as a float, so that sums stay cheap; beyond any float, an infinity."""
    if isinstance(value, int) and value.bit_length() >= INTEGER_BITS:
        return float(value) if value.bit_length() < 1024 else math.inf if value > 0 else -math.inf
    return value
