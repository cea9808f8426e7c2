"""Runs of the spools in a directory, folded here by the rules that the server follows."""

import contextlib
import logging
import os
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from typing import Any

from runwell._api_columns import ColumnPage
from runwell._api_errors import ApiError, NotFoundError
from runwell._api_source import RunName, thinned
from runwell._api_thinning import ends_of_rows
from runwell.core.filters import Expression, Order, ordered
from runwell.core.fold import RunFold
from runwell.core.history import LaneRows, Selection, merge_history, select
from runwell.core.lanes import Lane, LaneHead
from runwell.core.media import ROW_EVENTS
from runwell.core.pasts import FORKS_MAX, NEVER, Origin, inherited_heads
from runwell.core.system import STREAMS, as_rows
from runwell.forwarder.cutter import CutBatch
from runwell.forwarder.disk import LocalDisk
from runwell.forwarder.segments import SUFFIX, SpoolError
from runwell.forwarder.spools import LOCK_NAME, WriterSpool, discover
from runwell.v1 import event_pb2

logger = logging.getLogger("runwell")


KEPT_BYTES_MAX = 64 << 20
"""Rows of runs whose spools together have this size are kept from one question to the next, packed as they are sent."""


class SpooledRun:
    """One run, folded from the spools of its writers as they are now; ``rows`` are kept only when asked for."""

    def __init__(self, name: RunName, spools: Sequence[WriterSpool], *, rows: bool) -> None:
        self.has_rows = rows
        self._name = name
        self._take_all(spools, thinned=True)
        rules = self._fold.metrics.rules()
        if self._thinned and (rules.summarise or rules.deciding):
            self._take_all(spools, thinned=False)
        self.view = self._fold.view()

    def _take_all(self, spools: Iterable[WriterSpool], *, thinned: bool) -> None:
        """Folds all writers. ``thinned``: of their rows those alone that a view without statistics shows."""
        self._fold = RunFold(self._name)
        self._running: list[tuple[Lane, WriterSpool]] = []
        self._rows: dict[str, dict[str, list[tuple[int, Any]]]] = {stream: {} for stream in STREAMS}
        """Rows of each writer, by stream."""
        self._thins, self._thinned = thinned, False
        for spool in spools:
            self._take(spool)

    def _take(self, spool: WriterSpool) -> None:
        """Folds one writer. A spool that ends in the middle counts as far as it goes, and the log says why."""
        rows, samples = (self._rows[stream].setdefault(spool.writer.hex(), []) for stream in STREAMS)
        try:
            for batch in spool.batches():
                for event in self._apply(spool.writer, batch):
                    kind = event.WhichOneof("event") if self.has_rows else None
                    if kind in ROW_EVENTS:
                        rows.append((batch.first, event))
                    elif kind == "system_metric_logged":
                        samples.append((batch.first, as_rows(event)))
        except (OSError, ValueError, SpoolError) as error:
            logger.warning("%s can be read only in part: %s", spool.directory, error)
        lane = self._fold.lanes.get(spool.writer.hex())
        if lane is None:
            return
        self._fold.updated_at = max(self._fold.updated_at, lane.clock)
        if lane.state == "running" and _is_alive(lane, spool):
            self._running.append((lane, spool))
        elif lane.state == "running":
            ended = event_pb2.Event(time=lane.clock, writer_ended=event_pb2.WriterEnded(last=lane.position))
            self._fold.apply(spool.writer, lane.position + 1, 0, lane.clock, [ended])

    def _apply(self, writer: bytes, batch: CutBatch) -> Sequence[event_pb2.Event]:
        """Folds a batch; returns the events that were new."""
        events: Sequence[event_pb2.Event] = batch.events.events
        lane = self._fold.lanes.get(writer.hex())
        # Statistics may be wanted of whatever comes after a definition, or with one.
        defined = self._fold.metrics.by_name or any(event.HasField("metric_defined") for event in events)
        if not self._thins or defined or (lane is not None and batch.first != lane.position + 1):
            return self._fold.apply(writer, batch.first, batch.count, 0.0, events)
        self._thinned = True
        self._fold.apply(writer, batch.first, batch.count, 0.0, [ends_of_rows(event) for event in events])
        return events

    @property
    def is_current(self) -> bool:
        """Whether all writers that were alive still are."""
        return all(_is_alive(lane, spool) for lane, spool in self._running)

    def history(self, selection: Selection, inherited: Sequence[LaneRows] = ()) -> list[dict[str, Any]]:
        """The rows that are asked for; ``inherited`` are those of the runs that it was forked from."""
        rules = None if selection.stream == "system" else self._fold.metrics.rules()
        lanes = [*inherited, *self.lane_rows(self._fold.lane_heads(), selection.stream, selection.keys)]
        return merge_history(lanes, selection, rules)

    def lane_rows(
        self, heads: Iterable[LaneHead], stream: str = "default", keys: frozenset[str] | None = None
    ) -> list[LaneRows]:
        """The rows by lanes that are seen so, all or those that have some of the keys."""
        rows = self._rows[stream]
        return [LaneRows.of_events(head, rows.get(head.writer, []), keys) for head in heads if head.attempt != NEVER]

    def inherited_rows(self, origin: Origin, shift: int) -> list[LaneRows]:
        """The rows that a fork of the run goes on from."""
        heads = inherited_heads(self._fold.lane_heads(), self._fold.rewinds, origin, shift)
        return [
            LaneRows(lane.head, [rows.within(-inf, origin.step + 1) for rows in lane.rows])
            for lane in self.lane_rows(heads)
        ]


def _is_alive(lane: Lane, spool: WriterSpool) -> bool:
    return _is_own(lane, spool) or spool.live


def _is_own(lane: Lane, spool: WriterSpool) -> bool:
    """Whether this process writes the lane: then its lock must not even be looked at, since that would release it.

    A container may start again with the host name and process id of one that died; only the writer has the lock open.
    """
    return lane.pid == os.getpid() and lane.host == os.uname().nodename and _is_open_here(spool.directory / LOCK_NAME)


def _is_open_here(path: Path) -> bool:
    """Whether this process has the file open."""
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(int(name)), os.stat(path)):
                return True
    return False


Files = tuple[tuple[str, int, int], ...]
"""Segments by path, with size and time of the last change: what tells whether a spool is as it was."""


def _files(spools: Iterable[WriterSpool]) -> Files:
    """Of all segments; what cannot be looked at is told by who reads it."""
    found = []
    for spool in spools:
        with contextlib.suppress(OSError), os.scandir(spool.directory) as entries:
            stats = [(entry.path, entry.stat()) for entry in entries if entry.name.endswith(SUFFIX)]
            found += [(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]
    return tuple(sorted(found))


def _size(files: Files) -> int:
    return sum(size for _, size, _ in files)


class SpoolSource:
    """Reads a root directory, or the ``spool`` directory in one. Each question is answered by what is there at that time.

    A run whose files have changed since the last question is folded anew, since a fold cannot begin in the middle.
    """

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise ApiError(f"there is no directory {directory}")
        self._directory = directory / "spool" if (directory / "spool").is_dir() else directory
        self._folded: dict[RunName, tuple[Files, SpooledRun]] = {}
        self._kept_bytes = 0
        """Size of the spools whose rows are kept."""

    def _spools(self) -> dict[RunName, list[WriterSpool]]:
        """The spools of each run; what cannot be read is told to the log."""
        spools, problems = discover(LocalDisk(), self._directory)
        for problem in problems:
            logger.warning("%s", problem.message)
        by_run: dict[RunName, list[WriterSpool]] = {}
        for spool in spools:
            by_run.setdefault(RunName(*spool.run), []).append(spool)
        return by_run

    def _run(self, name: RunName, spools: list[WriterSpool], *, rows: bool) -> SpooledRun:
        """The run as it is now; when ``rows`` are not needed, they are there as long as there is room for them."""
        # Looked at before reading: what is written meanwhile makes a difference to the next look.
        files = _files(spools)
        known = self._folded.get(name)
        if known is not None and known[0] == files and known[1].is_current and (known[1].has_rows or not rows):
            return known[1]
        if known is not None and known[1].has_rows:
            self._kept_bytes -= _size(known[0])
        keeps = self._kept_bytes + _size(files) <= KEPT_BYTES_MAX
        run = SpooledRun(name, spools, rows=rows or keeps)
        if keeps or not rows:
            self._folded[name] = files, run
            self._kept_bytes += _size(files) * keeps
        else:
            self._folded.pop(name, None)
        return run

    def _live_views(self) -> list[dict[str, Any]]:
        """The views of all runs that were not deleted."""
        views = (self._run(name, spools, rows=False).view for name, spools in self._spools().items())
        return [view for view in views if not view["deleted"]]

    def projects(self) -> list[dict[str, Any]]:
        """All projects, the last updated first."""
        by_project: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for view in self._live_views():
            by_project.setdefault((view["entity"], view["project"]), []).append(view)
        projects = [
            {
                "entity": entity,
                "project": project,
                "runs": len(views),
                "running": sum(view["state"] == "running" for view in views),
                "created_at": min(view["created_at"] for view in views),
                "updated_at": max(view["updated_at"] for view in views),
            }
            for (entity, project), views in by_project.items()
        ]
        return sorted(projects, key=lambda project: (-project["updated_at"], project["entity"], project["project"]))

    def runs(
        self,
        entity: str | None,
        project: str | None,
        where: Expression | None,
        order: Sequence[Order],
        offset: int,
        limit: int,
    ) -> tuple[int, list[dict[str, Any]]]:
        """How many runs match, and one page of their views."""
        views = [
            view
            for view in self._live_views()
            if entity in (None, view["entity"])
            and project in (None, view["project"])
            and (where is None or where.matches(view))
        ]
        return len(views), [dict(view) for view in ordered(views, order)[offset:]]

    def run(self, name: RunName) -> dict[str, Any] | None:
        """A run's view."""
        spools = self._spools().get(name)
        return None if spools is None else self._run(name, spools, rows=False).view

    def rows(
        self, name: RunName, selection: Selection, after: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """All rows; there is no cursor."""
        assert after is None
        spools = self._spools().get(name)
        if spools is None:
            raise NotFoundError(f"there is no run {name} any more")
        run = self._run(name, spools, rows=True)
        return run.history(selection, self._inherited(run) if selection.stream == "default" else ()), None

    def columns(
        self, name: RunName, selection: Selection, after: str | None, limit: int
    ) -> tuple[list[ColumnPage], str | None]:
        """All rows, column by column."""
        rows, following = self.rows(name, selection, after, limit)
        return [ColumnPage.of_rows(rows)], following

    def series(self, name: RunName, key: str, axis: str, *, masked: bool) -> tuple[list[Any], list[Any]]:
        """``_step`` or ``_timestamp`` of all rows with the key, and its values."""
        rows, _ = self.rows(name, select([key], masked=masked), None, 0)
        return [row[axis] for row in rows], [row[key] for row in rows]

    def _inherited(self, run: SpooledRun) -> list[LaneRows]:
        """The rows of the runs that it was forked from, as far as their spools are here."""
        spools, found, shift, step, seen = self._spools(), list[LaneRows](), 0, None, set[RunName]()
        while (told := run.view["forked_from"]) is not None and len(seen) < FORKS_MAX:
            origin = Origin(**told)
            name = RunName(*origin[:3])
            if name in seen or name not in spools:
                break
            seen.add(name)
            shift += origin.attempts
            step = origin.step if step is None else min(step, origin.step)
            run = self._run(name, spools[name], rows=True)
            found += run.inherited_rows(origin._replace(step=step), shift)
        return found

    def samples(self, name: RunName, selection: Selection, samples: int) -> list[dict[str, Any]]:
        """Evenly spaced rows of those that have all keys."""
        rows, _ = self.rows(name, selection, None, 0)
        return thinned([row for row in rows if all(key in row for key in selection.keys or ())], samples)
