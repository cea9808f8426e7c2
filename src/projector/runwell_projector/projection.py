"""From batches to views: each call of ``apply`` is one transaction.

Order of durability: rows, folds and checkpoint change together, so a kill at any moment leaves views that include the log
exactly up to their checkpoint. Memory may be ahead of the file only within a transaction; when that fails, memory is
forgotten and read again.

A batch that cannot be folded stops its run and nothing else: it goes to ``poison``, and so do the run's later batches,
since folding past a hole would show a run that never was. A rebuild tries them all again.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from runwell.core import limits
from runwell.core.fold import RunFold
from runwell.core.sweeps.stream import SweepName, sweep_of_stream
from runwell.v1 import event_pb2
from runwell_collector.log import RunId, StoredBatch, UndecodableError, decode_events
from runwell_projector.alerts import add_alert
from runwell_projector.artifacts import OF_RUNS, is_catalogue, store_decisions, store_of_run
from runwell_projector.blocks import STREAMS
from runwell_projector.console import add_lines
from runwell_projector.runs import WRITE_RUN, OpenRun, RunCache
from runwell_projector.saved import is_saved, store_saved
from runwell_projector.sealing import RowStore, SealRule
from runwell_projector.states import WRITE_PART, changed_parts, read_fold
from runwell_projector.sweeps import store_batch


class UnwritableError(Exception):
    """A run's fold cannot be written down."""

    def __init__(self, run: RunId, reason: str) -> None:
        super().__init__(reason)
        self.run = run


KEPT = frozenset(STREAMS) | OF_RUNS | {"alert_raised", "console_logged"}

HELD = "held: an earlier batch of this run could not be folded"

TAILS = "SELECT lane, key_set, sum(rows) FROM block WHERE run = ? AND NOT sealed GROUP BY lane, key_set"
ALL_ROWS = "SELECT lane, key_set, sum(rows) FROM block WHERE run = ? GROUP BY lane, key_set"
"""An index answers it alone. Where it is more than in the tail some rows are sealed."""


class Projection:
    """The writer of one views file."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        cache_bytes_max: int = limits.FOLD_CACHE_BYTES_MAX,
        rule: SealRule | None = None,
    ) -> None:
        self._connection = connection
        self._store = RowStore(connection, rule or SealRule())
        self._runs = RunCache(cache_bytes_max)
        self._changed: dict[RunId, OpenRun] = {}
        self._forgotten = False
        self._read_position()

    def _read_position(self) -> None:
        row = self._connection.execute("SELECT fold_version, log_id, offset, rows FROM checkpoint").fetchone()
        self.fold_version: int = row[0]
        self.log_id: str | None = row[1]
        self.offset: int = row[2]
        self.rows: int = row[3]
        poisoned = self._connection.execute("SELECT entity, project, run_id, count(*) FROM poison GROUP BY 1, 2, 3")
        counts = {RunId(*run): count for *run, count in poisoned}
        self.poisoned_runs = set(counts)
        self.poisoned_batches = sum(counts.values())
        self._numbers = self._connection.execute("SELECT coalesce(max(number), 0) FROM run").fetchone()[0]

    @property
    def runs_kept(self) -> int:
        """Runs in memory."""
        return len(self._runs)

    def begin_log(self, log_id: str) -> None:
        """Says which log an empty file will follow."""
        assert self.offset == 0
        self._connection.execute("UPDATE checkpoint SET log_id = ?", (log_id,))
        self.log_id = log_id

    def apply(self, batches: Sequence[StoredBatch]) -> None:
        """Takes in the log's next batches. Raises sqlite3.Error, and then nothing of them is in the views."""
        assert batches[0].offset == self.offset + 1
        unwritable: dict[RunId, str] = {}
        while True:
            try:
                self._apply(batches, unwritable)
            except UnwritableError as error:
                unwritable[error.run] = str(error)
            else:
                return

    def _apply(self, batches: Sequence[StoredBatch], unwritable: Mapping[RunId, str]) -> None:
        try:
            if self._forgotten:
                self._read_position()
                self._forgotten = False
            self._connection.execute("BEGIN IMMEDIATE")
            for batch in batches:
                if batch.run in unwritable and batch.run not in self.poisoned_runs:
                    self._poison(batch, unwritable[batch.run])
                else:
                    self._take(batch)
            self._write_runs()
            self._connection.execute("UPDATE checkpoint SET offset = ?, rows = ?", (batches[-1].offset, self.rows))
            self._connection.execute("COMMIT")
        except BaseException:
            self._forget()
            raise
        self.offset = batches[-1].offset

    def _forget(self) -> None:
        """Takes back the transaction and whatever memory has of it; what is stored is read again when it is needed."""
        self._forgotten = True
        self._runs.clear()
        self._changed.clear()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _take(self, batch: StoredBatch) -> None:
        if batch.run in self.poisoned_runs:
            self._poison(batch, HELD)
            return
        if is_saved(batch.run.run_id):
            self._take_saved(batch)
            return
        sweep = sweep_of_stream(*batch.run)
        if sweep is not None:
            self._take_sweep(sweep, batch)
            return
        if is_catalogue(batch.run):
            self._take_decisions(batch)
            return
        run = self._open(batch.run)
        self._connection.execute("SAVEPOINT batch")
        try:
            rows = self._fold(run, batch)
        except (MemoryError, sqlite3.Error):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a batch breaks, it must break nothing but its run
            self._connection.execute("ROLLBACK TO batch")
            self._poison(batch, f"{type(error).__name__}: {error}")
            self._restore(run)
            rows = 0
        self._connection.execute("RELEASE batch")
        self.rows += rows

    def _take_saved(self, batch: StoredBatch) -> None:
        try:
            store_saved(self._connection, batch)
        except UndecodableError as error:
            self._poison(batch, str(error))

    def _take_sweep(self, sweep: SweepName, batch: StoredBatch) -> None:
        try:
            store_batch(self._connection, sweep, batch)
        except UndecodableError as error:
            self._poison(batch, str(error))

    def _take_decisions(self, batch: StoredBatch) -> None:
        try:
            store_decisions(self._connection, batch)
        except UndecodableError as error:
            self._poison(batch, str(error))

    def _fold(self, run: OpenRun, batch: StoredBatch) -> int:
        """Takes in a batch; returns how many rows were new. Raises whatever is wrong with the batch."""
        writer, rows = batch.writer.hex(), 0
        for event in fold_batch(run.fold, batch):
            if event.WhichOneof("event") in OF_RUNS:
                store_of_run(self._connection, batch.run, event)
            elif event.WhichOneof("event") == "console_logged":
                add_lines(self._connection, run.number, run.lane(writer), batch.offset, event)
            elif event.WhichOneof("event") == "alert_raised":
                add_alert(self._connection, batch, event)
            else:
                rows += self._store.add(run, writer, batch.offset, batch.first, event)
        lane = run.fold.lanes.get(writer)
        if lane and lane.state != "running":
            self._store.end_lane(run, writer, batch.offset)
        run.pending.append(batch)
        self._changed[batch.run] = run
        return rows

    def _open(self, name: RunId) -> OpenRun:
        run = self._changed.get(name) or self._runs.get(name)
        return run or self._load(name)

    def _load(self, name: RunId) -> OpenRun:
        found = self._connection.execute(
            "SELECT number FROM run WHERE entity = ? AND project = ? AND run_id = ?", name
        ).fetchone()
        if found is None:
            self._numbers += 1
            return OpenRun(self._numbers, RunFold(name), {}, {}, set(), {})
        return self._opened(found[0], *read_fold(self._connection, found[0], name))

    def _opened(self, number: int, fold: RunFold, part_bytes: dict[int, int]) -> OpenRun:
        key_sets = self._connection.execute("SELECT stream, keys, number FROM key_set WHERE run = ?", (number,))
        known = {(stream, tuple(json.loads(keys))): key_set for stream, keys, key_set in key_sets}
        tails, rows = (
            {(lane, key_set): rows for lane, key_set, rows in self._connection.execute(statement, (number,))}
            for statement in (TAILS, ALL_ROWS)
        )
        sealed = {place for place, count in rows.items() if count > tails.get(place, 0)}
        return OpenRun(number, fold, known, tails, sealed, part_bytes)

    def _restore(self, broken: OpenRun) -> None:
        """Brings a run whose fold raised back to what the log has before that batch."""
        name = RunId(*broken.fold.run)
        self._runs.drop(name)
        if self._changed.pop(name, None) is None:
            return
        stored = self._load(name)
        run = self._opened(broken.number, stored.fold, stored.part_bytes)
        for batch in broken.pending:
            fold_batch(run.fold, batch)
        run.pending = broken.pending
        self._changed[name] = run

    def _poison(self, batch: StoredBatch, error: str) -> None:
        self._connection.execute(
            "INSERT INTO poison VALUES (?, ?, ?, ?, ?, ?)", (batch.offset, *batch.run, batch.writer, error)
        )
        self.poisoned_runs.add(batch.run)
        self.poisoned_batches += 1

    def _write_runs(self) -> None:
        """One write for each run that changed, however many batches it had."""
        for name, run in self._changed.items():
            try:
                row, parts = run.row(), changed_parts(run.number, run.fold)
            except (RecursionError, ValueError, TypeError, ArithmeticError) as error:
                raise UnwritableError(name, f"{type(error).__name__}: {error}") from error
            self._connection.execute(WRITE_RUN, row)
            self._connection.execute(
                "INSERT OR REPLACE INTO change VALUES (?, ?)", (run.number, run.pending[-1].offset)
            )
            self._connection.executemany(WRITE_PART, parts.items())
            run.part_bytes |= {place: len(state) for place, state in parts.items()}
            definitions = run.new_definitions()
            if definitions is not None:
                self._connection.execute("INSERT OR REPLACE INTO definition VALUES (?, ?)", (run.number, definitions))
            if run.fold.pasts or run.fold.rewinds:
                self._connection.execute("INSERT OR REPLACE INTO lineage VALUES (?, ?, ?)", run.lineage())
            run.pending = []
            self._runs.keep(name, run, sum(run.part_bytes.values()))
        self._changed.clear()


def fold_batch(fold: RunFold, batch: StoredBatch) -> list[event_pb2.Event]:
    """Folds a batch; returns the events with rows, and those about artifacts, that were new.

    Raises whatever is wrong with the batch.
    """
    events = decode_events(batch.codec, batch.events).events
    fresh: list[event_pb2.Event] = fold.apply(
        batch.writer, batch.first, batch.count, batch.received_at, events, batch.offset
    )
    return [event for event in fresh if event.WhichOneof("event") in KEPT]
