"""The views' tables, and how their SQLite file is opened.

``run`` has a row for each run: what people see as JSON text (``view``), columns to filter and sort by, sections as JSON
objects of shown name to value (see ``leaves``), and its lanes; ``change`` has the offset of its last batch. ``lineage`` has
what a run was forked from and its rewinds, for runs that have any; ``definition`` the metrics' definitions of runs that
carry step metrics along. ``fold`` has what ``states`` keeps. ``block`` has rows with their bounds: in the tail, which is
only appended to, those of one MetricLogged event (``head``, with ``first``, its batch's first record);
sealed, what a block's columns share (``head`` and ``times``), while ``part`` says for each column where in a ``pack`` it
is and has its statistics. ``offset`` is the batch with which a block was written, so blocks are numbered in its order;
``offset_min`` that of its oldest row. ``sweep_event`` has the records of each sweep's stream as they
came. ``saved`` has views and reports, ``alert`` what runs want somebody to hear of. ``poison``
names the batches that could not be folded. Everything changes together with ``checkpoint``, in one transaction.
"""

import sqlite3
from pathlib import Path

from runwell.core.fold import FOLD_VERSION

BUSY_TIMEOUT_S = 10.0
"""Readers and the writer wait this long for each other's short locks."""

PAGE_BYTES = 8 << 10
"""Packs of columns fill them but for 3 %; rows of the tail are large."""

WAL_BYTES_KEPT = 64 << 20
"""The write-ahead file is cut to this size whenever a checkpoint has emptied it."""

TABLES = """
CREATE TABLE checkpoint (fold_version INTEGER NOT NULL, log_id TEXT, offset INTEGER NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    entity TEXT NOT NULL, project TEXT NOT NULL, run_id TEXT NOT NULL,
    name, "group", job_type, notes, user, host, state, exit_code, created_at, updated_at, duration_s,
    attempts, last_step, sweep, trial, program, python_version,
    deleted INTEGER NOT NULL, made_at REAL NOT NULL, series INTEGER NOT NULL, gauges TEXT NOT NULL,
    tags TEXT NOT NULL, lanes TEXT NOT NULL, git TEXT NOT NULL, records TEXT NOT NULL,
    config TEXT NOT NULL, summary TEXT NOT NULL, view TEXT NOT NULL,
    UNIQUE (entity, project, run_id)
);
CREATE INDEX run_by_creation ON run (deleted, created_at DESC, entity, project, run_id);
CREATE INDEX run_live ON run (created_at, number, updated_at, made_at, series) WHERE state = 'running' AND deleted = 0;
CREATE INDEX run_crashed ON run (updated_at) WHERE state = 'crashed' AND deleted = 0;
CREATE INDEX run_of_sweep ON run (entity, project, sweep, trial) WHERE sweep <> '';
CREATE TABLE fold (place INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE lineage (run INTEGER PRIMARY KEY, origin TEXT, rewinds TEXT NOT NULL);
CREATE TABLE definition (run INTEGER PRIMARY KEY, metrics TEXT NOT NULL);
CREATE TABLE change (run INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
CREATE INDEX change_by_offset ON change (offset);
CREATE TABLE console (
    run INTEGER NOT NULL, lane INTEGER NOT NULL, line INTEGER NOT NULL, offset INTEGER NOT NULL,
    stderr INTEGER NOT NULL, time REAL NOT NULL, text TEXT NOT NULL, omitted INTEGER NOT NULL,
    PRIMARY KEY (run, lane, line)
) WITHOUT ROWID;
CREATE INDEX console_by_time ON console (run, time, lane, line);
CREATE INDEX console_by_offset ON console (run, offset);
CREATE TABLE key_set (
    run INTEGER NOT NULL, number INTEGER NOT NULL, stream TEXT NOT NULL, keys TEXT NOT NULL, PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE block (
    number INTEGER PRIMARY KEY,
    run INTEGER NOT NULL, lane INTEGER NOT NULL, key_set INTEGER NOT NULL,
    offset INTEGER NOT NULL, offset_min INTEGER NOT NULL, sealed INTEGER NOT NULL, plain INTEGER NOT NULL,
    first INTEGER NOT NULL, rows INTEGER NOT NULL, step_min INTEGER NOT NULL, step_max INTEGER NOT NULL,
    head BLOB NOT NULL, times BLOB
);
CREATE INDEX block_by_step ON block (run, lane, step_min, step_max, key_set, rows);
CREATE INDEX tail_block ON block (run, lane, key_set, rows) WHERE NOT sealed;
CREATE TABLE part (
    run INTEGER NOT NULL, key_set INTEGER NOT NULL, place INTEGER NOT NULL, block INTEGER NOT NULL,
    kind INTEGER NOT NULL, pack INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, stripes BLOB,
    PRIMARY KEY (run, key_set, place, block)
) WITHOUT ROWID;
CREATE TABLE pack (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE sweep (
    number INTEGER PRIMARY KEY,
    entity TEXT NOT NULL, project TEXT NOT NULL, sweep_id TEXT NOT NULL, events INTEGER NOT NULL, created_at REAL NOT NULL,
    UNIQUE (entity, project, sweep_id)
);
CREATE TABLE sweep_event (
    sweep INTEGER NOT NULL, record INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (sweep, record)
) WITHOUT ROWID;
CREATE TABLE saved (
    entity TEXT NOT NULL, project TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    name TEXT NOT NULL, by TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, deleted INTEGER NOT NULL,
    content TEXT NOT NULL, PRIMARY KEY (entity, project, kind, id)
);
CREATE TABLE alert (
    offset INTEGER NOT NULL, entity TEXT NOT NULL, project TEXT NOT NULL, run_id TEXT NOT NULL,
    writer TEXT NOT NULL, record INTEGER NOT NULL, time REAL NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, level TEXT NOT NULL, wait_s REAL NOT NULL, rule TEXT NOT NULL,
    PRIMARY KEY (entity, project, run_id, writer, record)
) WITHOUT ROWID;
CREATE INDEX alert_by_offset ON alert (offset, writer, record);
CREATE INDEX alert_by_time ON alert (time, writer, record);
CREATE TABLE poison (
    offset INTEGER PRIMARY KEY,
    entity TEXT NOT NULL, project TEXT NOT NULL, run_id TEXT NOT NULL, writer BLOB NOT NULL, error TEXT NOT NULL
);
CREATE TABLE artifact_decision (
    entity TEXT NOT NULL, project TEXT NOT NULL, record INTEGER NOT NULL, event BLOB NOT NULL,
    PRIMARY KEY (entity, project, record)
) WITHOUT ROWID;
CREATE TABLE artifact_logged (
    entity TEXT NOT NULL, project TEXT NOT NULL, run_id TEXT NOT NULL, id TEXT NOT NULL, event BLOB NOT NULL,
    PRIMARY KEY (entity, project, run_id, id)
) WITHOUT ROWID;
CREATE TABLE artifact_used (
    entity TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    run_entity TEXT NOT NULL, run_project TEXT NOT NULL, run_id TEXT NOT NULL,
    PRIMARY KEY (entity, project, name, version, run_entity, run_project, run_id)
) WITHOUT ROWID;
CREATE INDEX artifact_used_by_run ON artifact_used (run_entity, run_project, run_id);
"""


def create_views(path: Path | str, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """Makes an empty views file, or opens the one that is there, for its only writer."""
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=BUSY_TIMEOUT_S, check_same_thread=False, factory=factory
    )
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'checkpoint'").fetchone()[0]:
        connection.executescript(f"BEGIN; {TABLES} INSERT INTO checkpoint VALUES ({FOLD_VERSION}, NULL, 0, 0); COMMIT;")
    return connection


def open_views(path: Path) -> sqlite3.Connection:
    """Opens a views file for reading. Raises sqlite3.OperationalError when it is gone."""
    # Not mode=ro: without a writer nobody else could make the shared-memory file that a WAL needs.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA query_only = 1")
    return connection
