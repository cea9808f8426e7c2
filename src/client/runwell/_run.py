"""``Run``: what ``init()`` returns."""

import operator
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runwell import _messages
from runwell._alert import AlertLevel, alert_fields
from runwell._config import Config
from runwell._define import definition
from runwell._directories import make_run_directory, run_directory
from runwell._disabled import DisabledLane
from runwell._disk import spool_name
from runwell._events import json_bytes
from runwell._facts import DescribedRun, RunFacts
from runwell._lane import Lane
from runwell._metrics import nothing_earlier
from runwell._names import suggestion
from runwell._provenance import process_fields
from runwell._run_artifacts import ArtifactCalls
from runwell._settings import Settings
from runwell._source import SourceCapture
from runwell._status import RunStatus, read_status
from runwell._summary import SummaryView
from runwell._version import VERSION
from runwell._writers import open_lane
from runwell.core.metrics import Metric
from runwell.errors import Error, UsageError

INTERRUPTED_EXIT_CODE = 255
if TYPE_CHECKING:
    from datetime import timedelta

    from runwell._auto_resume import AutoResume
    from runwell._blobs import BlobSpool, UnkeptBlobs
    from runwell._watch import Watches

_SETTABLE = frozenset({"name", "notes", "tags"})
EXIT_CODES = range(-(1 << 31), 1 << 31)
TERMINATED_TIMEOUT_S = 5.0


class Run(DescribedRun, ArtifactCalls):
    """One attempt of a run. Made by ``runwell.init``; usable from any thread, in forked children, and as a context."""

    def __init__(
        self,
        facts: RunFacts,
        settings: Settings,
        lane: Lane | DisabledLane,
        source: SourceCapture | None,
        on_finish: Callable[["Run"], None],
        on_attach: Callable[["Run"], None],
        note: "AutoResume | None" = None,
    ) -> None:
        self._facts = facts
        self._settings = settings
        self._lane = lane
        self._source = source
        self._on_finish = on_finish
        self._on_attach = on_attach
        self._note = note
        self._pid = os.getpid()
        self._attaching = threading.RLock()
        self._finished = False
        self._forks = 0
        self._watches: Watches | None = None
        self._config = Config(self._publish_config)
        self._summary = SummaryView(self._read_summary, self._write_summary)
        # An attribute of the instance, since a method would cost log() one call more.
        self.__dict__["log"] = lane.log

    # ---- Data

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Logs a row of metrics. When it returns, the row survives the death of this process.

        Without ``step`` the row goes to the run's next step. ``step`` moves the run on to that step; a smaller one than
        ``run.step`` is kept but hidden, with a warning. A row with ``step``, or with ``commit=False``, stays open for more
        values of the same step. Raises TypeError for keys and values that cannot be kept, RowTooLargeError, and UsageError
        after ``finish()``.
        """
        self._lane.log(data, step, commit)

    def define_metric(
        self,
        name: str | Metric,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | Sequence[str] | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
        *,
        at: str | Metric | None = None,
    ) -> Metric:
        """Says what a metric is drawn over and how it is summarised; for the whole run, rows of before included.

        ``name`` may end with an asterisk: then it means all metrics that begin so and have no definition of their own or
        with a longer beginning. ``summary`` is some of "min", "max", "mean", "first", "last", "best" and "none", separated
        by commas; then ``summary[name]`` is a dict of them. "best" is the least value, or the greatest with
        ``goal="maximize"``; with ``at`` it is the value where that metric was best. Rows that have the metric and not its
        ``step_metric`` are shown with its latest value, unless ``step_sync`` is false. ``hidden`` metrics are not drawn
        unless they are asked for. A later call adds to an earlier one, or replaces it with ``overwrite``.

        Raises UsageError for what cannot be meant.
        """
        said = definition(name, step_metric, step_sync, hidden, summary, goal, overwrite, at)
        self._open_lane("metrics").define_metric(said.name, said.fields, overwrite=said.overwrite)
        return said.metric

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Logs histograms of a PyTorch model's "gradients", "parameters" or "all", at every ``log_freq``-th pass.

        They go to the run's present step, under ``gradients/NAME`` and ``parameters/NAME``; of a second model with
        "graph_1" before the name. Values that are not finite are left out, and a tensor without others is. ``criterion``
        and ``log_graph`` are taken since scripts give them, and change nothing; of ``log_graph`` that is said. Raises
        TypeError for what is no model, and ValueError.
        """
        from runwell._watch import Watches

        if log_graph and isinstance(self._lane, Lane):
            self._lane.warn_once("log_graph", "watch(log_graph=True) logs no graph: histograms alone are logged")
        if self._watches is None:
            self._watches = Watches(self._log_watched)
        self._watches.add(models, log, log_freq, idx)

    def unwatch(self, models: Any = None) -> None:
        """Watches some models no longer, or none."""
        if self._watches is not None:
            self._watches.remove(models)

    def _log_watched(self, row: Any) -> None:
        lane = None if self._finished else self._open_lane("gradients")
        if isinstance(lane, Lane):
            lane.log_row({}, row, None, commit=False)

    @property
    def config(self) -> Config:
        """What the run was started with."""
        return self._config

    @property
    def summary(self) -> SummaryView:
        """The last value of each metric, and what was set by hand."""
        return self._summary

    @property
    def step(self) -> int:
        """The step that the next plain ``log()`` goes to."""
        lane = self._lane
        return 0 if isinstance(lane, DisabledLane) else lane.cursor.step

    # ---- Where it is, and how it goes

    def status(self) -> RunStatus:
        """How much of what was written a server has."""
        if isinstance(self._lane, DisabledLane):
            return RunStatus(0, 0, None, 0, 0)
        return read_status(self._lane, self.spool)

    def mark_preempting(self) -> None:
        """Says that the machine will be taken away: a run that then ends without success is "preempted", not failed."""
        self._open_lane("state").put_event("run_preempting", {})

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: "float | timedelta | None" = None,
    ) -> None:
        """Has the server tell people, by the ways that it was given; see docs/alerts.md.

        ``level`` is "INFO", "WARN" or "ERROR". Further alerts of the same title are kept, but told of no sooner than after
        ``wait_duration`` (seconds, or a timedelta; a minute unless said). Raises ValueError and TypeError for arguments
        that cannot be meant, and UsageError after ``finish()``.
        """
        self._open_lane("alerts").put_event("alert_raised", alert_fields(title, text, level, wait_duration))

    def _label(
        self, repo: str | None = None, code: str | None = None, repo_sha: str | None = None, **more: Any
    ) -> None:
        """Taken since libraries call it: wandb counts by it what it is used from."""

    @property
    def dir(self) -> str:
        """A directory for the run's own files; made when first asked for, or by ``init(dir=…)``. Raises OSError."""
        facts = self._facts
        directory = run_directory(self._settings.root, facts.run_id, facts.start_time, offline=self.offline)
        if not self.disabled:
            make_run_directory(directory, facts.run_id)
        return str(directory / "files")

    @property
    def spool(self) -> Path | None:
        """The directory that this process writes the run to; None when disabled."""
        if isinstance(self._lane, DisabledLane):
            return None
        return self._settings.spool_root / spool_name(self.id, self._lane.writer.identity.writer)

    @property
    def blobs(self) -> "BlobSpool | UnkeptBlobs":
        """Where contents of files that events of this process name are kept; see runwell._blobs. UsageError when finished."""
        from runwell._blobs import UnkeptBlobs

        lane = self._open_lane("files")
        return UnkeptBlobs() if isinstance(lane, DisabledLane) else lane.open_blobs()

    # ---- End

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Ends the run: 0 is success. Waits, bounded in time, until a server has everything. A second call does nothing.

        ``quiet`` leaves out what is said at the end, but for warnings.

        In a signal handler that interrupted ``log()`` it takes effect when that returns. Raises UsageError for an exit code
        that is no integer of 32 bits.
        """
        try:
            code = operator.index(exit_code or 0)
        except TypeError:
            raise UsageError(f"the exit code must be an integer, 0 for success, not {exit_code!r:.80}") from None
        if code not in EXIT_CODES:
            raise UsageError(f"the exit code {code} is beyond 32 bits")
        if quiet is not None:
            _messages.set_silent(self._settings.silent, quiet=quiet)
        self._end(code, self._settings.finish_timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish(exit_code_of(error))

    def __repr__(self) -> str:
        return f"<runwell.Run {self.path} {self.name!r}>"

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name not in _SETTABLE:
            hint = suggestion(name, _SETTABLE)
            raise AttributeError(f"a run has no attribute {name!r} that can be set{hint}: use config, summary or log")
        super().__setattr__(name, value)

    def __reduce__(self) -> Any:
        """In another process a pickled run is a further writer of the same run. Raises UsageError after ``finish()``."""
        from runwell._handover import Handover, attach

        lane = self._open_lane("writers")
        writer = b"" if isinstance(lane, DisabledLane) else lane.writer.identity.writer
        earlier = nothing_earlier() if isinstance(lane, DisabledLane) else lane.handed_on()
        config = self._config.as_dict()
        facts = self._facts._replace(earlier_row=self._last_row() or None)
        return attach, (Handover(facts, self._settings, writer, self.step, config, earlier),)

    def _repr_html_(self) -> str:
        """The run in a notebook: its name, a link when a server is known, and where it is kept."""
        from html import escape

        name = f"<b>{escape(self.name)}</b>"
        if self.url is not None:
            name = f'<a href="{escape(self.url)}" target="_blank" rel="noopener">{name}</a>'
        where = "disabled" if self.spool is None else f"kept in <code>{escape(str(self.spool))}</code>"
        return f"Run {name} ({escape(self.path)}), {where}"

    # ---- Inside

    def _end(self, exit_code: int, timeout_s: float, media_timeout_s: float | None = None) -> None:
        lane = self._lane
        foreign = self._pid != os.getpid() and not isinstance(lane, DisabledLane) and lane.successor is not None
        if self._finished or foreign:
            return
        if isinstance(lane, Lane) and lane.held_here:
            lane.postpone(partial(self._end, exit_code, timeout_s, media_timeout_s))
            return
        try:
            if "_files_saved" in self.__dict__:
                self._save_last_files()
            if self._source is not None:
                self._source.wait()
        finally:
            # Also when a signal's handler ends the wait by an exception; one that ends the run itself was here before.
            ended_meanwhile, self._finished = self._finished, True
            try:
                if isinstance(lane, Lane):
                    lane.finish(exit_code, f"Run ({self.id}) is finished", media_timeout_s)
            finally:
                self._on_finish(self)
            if self._note is not None and exit_code == 0 and self._pid == os.getpid():
                self._note.remove(self.id)
        if isinstance(lane, Lane) and not ended_meanwhile:
            self._deliver(lane, timeout_s)

    def _save_last_files(self) -> None:
        """What ``save`` was told to keep as it is at the end."""
        from runwell.artifacts.saving import log_saved

        try:
            log_saved(self, at_end=True)
        except (Error, OSError, ValueError) as error:
            _messages.warn(f"files of the run could not be saved at its end: {error}")

    def _deliver(self, lane: Lane, timeout_s: float) -> None:
        settings = self._settings
        records = lane.writer.record
        kept = f"{records:,} records of {self.path} are kept in {self.spool}"
        if settings.mode == "offline":
            _messages.say(f"{kept}; send them with `runwell sync`")
            return
        if settings.base_url is None:
            _messages.say(f"{kept}. No server is known: start one with `runwell up`, then `runwell sync`")
            return
        from runwell.forwarder import spawn

        writer = lane.writer.identity.writer.hex()
        try:
            report = spawn.deliver(settings.spool_root, settings.base_url, writer, records, timeout_s)
        except OSError as error:
            _messages.warn(f"{kept}, and could not be sent now ({error}): send them with `runwell sync`")
            return
        except KeyboardInterrupt:
            _messages.warn(f"interrupted: {kept}, and sent in the background, or by `runwell sync`")
            raise
        if report.complete:
            _messages.say(f"{self.path}: all {records:,} records are with the server, {self.url}")
        else:
            _messages.warn(
                f"{report.acked:,} of {records:,} records of {self.path} are with the server ({report.reason}); the rest is "
                f"kept in {self.spool} and sent in the background, or by `runwell sync`"
            )

    def _terminate(self, exit_code: int) -> bool:
        """Ends the run in a signal handler. False when this thread is in the middle of writing: try again soon.

        A forked child just ends: its rows are written, and that its parent has no more use for it does not end the run.
        """
        if self._pid != os.getpid():
            return True
        if isinstance(self._lane, Lane) and self._lane.held_here:
            return False
        timeout_s = min(TERMINATED_TIMEOUT_S, self._settings.finish_timeout_s)
        self._end(exit_code, timeout_s, media_timeout_s=timeout_s)
        return True

    def _describe(self, fields: dict[str, Any]) -> None:
        self._open_lane("name, notes and tags").put_event("run_described", {"fields": fields})

    def _publish_config(self, changes: dict[str, Any], removed: list[str]) -> None:
        fields: dict[str, Any] = {"set_json": json_bytes(changes).decode()}
        if removed:
            fields["removed"] = removed
        self._open_lane("config").put_event("config_set", fields)

    def _read_summary(self) -> dict[str, Any]:
        return {**self._lane.summary_leaves(), **self._last_row()}

    def _last_row(self) -> Mapping[str, Any]:
        row, facts = self._lane.last_row(), self._facts
        if row is None:
            return facts.earlier_row or {}
        step, at = row
        return {"_step": step, "_timestamp": at, "_runtime": at - facts.start_time + facts.earlier_s}

    def _write_summary(self, leaves: Mapping[str, Any], removed: list[str]) -> None:
        self._open_lane("summary").set_summary(leaves, removed)

    def _open_lane(self, what: str) -> Lane | DisabledLane:
        if self._finished:
            raise UsageError(f"Run ({self.id}) is finished: its {what} cannot be changed any more")
        return self._attached() if isinstance(self._lane, Lane) and self._lane.successor else self._lane

    # ---- Forked children

    def _hold(self) -> None:
        """Before a fork: no thread is in the middle of writing when the child's memory is copied."""
        if isinstance(self._lane, Lane):
            self._lane.hold()

    def _release(self) -> None:
        """After a fork, in both processes."""
        if isinstance(self._lane, Lane):
            self._lane.release()

    def _forked(self) -> None:
        """In a forked child: the spool is the parent's, so what the child logs goes to a writer of its own."""
        if isinstance(self._lane, Lane):
            self._attaching = threading.RLock()
            self._source = None
            self._lane.abandon(self._attached)

    def _attached(self) -> Lane:
        """This process's own lane, made at first use. Raises Error when its spool cannot be made."""
        with self._attaching:
            parent = self._lane
            assert isinstance(parent, Lane)
            if parent.successor is None:
                return parent
            if self._finished:
                raise UsageError(f"Run ({self.id}) is finished")
            step = parent.cursor.step
            self._facts = self._facts._replace(earlier_row=self._last_row() or None)
            self._forks += 1
            lane = open_lane(
                self._settings,
                self._facts.key,
                step,
                "writer_attached",
                lambda: {
                    "attempt": self._facts.attempt,
                    "parent": parent.writer.identity.writer,
                    "starting_step": step,
                    "process": process_fields(VERSION),
                },
                order=(self._facts.attempt, self._forks),
                earlier=parent.handed_on(),
            )
            self._lane = lane
            self.__dict__["log"] = lane.log
            self._on_attach(self)
            return lane


def exit_code_of(error: BaseException | None) -> int:
    """The exit code that a program ends with when ``error`` is not caught."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        code = error.code
        if isinstance(code, int):
            # As the operating system has it when it is too large; True is 1.
            return int(code) if code in EXIT_CODES else code & 0xFF
        return 0 if code is None else 1
    return INTERRUPTED_EXIT_CODE if isinstance(error, KeyboardInterrupt) else 1
