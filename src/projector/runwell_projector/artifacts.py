"""Artifacts in the views: the collector's decisions as they came, and what runs said that they logged and used.

Versions and aliases follow from the decisions of a project alone, by ``runwell.core.artifacts``; who asks folds them, from
where he stopped.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from runwell.core.artifacts.catalogue import Catalogue
from runwell.core.artifacts.naming import Place, catalogue_writer
from runwell.core.names import ARTIFACT_STREAM
from runwell.v1 import event_pb2
from runwell_collector.log import RunId, StoredBatch, decode_events

OF_RUNS = frozenset({"artifact_logged", "artifact_used"})
CATALOGUES_MAX = 16
"""Of projects, kept by each reader."""


class Use(NamedTuple):
    """A version that a run used; ``version`` is "v" and a number."""

    place: Place
    version: str
    run: RunId


def is_catalogue(run: RunId) -> bool:
    """Whether it is a project's stream of decisions and wishes about artifacts, not a run."""
    return run.run_id == ARTIFACT_STREAM


def store_decisions(connection: sqlite3.Connection, batch: StoredBatch) -> None:
    """Takes in a batch of such a stream; wishes are passed over, which the decisions answer. Raises UndecodableError."""
    if batch.writer != catalogue_writer(*batch.run[:2]) or batch.count == 0:
        return
    for event in decode_events(batch.codec, batch.events).events:
        row = (*batch.run[:2], batch.first + event.index, event.SerializeToString())
        connection.execute("INSERT OR IGNORE INTO artifact_decision VALUES (?, ?, ?, ?)", row)
        said = event.artifact_version_assigned
        if said.logged.used and not said.refused:
            run = said.run.entity, said.run.project, said.run.run_id
            used = (*batch.run[:2], said.name, f"v{said.version}", *run)
            connection.execute("INSERT OR IGNORE INTO artifact_used VALUES (?, ?, ?, ?, ?, ?, ?)", used)


def store_of_run(connection: sqlite3.Connection, run: RunId, event: event_pb2.Event) -> None:
    """Takes in what a run says of artifacts."""
    kind = event.WhichOneof("event")
    if kind == "artifact_used":
        used = event.artifact_used
        place = used.entity or run.entity, used.project or run.project, used.name
        connection.execute(
            "INSERT OR IGNORE INTO artifact_used VALUES (?, ?, ?, ?, ?, ?, ?)", (*place, used.version, *run)
        )
    elif kind == "artifact_logged":
        logged = event.artifact_logged
        row = (*run, logged.id, event.SerializeToString())
        connection.execute("INSERT OR IGNORE INTO artifact_logged VALUES (?, ?, ?, ?, ?)", row)


def read_logged(connection: sqlite3.Connection, run: tuple[str, str, str]) -> list[event_pb2.Event]:
    """What a run has logged, by time; decided or not."""
    rows = connection.execute("SELECT event FROM artifact_logged WHERE (entity, project, run_id) = (?, ?, ?)", run)
    events = [event_pb2.Event.FromString(row[0]) for row in rows]
    return sorted(events, key=lambda event: (event.time, event.artifact_logged.id))


def read_used_by(connection: sqlite3.Connection, run: tuple[str, str, str]) -> list[Use]:
    """What a run has used."""
    where = "(run_entity, run_project, run_id) = (?, ?, ?)"
    return _uses(connection, where, run)


def read_users(connection: sqlite3.Connection, place: Place) -> list[Use]:
    """The runs that used versions of a collection."""
    return _uses(connection, "(entity, project, name) = (?, ?, ?)", place)


def _uses(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Use]:
    rows = connection.execute(f"SELECT * FROM artifact_used WHERE {where} ORDER BY 1, 2, 3, 4, 5, 6, 7", tuple(values))
    return [Use(Place(*row[:3]), row[3], RunId(*row[4:])) for row in rows]


def read_artifact_projects(connection: sqlite3.Connection, entity: str | None) -> list[tuple[str, str]]:
    """The projects that have artifacts."""
    return connection.execute(
        "SELECT DISTINCT entity, project FROM artifact_decision WHERE entity = ifnull(?, entity) ORDER BY 1, 2",
        (entity,),
    ).fetchall()


class Catalogues:
    """Projects' artifacts folded from their decisions, kept to go on from. For one thread."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Catalogue] = {}

    def read(self, connection: sqlite3.Connection, entity: str, project: str) -> Catalogue:
        """As the views have it now; not to be changed."""
        catalogue = self._kept.pop((entity, project), None) or Catalogue()
        rows = connection.execute(
            "SELECT record, event FROM artifact_decision WHERE entity = ? AND project = ? AND record > ? ORDER BY record",
            (entity, project, catalogue.record),
        )
        for record, event in rows:
            catalogue.apply(record, event_pb2.Event.FromString(event))
        self._kept[entity, project] = catalogue
        if len(self._kept) > CATALOGUES_MAX:
            del self._kept[next(iter(self._kept))]
        return catalogue
