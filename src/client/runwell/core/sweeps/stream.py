"""A sweep's own stream in the event log: its name, and the one writer that may append to it.

The writer's id follows from the sweep's name, so that a controller that is started again goes on as the same writer: the
collector then fences what its predecessor still sends, and says how far the stream is durable.
"""

import hashlib
from typing import NamedTuple

from runwell.core.names import SWEEP_STREAM, sweep_stream


class SweepName(NamedTuple):
    """What a sweep is known by."""

    entity: str
    project: str
    sweep_id: str

    @property
    def stream(self) -> tuple[str, str, str]:
        """The stream's place in the log, where runs have theirs."""
        return self.entity, self.project, sweep_stream(self.sweep_id)

    @property
    def writer(self) -> bytes:
        """The id of the stream's writer."""
        return hashlib.sha256("/".join(self.stream).encode()).digest()[:16]

    def __str__(self) -> str:
        return "/".join(self)


def sweep_of_stream(entity: str, project: str, run_id: str) -> SweepName | None:
    """The sweep whose stream this is; None for a run."""
    if not run_id.startswith(SWEEP_STREAM):
        return None
    return SweepName(entity, project, run_id.removeprefix(SWEEP_STREAM))
