"""What people change of a run afterwards, and what of it was taken back.

Edits are kept whole beside what processes wrote, each with its writer's lane, since one that is taken back must leave no
trace in the view. They count as later than everything that a process says, in the order of their stamps.
"""

from collections.abc import Iterable
from typing import Any

from runwell.core.keys import shown
from runwell.core.lanes import Edit, Lane
from runwell.core.stamps import Stamp
from runwell.core.summary import SummarySets

ANNOTATION_ATTEMPT = 1 << 32
"""A person's edit counts as later than every attempt: what somebody corrected by hand stays corrected."""

FIELDS = frozenset({"name", "group", "job_type", "notes", "tags", "deleted"})
"""What a listed change names as such."""


class Edited:
    """The edits that stand, one over the other."""

    __slots__ = ("at", "config", "fields", "summary")

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self.fields: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.summary = SummarySets()
        edits = stamped(lanes)
        undone = taken_back(edits)
        self.at: float | None = edits[-1][1].time if edits else None
        """When the latest change was made, unix seconds, whether it stands or not."""
        for stamp, edit in edits:
            if stamp[2] not in undone:
                self.fields |= edit.fields
                self.config |= edit.config
                self.summary.update(edit.set, edit.removed, stamp)

    def over(self, written: SummarySets) -> SummarySets:
        """What processes wrote and people changed of the summary."""
        if not self.summary.values and not self.summary.removed:
            return written
        both = SummarySets()
        both.values = written.values | self.summary.values
        both.removed = written.removed | self.summary.removed
        return both


def stamped(lanes: Iterable[Lane]) -> list[tuple[Stamp, Edit]]:
    """All edits in the order in which they count."""
    found = [((ANNOTATION_ATTEMPT, edit.time, lane.writer, edit.record), edit) for lane in lanes for edit in lane.edits]
    return sorted(found, key=lambda pair: pair[0])


def taken_back(edits: list[tuple[Stamp, Edit]]) -> set[str]:
    """The writers whose edits count no more: an undo that is itself undone takes nothing back.

    Only what came before can be taken back, so that no two edits undo each other.
    """
    undone: set[str] = set()
    later: set[str] = set()
    for (_, _, writer, _), edit in reversed(edits):
        later.add(writer)
        if edit.undoes and writer not in undone and edit.undoes not in later:
            undone.add(edit.undoes)
    return undone


def changed(edit: Edit) -> dict[str, Any]:
    """The new values by name, those of config and summary with dots; None is what was removed."""
    said = {name: value for name, value in edit.fields.items() if name in FIELDS}
    said |= {f"config.{key}": write and write[0] for key, write in edit.config.items()}
    said |= {f"summary.{shown(path)}": None for path in edit.removed}
    return said | {f"summary.{shown(path)}": value for path, value in edit.set.items()}


def edit_views(lanes: Iterable[Lane]) -> list[dict[str, Any]]:
    """The changes as people see them, the first one first: see docs/formats.md."""
    edits = stamped(lanes)
    undone = taken_back(edits)
    return [
        {
            "id": stamp[2],
            "time": edit.time,
            "by": edit.by,
            "changed": changed(edit),
            "undoes": edit.undoes or None,
            "undone": stamp[2] in undone,
        }
        for stamp, edit in edits
    ]
