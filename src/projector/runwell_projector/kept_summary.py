"""The summary of a run with very many keys, kept as text from one transaction to the next, so that only what changed is made.

Only where every key stands for itself: none is nested, changed by people, summarised by a definition or taken over from another
run. All other summaries are made anew for each transaction, and so is this one whenever anything but rows came.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from runwell.core.filters import bounded
from runwell.core.fold import RunFold
from runwell.core.keys import PATH_SEPARATOR, ROW_FIELDS
from runwell.core.run_view import last_value, row_fields
from runwell_projector.gauges import exposed
from runwell_projector.leaves import Section, is_leaf, strict_json

KEYS_MIN = 256
"""Fewer are made anew in less than a millisecond."""


class KeptSummary:
    """Begins with all keys; ``update`` takes in what the fold says has changed, before anybody else asks it."""

    def __init__(self, fold: RunFold, summary: Mapping[str, Any]) -> None:
        self._values = {key: value for key, value in summary.items() if key not in ROW_FIELDS}
        self._pieces = {key: _piece(key, value) for key, value in self._values.items()}
        self._row_fields = row_fields(fold)
        self._exposed: Sequence[str] | None = None

    @classmethod
    def of(cls, fold: RunFold, summary: Mapping[str, Any]) -> "KeptSummary | None":
        """None where the run has few keys, or is not as simple as it must be."""
        if len(summary) < KEYS_MIN or fold.pasts or fold.metrics.rules().summarise:
            return None
        if fold.edited.summary.values or fold.edited.summary.removed:
            return None
        if not all(map(is_leaf, summary.keys(), summary.values())):
            return None
        written = set(fold.summary.values).union(*(lane.tracks for lane in fold.lanes.values()))
        if written & ROW_FIELDS:
            return None
        return cls(fold, summary)

    def update(self, fold: RunFold) -> bool:
        """False when it cannot, and then it is of no use any more."""
        self._row_fields = row_fields(fold)
        if fold.said or not all(isfinite(value) for value in self._row_fields.values()):
            return False
        before = len(self._values)
        for lane in fold.lanes.values():
            for part in lane.changed:
                for key in lane.part_keys(part):
                    if not self._put(key, last_value(fold, key)):
                        return False
        if len(self._values) > before:
            self._values, self._pieces = dict(sorted(self._values.items())), dict(sorted(self._pieces.items()))
        return True

    def section(self) -> Section:
        """The texts of the summary, which are one."""
        pieces = [*self._pieces.values(), *(_piece(name, value) for name, value in self._row_fields.items())]
        text = f"{{{','.join(pieces)}}}"
        return Section(text, text)

    def exposed(self, globs: Sequence[str]) -> dict[str, float]:
        """``gauges.exposed`` of the summary; globs change only by what ``update`` does not take in."""
        if self._exposed is None:
            found = exposed(self._values | self._row_fields, globs)
            self._exposed = list(found)
            return found
        return {name: float(bounded(self._row_fields.get(name, self._values.get(name)))) for name in self._exposed}

    def _put(self, key: str, value: Any) -> bool:
        known = self._values.get(key)
        if value is known and value is not None:
            return True
        if PATH_SEPARATOR in key or key in ROW_FIELDS or not is_leaf(key, value):
            return False
        if isinstance(value, int | float) != isinstance(known, int | float):
            self._exposed = None
        self._values[key], self._pieces[key] = value, _piece(key, value)
        return True


def _piece(key: str, value: Any) -> str:
    return strict_json({key: value})[1:-1]
