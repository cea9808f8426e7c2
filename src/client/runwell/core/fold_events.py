"""What each event does to a run's fold."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runwell.core.lanes import Edit, Lane
from runwell.core.limits import RUN_KEYS_MAX
from runwell.core.pasts import Origin, read_past
from runwell.core.stamps import EARLIEST, Stamp
from runwell.core.system import last_figures

if TYPE_CHECKING:
    from runwell.core.fold import RunFold

Handler = Callable[["RunFold", Lane, Any, Stamp], None]

NOT_FOLDED = frozenset(
    {
        "artifact_logged",
        "artifact_used",
        "artifact_version_assigned",
        "artifact_linked",
        "artifact_edited",
        "artifact_changed",
        "console_logged",
        "alert_raised",
        "clock_adjusted",
        "run_purged",
        "view_saved",
        "report_saved",
        "sweep_created",
        "trial_suggested",
        "trial_reported",
        "sweep_changed",
        "sweep_points_added",
    }
)
"""Known events that are no part of a run's fold: no view shows them yet, or one beside it does."""


def _start(kind: str) -> Handler:
    def apply(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
        lane.begin(kind, 1 if kind == "started" else message.attempt, message.process, stamp[1])
        if kind == "attached":
            return
        stamp = lane.stamp(stamp[1], stamp[3])
        process = message.process
        known = ("host", "user", "program", "python_version")
        fold.write_field(
            "process", {**{name: getattr(process, name) for name in known}, "command": list(process.command)}, stamp
        )
        _write_git(fold, message, stamp)
        _write_fields(fold, message.fields, stamp)

    return apply


def _write_git(fold: "RunFold", message: Any, stamp: Stamp) -> None:
    if message.HasField("git"):
        git = {name: getattr(message.git, name) for name in ("remote", "commit", "branch", "dirty")}
        fold.write_field("git", git, stamp)


def _apply_source(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    _write_git(fold, message, stamp)


def _write_fields(fold: "RunFold", fields: Any, stamp: Stamp) -> None:
    for name, value in _fields_said(fields).items():
        fold.write_field(name, value, stamp)


def _fields_said(fields: Any) -> dict[str, Any]:
    names = [name for name in ("name", "group", "job_type", "notes") if fields.HasField(name)]
    said: dict[str, Any] = {name: getattr(fields, name) for name in names}
    lists = [name for name in ("tags", "prometheus_metrics") if fields.HasField(name)]
    said |= {name: list(getattr(fields, name).values) for name in lists}
    if fields.HasField("sweep_id"):
        said["sweep"] = [fields.sweep_id, fields.sweep_trial or None]
    return said


def _config_writes(lane: Lane, message: Any) -> dict[str, Any]:
    values = _read_object(lane, message.set_json)
    return {**dict.fromkeys(message.removed), **{key: [value] for key, value in values.items()}}


def _apply_config(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    for key, write in _config_writes(lane, message).items():
        if stamp >= fold.config.get(key, (EARLIEST,))[0]:
            fold.config[key] = (stamp, write)


def _apply_summary(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    fold.summary.update(_read_object(lane, message.set_json), message.removed, stamp)


def _define_metric(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    if message.restated:
        return
    if message.name not in fold.metrics.by_name and len(fold.metrics.by_name) >= RUN_KEYS_MAX:
        lane.unindexed += 1
        return
    fold.metrics.define(message.name, metric_fields(message), stamp, overwrite=message.overwrite)


def metric_fields(message: Any) -> dict[str, Any]:
    """What a MetricDefined says."""
    optional = ("step_metric", "step_sync", "hidden", "goal", "at")
    return {name: getattr(message, name) for name in optional if message.HasField(name)} | {"summary": message.summary}


def _read_object(lane: Lane, text: str) -> dict[str, Any]:
    """A JSON object; one that cannot be read is counted and passed over."""
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        lane.unreadable += 1
        return {}
    return value


def _apply_system(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    lane.system = stamp[1], last_figures(message)


def _describe(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    _write_fields(fold, message.fields, stamp)


def _preempt(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    lane.preempting = True


def _apply_rewind(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    rewind = (lane.attempt, message.step)
    if rewind not in fold.rewinds:
        fold.rewinds = sorted([*fold.rewinds, rewind])
    _go_on_from(fold, lane, message, stamp)


def _apply_fork(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    key = message.origin
    origin = Origin(key.entity, key.project, key.run_id, message.step, max(message.attempts, 1))
    fold.write_field("forked_from", origin._asdict(), stamp)
    _go_on_from(fold, lane, message, stamp)


def _go_on_from(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    if message.past_json and stamp >= fold.pasts.get(lane.attempt, (EARLIEST,))[0]:
        fold.pasts[lane.attempt] = stamp, read_past(message.past_json)


def _apply_finish(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    lane.state, lane.exit_code = "finished", message.exit_code


def _apply_annotation(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
    fields, config = _fields_said(message.fields), _config_writes(lane, message.config)
    values, removed = _read_object(lane, message.summary.set_json), list(message.summary.removed)
    said = message.by, fields, config, values, removed, message.undoes.hex()
    fold.add_edit(lane, Edit(stamp[1], stamp[3], *said))


def _hide(deleted: bool) -> Handler:
    def apply(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
        fold.add_edit(lane, Edit(stamp[1], stamp[3], message.by, {"deleted": deleted}, {}, {}, [], ""))

    return apply


def _count(counter: str) -> Handler:
    def apply(fold: "RunFold", lane: Lane, message: Any, stamp: Stamp) -> None:
        setattr(lane, counter, getattr(lane, counter) + getattr(message, "count", 1))

    return apply


HANDLERS: dict[str, Handler] = {
    "run_started": _start("started"),
    "run_resumed": _start("resumed"),
    "writer_attached": _start("attached"),
    "source_captured": _apply_source,
    "run_rewound": _apply_rewind,
    "run_forked": _apply_fork,
    "run_described": _describe,
    "run_preempting": _preempt,
    "run_finished": _apply_finish,
    "config_set": _apply_config,
    "summary_updated": _apply_summary,
    "metric_defined": _define_metric,
    "system_metric_logged": _apply_system,
    "run_annotated": _apply_annotation,
    "records_dropped": _count("dropped"),
    "record_refused": _count("refused"),
    "records_lost": _count("lost"),
    "run_deleted": _hide(True),
    "run_restored": _hide(False),
}
