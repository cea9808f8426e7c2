"""Sweeps in the views: the records of their streams as they came, and what the runs of their trials say.

What a sweep is follows from its records alone, by ``runwell.core.sweeps``; who asks folds them, from where it stopped.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from runwell.core.sweeps.outcomes import TrialRun
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Sweep
from runwell.v1 import event_pb2
from runwell_collector.log import StoredBatch, decode_events
from runwell_projector.table import plain_value


def store_batch(connection: sqlite3.Connection, name: SweepName, batch: StoredBatch) -> None:
    """Takes in a batch of a sweep's stream; what another writer than the controller's says there is passed over.

    Raises UndecodableError.
    """
    if batch.writer != name.writer or batch.count == 0:
        return
    events = decode_events(batch.codec, batch.events).events
    row = connection.execute(
        "SELECT number FROM sweep WHERE entity = ? AND project = ? AND sweep_id = ?", name
    ).fetchone()
    if row is None:
        created_at = events[0].time if events else batch.received_at
        row = (
            connection.execute(
                "INSERT INTO sweep (entity, project, sweep_id, events, created_at) VALUES (?, ?, ?, 0, ?)",
                (*name, created_at),
            ).lastrowid,
        )
    connection.executemany(
        "INSERT OR IGNORE INTO sweep_event VALUES (?, ?, ?)",
        [(row[0], batch.first + event.index, event.SerializeToString()) for event in events],
    )
    connection.execute("UPDATE sweep SET events = ? WHERE number = ?", (batch.first + batch.count - 1, row[0]))


def read_sweeps(connection: sqlite3.Connection, entity: str | None, project: str | None) -> list[SweepName]:
    """The sweeps of an entity and a project, of all where these are None; the newest first."""
    found = connection.execute(
        "SELECT entity, project, sweep_id FROM sweep WHERE entity = ifnull(?, entity) AND project = ifnull(?, project) "
        "ORDER BY created_at DESC, number DESC",
        (entity, project),
    )
    return [SweepName(*row) for row in found]


class SweepFolds:
    """Sweeps folded from their records, kept to go on from. For one thread."""

    def __init__(self) -> None:
        self._kept: dict[SweepName, tuple[int, int, Sweep]] = {}

    def read(self, connection: sqlite3.Connection, name: SweepName) -> Sweep | None:
        """The sweep as the views have it; None when there is none. Whoever changes it takes it for himself: ``forget``."""
        row = connection.execute(
            "SELECT number, events FROM sweep WHERE entity = ? AND project = ? AND sweep_id = ?", name
        ).fetchone()
        if row is None:
            return None
        number, events = row
        kept, record, sweep = self._kept.get(name, (number, 0, None))
        if kept != number or record > events:
            record, sweep = 0, None
        if record < events:
            found = connection.execute(
                "SELECT event FROM sweep_event WHERE sweep = ? AND record > ? ORDER BY record", (number, record)
            )
            for (data,) in found:
                event = event_pb2.Event.FromString(data)
                if sweep is None:
                    sweep = Sweep.created(event)
                else:
                    sweep.apply(event)
            assert sweep is not None
            self._kept[name] = number, events, sweep
        return sweep

    def forget(self, name: SweepName) -> None:
        """The next read folds from the beginning."""
        self._kept.pop(name, None)


def read_trial_runs(
    connection: sqlite3.Connection, name: SweepName, trials: Sequence[int] | None = None
) -> list[TrialRun]:
    """The runs of a sweep's trials, of all without ``trials``, by trial and run id."""
    chosen = "" if trials is None else f"AND trial IN ({', '.join(map(str, map(int, trials)))})"
    found = connection.execute(
        "SELECT trial, run_id, state, attempts, last_step, summary FROM run WHERE entity = ? AND project = ? AND sweep = ? "
        f"AND sweep <> '' AND trial IS NOT NULL AND NOT deleted {chosen} ORDER BY trial, run_id",
        name,
    )
    return [
        TrialRun(trial, run_id, state, attempts, last_step, _summary(leaves))
        for trial, run_id, state, attempts, last_step, leaves in found
    ]


def _summary(leaves: str) -> dict[str, Any]:
    return {key: plain_value(value) for key, value in json.loads(leaves).items()}
