"""How much of what a process wrote a server has."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runwell._lane import Lane


class RunStatus(NamedTuple):
    """How much of what this process wrote a server has."""

    sync_items_total: int
    """Records: rows and other events."""
    sync_items_pending: int
    """Records that no server has acknowledged yet."""
    sync_time: float | None
    """When the last ones were, in unix seconds."""
    masked: int
    """Rows that are hidden, since their step was over."""
    dropped: int
    """Rows that the spool did not take."""


def read_status(lane: "Lane", spool: Path | None) -> RunStatus:
    """By what the forwarder noted in ``spool``."""
    acked, acked_at = 0, None
    try:
        note = json.loads((spool / "acked").read_text()) if spool is not None else {}
        acked, acked_at = int(note["durable"]), float(note["time"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    records = lane.writer.record
    return RunStatus(records, max(0, records - acked), acked_at, lane.masked, lane.writer.dropped_total)
