"""The canonical form of views: equal for equal contents, however they came about.

It holds what people can ask for, and neither numbers of runs and lanes nor offsets of batches; so it does not depend on
the sizes of transactions, on kills in between, or on the order in which different writers' batches arrived.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from runwell.core.fold import RunFold
from runwell.core.rows import read_rows
from runwell.v1 import event_pb2
from runwell_projector.schema import open_views


def digest(path: Path) -> str:
    """The SHA-256 of the dump, in hexadecimal digits."""
    sha256 = hashlib.sha256()
    connection = open_views(path)
    try:
        for line in dump_lines(connection):
            sha256.update(line.encode("utf-8", "surrogatepass") + b"\n")
    finally:
        connection.close()
    return sha256.hexdigest()


def dump_lines(connection: sqlite3.Connection) -> Iterator[str]:
    """One line of JSON for the checkpoint, each run, each row in order of record, and each batch in poison."""
    connection.execute("BEGIN")
    try:
        yield _line(
            "checkpoint", *connection.execute("SELECT fold_version, log_id, offset, rows FROM checkpoint").fetchone()
        )
        runs = connection.execute(
            "SELECT number, entity, project, run_id, view, fold.state, lanes FROM run JOIN fold ON run = number "
            "ORDER BY entity, project, run_id"
        )
        for number, *name, view, state, lanes in runs:
            entity, project, run_id = name
            fold = RunFold.from_state((entity, project, run_id), json.loads(state))
            yield _line("run", json.loads(view), fold.statistics())
            yield from _rows(connection, number, [lane[0] for lane in json.loads(lanes)])
        for poison in connection.execute(
            "SELECT offset, entity, project, run_id, hex(writer), error FROM poison ORDER BY 1"
        ):
            yield _line("poison", *poison)
    finally:
        connection.execute("COMMIT")


def _rows(connection: sqlite3.Connection, run: int, writers: list[str]) -> Iterator[str]:
    for lane in sorted(range(len(writers)), key=writers.__getitem__):
        blocks = connection.execute(
            "SELECT first, payload FROM block WHERE run = ? AND lane = ? ORDER BY first, place", (run, lane)
        )
        for first, payload in blocks:
            rows = read_rows(first, event_pb2.Event.FromString(payload))
            columns = [(column.key, column.kind, column.values) for column in rows.columns]
            masks = rows.masks or [False] * len(rows.records)
            yield _line("rows", writers[lane], list(rows.records), rows.steps, rows.times, masks, columns)


def _line(kind: str, *content: object) -> str:
    return json.dumps([kind, *content], sort_keys=True, separators=(",", ":"))
