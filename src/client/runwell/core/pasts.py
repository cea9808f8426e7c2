"""What a run goes on from when it was forked from another one, or rewound to a step of its own.

The rows themselves stay where they are: a reader puts the origin's before those of the run. What the summary needs of them
is told by whoever forks or rewinds, so that a run is a function of its own events alone.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from runwell.core.keys import ROW_FIELDS
from runwell.core.lanes import Lane, LaneHead
from runwell.core.numbers import Numbers
from runwell.core.tracks import KeyTrack

NEVER = -(1 << 62)
"""The attempt of lanes that began after a fork: they are no part of it."""

FORKS_MAX = 100
"""Runs that one history is followed back through."""


class Origin(NamedTuple):
    """The run that another one goes on from, up to a step, and how many attempts it had by then."""

    entity: str
    project: str
    run_id: str
    step: int
    attempts: int


class PastTrack(KeyTrack):
    """A key's statistics as they were told: its last value is among its numbers already."""

    __slots__ = ()

    @property
    def counted(self) -> Numbers:
        """The statistics."""
        return self


def read_past(text: str) -> dict[str, Any]:
    """The past of a RunForked or RunRewound; what cannot be read says nothing."""
    try:
        past = json.loads(text)
    except (ValueError, RecursionError):
        past = None
    return past if isinstance(past, dict) else {}


def past_lane(past: Mapping[str, Any], attempt: int) -> Lane:
    """The lane of an attempt that stands for all rows of the past."""
    lane = Lane("")
    lane.attempt = attempt
    for path, told in _objects(past.get("statistics")).items():
        track = _track(told)
        if track is not None:
            lane.tracks[path] = track
    row = last_row(past)
    if row is not None:
        lane.last_record, lane.last_step, lane.last_row_time = 1, row["_step"], row["_timestamp"]
        lane.step_max = row["_step"]
    return lane


def last_row(past: Mapping[str, Any]) -> dict[str, Any] | None:
    """Step, time and seconds of the run at the past's last row; None when it has none."""
    row = past.get("last_row")
    if not isinstance(row, Mapping) or not all(isinstance(row.get(name), int | float) for name in ROW_FIELDS):
        return None
    return {"_step": int(row["_step"]), "_timestamp": float(row["_timestamp"]), "_runtime": float(row["_runtime"])}


def inherited_heads(
    heads: Iterable[LaneHead], rewinds: Iterable[Sequence[int]], origin: Origin, shift: int
) -> list[LaneHead]:
    """An origin's lanes as those of its fork: earlier than all of the fork's own, and not beyond the step."""
    rewinds = [(attempt, step) for attempt, step in rewinds if attempt <= origin.attempts]
    found = []
    for head in heads:
        if head.attempt > origin.attempts:
            found.append(replace(head, attempt=NEVER))
            continue
        hidden = min((step for attempt, step in rewinds if attempt > head.attempt), default=origin.step)
        found.append(replace(head, attempt=head.attempt - shift, step_max=min(hidden, origin.step)))
    return found


def _objects(value: Any) -> dict[str, Mapping[str, Any]]:
    if not isinstance(value, Mapping):
        return {}
    return {path: told for path, told in value.items() if isinstance(told, Mapping)}


def _track(told: Mapping[str, Any]) -> PastTrack | None:
    try:
        numbers = Numbers.of_view(told)
    except (KeyError, TypeError, ValueError):
        return None
    track = PastTrack()
    for name in Numbers.__slots__:
        setattr(track, name, getattr(numbers, name))
    track.first, track.last = told.get("first"), told.get("last")
    track.first_record = track.last_record = 1
    return track
