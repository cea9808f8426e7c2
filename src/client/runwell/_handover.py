"""A run that was pickled: itself in its own process and its forks, a further writer of the same run in another."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runwell import _session
from runwell._disabled import DisabledLane
from runwell._facts import RunFacts
from runwell._lane import Lane
from runwell._metrics import Earlier
from runwell._provenance import process_fields
from runwell._run import Run
from runwell._settings import Settings
from runwell._version import VERSION
from runwell._writers import open_lane


class Handover(NamedTuple):
    """What the other process is told. ``writer`` is the id of the writer that it comes from, empty for a disabled run."""

    facts: RunFacts
    settings: Settings
    writer: bytes
    step: int
    config: Mapping[str, Any]
    earlier: Earlier
    """What its summary goes on from."""


def attach(handover: Handover) -> Run:
    """The run in this process. It is behind ``runwell.log`` where no other run is. Raises Error when it cannot be kept."""
    facts, settings = handover.facts, handover.settings
    for run in _session.open_runs():
        if run.path == "/".join(facts.key):
            return run
    lane: Lane | DisabledLane = DisabledLane() if settings.mode == "disabled" else _attached_lane(handover)
    run = Run(facts, settings, lane, None, _session.end, _session.attached)
    run.config.adopt(handover.config)
    _session.begin(run, make_current=_session.current() is None)
    return run


def _attached_lane(handover: Handover) -> Lane:
    facts = handover.facts
    lane = open_lane(
        handover.settings,
        facts.key,
        handover.step,
        "writer_attached",
        lambda: {
            "attempt": facts.attempt,
            "parent": handover.writer,
            "starting_step": handover.step,
            "process": process_fields(VERSION),
        },
        order=(facts.attempt, 1.0),
        earlier=handover.earlier,
    )
    lane.look_after_forwarder()
    return lane
