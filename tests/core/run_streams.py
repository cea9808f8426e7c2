"""Random runs: writers with rows and events, cut into batches, and the orders in which these may arrive."""

import json
import math
from dataclasses import dataclass, field
from random import Random
from typing import Any

from runwell.v1 import event_pb2

RUN = ("team", "digits", "run-1")
KEYS = ["a", "b", "x", "x\x1fa", "x\x1fb", "x\x1fa\x1fc"]

OTHER_EVENTS = [
    "config",
    "summary",
    "summary",
    "removed",
    "annotated",
    "annotated",
    "deleted",
    "restored",
    "dropped",
]
OTHER_EVENTS += [
    "media",
    "media",
    "media",
    "refused",
    "lost",
    "rewound",
    "metric",
    "metric",
    "future",
    "console",
    "source",
]
TEXTS = ["null", '"text"', "[1, null]", '{"_type": "histogram"}', '"\\ud800"']
JSON_VALUES = [0, 1.5, "s", None, [1], {"deep": {"er": 1}}, float("nan"), True]


def number(chance: Random) -> tuple[str, Any]:
    return chance.choice(
        [
            ("f64", chance.randint(-8, 8) / 4),
            ("f64", chance.choice([math.nan, math.inf, -math.inf])),
            ("i64", chance.choice([0, 1, -5, 2**53 + 1, 2**63 - 1])),
            ("bools", chance.choice([True, False])),
        ]
    )


def some_keys(chance: Random, most: int) -> list[str]:
    """Keys that one dict can hold: none of them is above another."""
    keys = chance.sample(KEYS, chance.randint(0, most))
    return [key for key in keys if not any(other.startswith(key + "\x1f") for other in keys)]


def values(chance: Random) -> dict[str, tuple[str, Any]]:
    """A row's values: a key's type may change from row to row."""
    return {
        key: number(chance) if chance.randint(0, 2) else ("json", chance.choice(TEXTS)) for key in some_keys(chance, 4)
    }


def settings(chance: Random) -> str:
    """What is set by hand, as JSON."""
    return json.dumps({key: chance.choice(JSON_VALUES) for key in some_keys(chance, 3)})


@dataclass
class Batch:
    """What the log would hold of one batch."""

    writer: bytes
    first: int
    count: int
    received_at: float
    events: list[event_pb2.Event] = field(default_factory=list)

    def copies(self) -> list[event_pb2.Event]:
        """The events for a fold, which may cut them."""
        return [event_pb2.Event.FromString(event.SerializeToString()) for event in self.events]


def run_fields(chance: Random) -> event_pb2.RunFields:
    fields = event_pb2.RunFields()
    for name in ("name", "group", "notes"):
        if chance.randint(0, 1):
            setattr(fields, name, chance.choice(["", "one", "two"]))
    if chance.randint(0, 1):
        fields.tags.values.extend(chance.sample(["red", "blue"], chance.randint(0, 2)))
    if fields.name:
        fields.sweep_id, fields.sweep_trial = {"one": ("s", 1), "two": ("t", 0)}[fields.name]
    return fields


def first_event(chance: Random, attempt: int, kind: str) -> event_pb2.Event:
    event = event_pb2.Event()
    if kind == "started":
        event.run_started.fields.CopyFrom(run_fields(chance))
        event.run_started.process.host = chance.choice(["here", "there"])
        if chance.randint(0, 1):
            event.run_started.git.commit = chance.choice(["c1", "c2"])
    elif kind == "resumed":
        event.run_resumed.attempt = attempt
        event.run_resumed.fields.CopyFrom(run_fields(chance))
        event.run_resumed.process.user = "somebody"
    else:
        event.writer_attached.attempt = attempt
        event.writer_attached.process.pid = 7
    return event


def define_metric(chance: Random, message: event_pb2.MetricDefined) -> None:
    message.name = chance.choice(["a", "b", "x.a", "x*", "x.*", "*", "y"])
    # Means are sums, which round another way in another order.
    message.summary.extend(chance.sample(["min", "max", "best", "first", "last", "none", "copy"], chance.randint(0, 2)))
    message.overwrite = chance.randint(0, 3) == 0
    for name, said in (("step_metric", ["b", "x.b"]), ("goal", ["minimize", "maximize"]), ("hidden", [True, False])):
        if chance.randint(0, 1):
            setattr(message, name, chance.choice(said))
    if chance.randint(0, 4) == 0:
        message.step_sync = chance.choice([True, False])


def log_media(chance: Random, message: event_pb2.MediaLogged, step: int) -> None:
    """A value of a row of before, or of one that the disk lost."""
    message.key, message.value_json = chance.choice(KEYS), chance.choice(TEXTS[1:])
    message.step = max(0, step - chance.randint(0, 2))
    message.masked = chance.randint(0, 5) == 0
    message.time = chance.choice([0.0, 1000.0 + chance.randint(0, 40)])


def other_event(chance: Random, step: int = 0) -> event_pb2.Event:
    kind = chance.choice(OTHER_EVENTS)
    event = event_pb2.Event()
    chosen = settings(chance)
    removed = chance.sample(KEYS, chance.randint(0, 2))
    if kind == "config":
        event.config_set.set_json = chosen
        event.config_set.removed.extend(removed)
    elif kind == "summary":
        event.summary_updated.set_json = chosen
    elif kind == "removed":
        event.summary_updated.removed.extend(removed)
        event.summary_updated.set_json = chosen
    elif kind == "annotated":
        event.run_annotated.fields.CopyFrom(run_fields(chance))
        event.run_annotated.summary.set_json = chosen
        event.run_annotated.config.removed.extend(removed)
        event.run_annotated.config.set_json = settings(chance)
        event.run_annotated.undoes = chance.choice([b"", bytes([chance.randint(1, 3)]) * 16])
    elif kind == "lost":
        event.records_lost.count = chance.randint(1, 3)
    elif kind == "dropped":
        event.records_dropped.count = 4
    elif kind == "media":
        log_media(chance, event.media_logged, step)
    elif kind == "metric":
        define_metric(chance, event.metric_defined)
    elif kind == "rewound":
        event.run_rewound.step = chance.randint(0, 6)
    elif kind == "source":
        event.source_captured.git.branch = "main"
    elif kind == "future":
        # An event of a version to come: field 1000, which this one does not know.
        event.MergeFromString(b"\xc2\x3e\x00")
    else:
        {
            "deleted": event.run_deleted,
            "restored": event.run_restored,
            "refused": event.record_refused,
            "console": event.console_logged,
        }[kind].SetInParent()
    return event


def writer_batches(chance: Random, number: int) -> list[Batch]:
    """One writer's batches, in its order."""
    writer = bytes([number]) * 16
    attempt = chance.randint(1, 3)
    kind = chance.choice(["started"] if attempt == 1 else ["resumed", "resumed", "attached"])
    time = 1000.0 + 10 * attempt + chance.randint(0, 3)
    step = chance.randint(0, 3)
    first, batches = 1, []
    for place in range(chance.randint(1, 4)):
        events: list[event_pb2.Event] = []
        rows: list[tuple[int, int, float, bool, dict[str, tuple[str, Any]]]] = []
        index = 0
        for _ in range(chance.randint(1, 5)):
            time += chance.choice([0.0, 0.5, 1.0, -3.0])
            if place == index == 0:
                event = first_event(chance, attempt, kind)
            elif chance.randint(0, 2):
                step += chance.randint(0, 2)
                masked = chance.randint(0, 5) == 0
                rows.append((index, max(0, step - 2 * masked), time, masked, values(chance)))
                index += 1
                continue
            else:
                event = other_event(chance, step)
            event.index, event.time = index, time
            events.append(event)
            index += event.records_lost.count if event.HasField("records_lost") else 1
        events = sorted([*events, *grouped(rows)], key=lambda event: event.index)
        batches.append(Batch(writer, first, index, 2000.0 + chance.randint(0, 9), events))
        first += index
        control = chance.choice([None, None, None, "silent", "ended"])
        if control:
            event = event_pb2.Event(time=1.0)
            if control == "silent":
                event.writer_silent.timeout_s = 60
            else:
                event.writer_ended.last = first - 1 + chance.randint(0, 2)
            batches.append(Batch(writer, first, 0, 2000.0 + chance.randint(0, 9), [event]))
    if chance.randint(0, 1):
        event = event_pb2.Event(time=time)
        event.run_finished.exit_code = chance.choice([0, 0, 3])
        batches.append(Batch(writer, first, 1, 2010.0, [event]))
    return batches


def grouped(rows: list[tuple[int, int, float, bool, dict[str, tuple[str, Any]]]]) -> list[event_pb2.Event]:
    """Rows of one schema as one event, as the forwarder does it."""
    schemas: dict[tuple[tuple[str, str], ...], list[Any]] = {}
    for row in rows:
        schemas.setdefault(tuple((key, kind) for key, (kind, _) in row[4].items()), []).append(row)
    events = []
    for schema, members in schemas.items():
        event = event_pb2.Event(index=members[0][0], time=members[0][2])
        message = event.metric_logged
        message.rows = len(members)
        places = [member[0] for member in members]
        if places != list(range(places[0], places[0] + len(places))):
            message.indexes.extend(places)
        message.steps.extend(member[1] for member in members)
        message.times.extend(member[2] for member in members)
        if any(member[3] for member in members):
            message.flags.extend(int(member[3]) for member in members)
        for key, kind in schema:
            column = message.columns.add(key=key)
            getattr(column, kind).values.extend(member[4][key][1] for member in members)
        events.append(event)
    return events


def runs(chance: Random, writers_max: int = 3) -> list[list[Batch]]:
    """The batches of each writer of a run."""
    return [writer_batches(chance, number) for number in range(1, 1 + chance.randint(1, writers_max))]


def deliveries(chance: Random, batches: list[list[Batch]], duplicates: bool = False) -> list[Batch]:
    """The batches in an order that keeps each writer's own; some come again later, when asked for."""
    order = [number for number, of_writer in enumerate(batches) for _ in of_writer]
    chance.shuffle(order)
    waiting = [list(of_writer) for of_writer in batches]
    delivered: list[Batch] = []
    for number in order:
        delivered.append(waiting[number].pop(0))
        if duplicates and chance.randint(0, 3) == 0:
            delivered.append(chance.choice(delivered))
    return delivered
