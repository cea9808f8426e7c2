"""A run as docs/ describe it, slow and obvious: all records in one list, sorted by stamp, taken in one by one.

It knows nothing of ours but the generated messages, so that what it says is a second opinion on runwell.core.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from tests.core.reference_edits import edited_at, taken_back

SEPARATOR = "\x1f"
PERSON = 1 << 32
KINDS = ("min", "max", "mean", "best", "first", "last", "none", "copy")


@dataclass
class Record:
    """One record of a writer: a row, or another event."""

    writer: str
    number: int
    time: float
    kind: str
    message: Any
    row: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    masked: bool = False
    attempt: int = 1
    stamp_time: float = 0.0
    media: bool = False
    told: float | None = None

    def moment(self) -> float:
        """When it was written; media belong to a row of before."""
        return self.time if self.told is None else self.told

    def by_person(self) -> bool:
        return self.kind in ("run_annotated", "run_deleted", "run_restored")

    def stamp(self) -> tuple[int, float, str, int]:
        return PERSON if self.by_person() else self.attempt, self.stamp_time, self.writer, self.number


@dataclass
class Writer:
    """One writer, as far as its batches have come."""

    name: str
    records: list[Record] = field(default_factory=list)
    position: int = 0
    announced: int = 0
    state: str = "running"
    exit_code: int | None = None
    lost: int = 0

    def attempt(self) -> tuple[str, int]:
        for record in self.records:
            if record.kind == "run_started":
                return "started", 1
            if record.kind in ("run_resumed", "writer_attached"):
                return {"run_resumed": "resumed"}.get(record.kind, "attached"), record.message.attempt
        return "", 1

    def only_edits(self) -> bool:
        return bool(self.records) and all(record.by_person() for record in self.records)

    def clock(self) -> float:
        return max([0.0, *(record.moment() for record in self.records)])


def json_value(text: str) -> Any:
    return json.loads(text)


def records_of(writer: str, first: int, event: Any) -> list[Record]:
    kind = event.WhichOneof("event")
    if kind == "media_logged":
        message = event.media_logged
        row = {message.key: json_value(message.value_json)}
        number, time = first + event.index, message.time or event.time
        return [
            Record(writer, number, time, "row", None, row, message.step, message.masked, media=True, told=event.time)
        ]
    if kind != "metric_logged":
        return [Record(writer, first + event.index, event.time, kind, getattr(event, kind) if kind else None)]
    message = event.metric_logged
    records = []
    for place in range(message.rows):
        index = message.indexes[place] if message.indexes else event.index + place
        row = {}
        for column in message.columns:
            value = getattr(column, column.WhichOneof("values")).values[place]
            row[column.key] = json_value(value) if column.WhichOneof("values") == "json" else value
        masked = bool(message.flags) and bool(message.flags[place] & 1)
        number = first + index
        record = Record(writer, number, message.times[place], "row", None, row, message.steps[place], masked)
        records.append(record)
    return records


def write(leaves: dict[str, Any], path: str, value: Any) -> None:
    """The newer shape replaces what is above and below it."""
    for other in list(leaves):
        if other.startswith(path + SEPARATOR) or path.startswith(other + SEPARATOR):
            del leaves[other]
    leaves[path] = value


def remove(leaves: dict[str, Any], path: str) -> None:
    """A path and what is below it."""
    for other in list(leaves):
        if other == path or other.startswith(path + SEPARATOR):
            del leaves[other]


def nested(leaves: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        *branches, label = path.split(SEPARATOR)
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[label] = value
    return tree


class ReferenceRun:
    """What a run is once these batches have arrived, in this order."""

    def __init__(self, name: tuple[str, str, str]) -> None:
        self.name = name
        self.writers: dict[str, Writer] = {}
        self.updated_at = 0.0

    def take(self, writer: bytes, first: int, count: int, received_at: float, events: list[Any]) -> None:
        name = writer.hex()
        known = self.writers.get(name, Writer(name))
        if count == 0:
            if first != known.position + 1:
                return
            self.writers[name] = known
            for event in events:
                kind = event.WhichOneof("event")
                if kind == "writer_ended":
                    known.announced = max(known.announced, event.writer_ended.last)
                if kind in ("writer_ended", "writer_silent") and known.state != "finished":
                    known.state = "ended" if kind == "writer_ended" else "silent"
            self.updated_at = max(self.updated_at, received_at)
            return
        if first + count - 1 <= known.position:
            return
        self.writers[name] = known
        if known.state in ("ended", "silent"):
            known.state = "running"
        known.lost += max(0, first - 1 - known.position)
        fresh = [
            record for event in events for record in records_of(name, first, event) if record.number > known.position
        ]
        for record in sorted(fresh, key=lambda record: record.number):
            known.records.append(record)
            if record.kind == "run_finished":
                known.state, known.exit_code = "finished", record.message.exit_code
            if record.kind == "records_lost":
                known.lost += record.message.count
        known.position = first + count - 1
        self.updated_at = max(self.updated_at, received_at)

    def records(self) -> list[Record]:
        """All records, in the order in which they count."""
        found = []
        for writer in self.writers.values():
            latest = 0.0
            for record in writer.records:
                latest = max(latest, record.moment())
                record.stamp_time = latest
                record.attempt = writer.attempt()[1]
                found.append(record)
        found.sort(key=Record.stamp)
        undone = taken_back(found)
        return [record for record in found if not (record.by_person() and record.writer in undone)]

    def spans(self) -> dict[int, tuple[float, float]]:
        spans: dict[int, tuple[float, float]] = {}
        for writer in self.writers.values():
            if writer.records and not writer.only_edits():
                attempt = writer.attempt()[1]
                start = max(0.0, writer.records[0].moment())
                low, high = spans.get(attempt, (math.inf, -math.inf))
                spans[attempt] = min(low, start), max(high, writer.clock())
        return spans

    def zero_time(self, attempt: int) -> float:
        spans = self.spans()
        earlier = 0.0
        for other in sorted(spans):
            if other < attempt:
                earlier += spans[other][1] - spans[other][0]
        return spans[attempt][0] - earlier

    def rewinds(self) -> list[list[int]]:
        """Attempts that went back, and to which step."""
        rewound = [record for record in self.records() if record.kind == "run_rewound"]
        return [list(found) for found in sorted({(record.attempt, record.message.step) for record in rewound})]

    def rewound_to(self, attempt: int) -> int | None:
        steps = [
            record.message.step
            for record in self.records()
            if record.kind == "run_rewound" and record.attempt > attempt
        ]
        return min(steps, default=None)

    def metrics(self) -> list[dict[str, Any]]:
        """The definitions, one said after the other; "asked" is the place of the last one that asked for a summary."""
        found: dict[str, dict[str, Any]] = {}
        for place, record in enumerate(self.records()):
            if record.kind != "metric_defined":
                continue
            said = record.message
            if said.overwrite or said.name not in found:
                found[said.name] = {"name": said.name, "summary": [], "asked": -1}
            metric = found[said.name]
            metric |= {f: getattr(said, f) for f in ("step_metric", "step_sync", "hidden", "goal") if said.HasField(f)}
            if said.summary:
                metric["asked"] = place
                metric["summary"] = [kind for kind in KINDS if kind in (*metric["summary"], *said.summary)]
        for metric in found.values():
            metric.setdefault("step_metric", None)
            metric.setdefault("step_sync", metric["step_metric"] is not None)
            metric.setdefault("hidden", False)
            metric.setdefault("goal", None)
            metric["at"] = None
        return [found[name] for name in sorted(found)]

    def metric_of(self, path: str) -> dict[str, Any] | None:
        key = path.replace(SEPARATOR, ".")
        fitting = [metric for metric in self.metrics() if metric["name"] == key]
        if not fitting:
            fitting = [m for m in self.metrics() if m["name"].endswith("*") and key.startswith(m["name"][:-1])]
        return max(fitting, key=lambda metric: len(metric["name"]), default=None)

    def summarised(self, path: str, value: Any, logged: bool, by_hand: int) -> dict[str, Any]:
        """What stands for a key's last value."""
        metric = self.metric_of(path)
        if not logged or metric is None or by_hand > metric["asked"] or set(metric["summary"]) <= {"copy"}:
            return {path: value}
        if "none" in metric["summary"]:
            return {}
        numbers = self.statistics()[path]
        low = -math.inf if numbers["-inf"] else numbers["min"]
        high = math.inf if numbers["inf"] else numbers["max"]
        if low is None and numbers["inf"]:
            low = math.inf
        if high is None and numbers["-inf"]:
            high = -math.inf
        if low is None and numbers["nan"]:
            low = high = math.nan
        known = {"min": low, "max": high, "best": high if metric["goal"] == "maximize" else low}
        known |= {"first": numbers["first"], "last": numbers["last"]}
        return {
            path + SEPARATOR + kind: known[kind]
            for kind in metric["summary"]
            if kind in known and known[kind] is not None
        }

    def summary(self) -> dict[str, Any]:
        leaves: dict[str, Any] = {}
        by_hand: dict[str, int] = {}
        logged: dict[str, bool] = {}
        for place, record in enumerate(self.records()):
            if record.kind == "row" and not record.masked:
                for path, value in record.row.items():
                    if value is not None:
                        write(leaves, path, value)
                        logged[path] = True
            elif record.kind in ("summary_updated", "run_annotated"):
                message = record.message if record.kind == "summary_updated" else record.message.summary
                for path in message.removed:
                    remove(leaves, path)
                    by_hand[path] = place
                for path, value in json.loads(message.set_json or "{}").items():
                    write(leaves, path, value)
                    by_hand[path], logged[path] = place, False
        shown = [self.summarised(path, leaf, logged[path], by_hand.get(path, -1)) for path, leaf in leaves.items()]
        leaves = {path: value for found in shown for path, value in found.items()}
        rows = [record for record in self.records() if record.kind == "row" and not record.masked and not record.media]
        if not rows:
            return nested(leaves)
        last = rows[-1]
        runtime = last.time - self.zero_time(last.attempt)
        return nested(leaves) | {"_step": last.step, "_timestamp": last.time, "_runtime": runtime}

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = {}
        for record in self.records():
            if record.kind in ("config_set", "run_annotated"):
                message = record.message if record.kind == "config_set" else record.message.config
                for key in message.removed:
                    config.pop(key, None)
                config |= json.loads(message.set_json or "{}")
        return config

    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": "", "group": "", "job_type": "", "notes": "", "tags": [], "deleted": False}
        found |= {"sweep": "", "trial": None}
        found |= {"host": "", "user": "", "command": [], "program": "", "python_version": "", "git": None}
        for record in self.records():
            message = record.message
            if record.kind in ("run_started", "run_resumed"):
                for name in ("host", "user", "program", "python_version"):
                    found[name] = getattr(message.process, name)
                found["command"] = list(message.process.command)
            if record.kind in ("run_started", "run_resumed", "source_captured") and message.HasField("git"):
                found["git"] = {name: getattr(message.git, name) for name in ("remote", "commit", "branch", "dirty")}
            if record.kind in ("run_started", "run_resumed", "run_annotated"):
                for name in ("name", "group", "job_type", "notes"):
                    if message.fields.HasField(name):
                        found[name] = getattr(message.fields, name)
                if message.fields.HasField("tags"):
                    found["tags"] = list(message.fields.tags.values)
                if message.fields.HasField("sweep_id"):
                    found |= {"sweep": message.fields.sweep_id, "trial": message.fields.sweep_trial or None}
            if record.kind in ("run_deleted", "run_restored"):
                found["deleted"] = record.kind == "run_deleted"
        return found

    def state(self) -> tuple[str, int | None]:
        writers = list(self.writers.values())
        primary = [writer for writer in writers if writer.attempt()[0] in ("started", "resumed")]
        attached = [writer for writer in writers if writer.attempt()[0] == "attached"]
        unknown = [
            writer
            for writer in writers
            if not writer.attempt()[0]
            and (writer.exit_code is not None or any(r.kind == "row" and not r.masked for r in writer.records))
        ]
        speakers = primary or attached or unknown
        latest = [writer for writer in speakers if writer.attempt()[1] == max(w.attempt()[1] for w in speakers)]
        if any(writer.state == "running" for writer in latest):
            return "running", None
        finished = [writer for writer in latest if writer.state == "finished"]
        if not finished:
            return "crashed", None
        code = max(finished, key=lambda writer: (writer.clock(), writer.name)).exit_code
        return ("failed" if code else "finished"), code

    def counted(self, kind: str) -> int:
        return sum(
            getattr(record.message, "count", 1)
            for writer in self.writers.values()
            for record in writer.records
            if record.kind == kind
        )

    def view(self) -> dict[str, Any]:
        """What must be equal to the run's view, but for the list of writers."""
        writers = [writer for writer in self.writers.values() if not writer.only_edits()]
        state, exit_code = self.state()
        spans = self.spans()
        lost, refused = sum(writer.lost for writer in writers), self.counted("record_refused")
        steps = []
        for record in self.records():
            if record.kind == "row" and not record.masked:
                limit = self.rewound_to(record.attempt)
                steps.append(record.step if limit is None else min(record.step, limit))
        fields = self.fields()
        return {
            **dict(zip(("entity", "project", "run_id"), self.name, strict=True)),
            **fields,
            "name": fields["name"] or self.name[2],
            "state": state,
            "exit_code": exit_code,
            "created_at": min((start for start, _ in spans.values()), default=self.updated_at),
            "updated_at": self.updated_at,
            "duration_s": sum(end - start for start, end in spans.values()),
            "attempts": max((writer.attempt()[1] for writer in writers), default=1),
            "last_step": max(steps, default=None),
            "forked_from": None,
            "rewinds": self.rewinds(),
            "config": self.config(),
            "edited_at": edited_at(list(self.writers.values())),
            "summary": self.summary(),
            "metrics": [{k: v for k, v in metric.items() if k != "asked"} for metric in self.metrics()],
            "records": {
                "stored": sum(writer.position for writer in writers) - lost - refused,
                "expected": sum(max(writer.position, writer.announced) for writer in writers),
                "masked": sum(r.masked and not r.media for writer in writers for r in writer.records),
                "refused": refused,
                "dropped": self.counted("records_dropped"),
                "lost": lost,
                "unreadable": sum(record.kind is None for writer in writers for record in writer.records),
                "unindexed": 0,
            },
        }

    def replaced(self, record: Record, key: str) -> bool:
        """Whether the next value that its writer has of the key is of the same step."""
        for other in self.writers[record.writer].records:
            if other.number > record.number and not other.masked and other.row.get(key) is not None:
                return other.step == record.step
        return False

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Of the values that count, the last of each step: finite numbers and their statistics, and how many were none."""
        found: dict[str, dict[str, Any]] = {}
        values: dict[str, list[Any]] = {}
        records = [record for record in self.records() if record.kind == "row" and not record.masked]
        for key in {key for record in records for key in record.row}:
            values[key] = []
            for record in records:
                if record.row.get(key) is not None and not self.replaced(record, key):
                    values[key].append(record.row[key])
        for key, logged in values.items():
            numbers = [+value for value in logged if isinstance(value, int | float)]
            finite = [value for value in numbers if math.isfinite(value)]
            said = [value for value in logged if value is not None]
            found[key] = {
                "count": len(finite),
                "min": min(finite, default=None),
                "max": max(finite, default=None),
                "sum": sum(finite),
                "nan": sum(math.isnan(value) for value in numbers),
                "inf": sum(value == math.inf for value in numbers),
                "-inf": sum(value == -math.inf for value in numbers),
                "first": said[0] if said else None,
                "last": said[-1] if said else None,
            }
        return found

    def history(
        self,
        keys: list[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        masked: bool = False,
        all_attempts: bool = False,
        carried: bool = False,
    ) -> list[dict[str, Any]]:
        """The rows: of each lane one for each step, in order, without what is hidden; with ``carried`` they have the step
        metrics that they were logged without.
        """
        wanted = None if keys is None else set(keys) - {"_step", "_timestamp", "_runtime"}
        rows: dict[tuple[int, str, int], dict[str, Any]] = {}
        for writer in self.writers.values():
            for record in writer.records:
                limit = self.rewound_to(writer.attempt()[1])
                values = {key.replace(SEPARATOR, "."): value for key, value in record.row.items()}
                if wanted:
                    values = {key: value for key, value in values.items() if key in wanted}
                elif wanted is not None:
                    values = {}
                hidden = record.kind != "row" or (record.masked and not masked) or (bool(wanted) and not values)
                hidden |= min_step is not None and record.step < min_step
                hidden |= max_step is not None and record.step >= max_step
                hidden |= limit is not None and record.step > limit and not all_attempts
                if not hidden:
                    row = rows.setdefault((writer.attempt()[1], writer.name, record.step), {"values": {}})
                    row["values"] |= values
                    row["time"], row["record"] = record.time, record.number
        shown = []
        for (attempt, name, step), row in rows.items():
            later = [row["values"] for (other, _, same), row in rows.items() if other > attempt and same == step]
            if later and not all_attempts:
                taken = {key for values in later for key in values}
                visible = {key: value for key, value in row["values"].items() if key not in taken}
                if not visible:
                    continue
            else:
                visible = row["values"]
            if carried:
                carried_along = self.with_step_metrics(visible, name, step, masked, all_attempts)
                visible = {key: value for key, value in carried_along.items() if keys is None or key in keys}
            place = (attempt, step, row["time"], name, row["record"])
            own = {"_step": step, "_timestamp": row["time"], "_runtime": row["time"] - self.zero_time(attempt)}
            shown.append((place, own | visible))
        return [row for _, row in sorted(shown, key=lambda entry: entry[0])]

    def with_step_metrics(
        self, values: dict[str, Any], writer: str, step: int, masked: bool, all_attempts: bool
    ) -> dict[str, Any]:
        """The values and, of step metrics that are not among them, the latest that the writer had by then."""
        found = dict(values)
        limit = self.rewound_to(self.writers[writer].attempt()[1])
        for key in values:
            metric = self.metric_of(key)
            name = metric["step_metric"] if metric and metric["step_sync"] else None
            if not name or name in values:
                continue
            told: dict[int, Any] = {}
            for record in self.writers[writer].records:
                shown = {path.replace(SEPARATOR, "."): value for path, value in record.row.items()}
                hidden = record.kind != "row" or (record.masked and not masked) or record.step > step
                hidden |= limit is not None and record.step > limit and not all_attempts
                if not hidden and name in shown:
                    told[record.step] = shown[name]
            if told and isinstance(told[max(told)], int | float):
                found[name] = told[max(told)]
        return found
