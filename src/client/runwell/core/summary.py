"""The summary: last values of each key, and what was set or removed by hand.

Every write has a stamp, (attempt, time, writer, record), and the greatest stamp wins; so the order in which writers'
batches arrive does not matter. A write to ``x`` replaces what was below it (``x.a``), a write to ``x.b`` replaces ``x``:
the newer shape wins.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runwell.core.keys import PATH_SEPARATOR
from runwell.core.stamps import EARLIEST, Stamp, read_stamp


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
