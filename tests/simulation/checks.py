"""What must hold, whatever went wrong: of each spool, of the log, and of every view."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from runwell.core.history import select
from runwell.v1 import event_pb2
from runwell_collector.log import StoredBatch, decode_events
from runwell_projector.dump import digest
from runwell_projector.files import ViewFiles
from tests.core.reference_run import ReferenceRun, records_of
from tests.simulation.reference_spool import Spool, Spooled, read_spool
from tests.simulation.training import Told, Trainer

if TYPE_CHECKING:
    from tests.simulation.world import World

SAFE_AFTER_S = 1.0
"""Of guarantee 1."""

AUXILIARY = {"clock_adjusted", "records_dropped"}
"""What a writer adds of its own accord."""


def text(value: Any) -> str:
    """For comparing values that may be NaN, types included."""
    return json.dumps(value, sort_keys=True)


# ---- The spool


def check_spool(world: "World", trainer: Trainer) -> None:
    """What a process left is what it was told, in that order, but for what the disk took back before its death."""
    written = world.ended[trainer.writer_id].written
    assert not written.damaged or trainer.process.refusals or trainer.directory.power_lost_at is not None, (
        "a spool has broken bytes in its middle"
    )
    if trainer.directory.power_lost_at is None and not _given_up(trainer):
        left = _Walk(trainer).over(written.prefix())
        assert all(told.dropped or not told.returned or told.held for told in left), (
            f"{trainer.writer_id[:6]} does not have {[told for told in left if told.returned][:3]}"
        )


def _given_up(trainer: Trainer) -> bool:
    """Whether bytes that a failed sync has thrown away did not come back, since the process was dead before it could write
    them again, or its disk refused that too.
    """
    refused = trainer.lane.writer.starved is not None or trainer.directory.failed_syncs > 1
    return trainer.directory.forgotten and (refused or not trainer.finished)


def _perhaps_dropped(told: Told) -> bool:
    """Of a call in which the process died nobody knows."""
    return told.dropped or (told.kind == "row" and not told.returned)


class _Walk:
    """Goes through a spool's records beside what the process was told."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._base = trainer.base
        self._dropped = self._dropped_told = 0

    def over(self, records: list[Spooled]) -> list[Told]:
        """What was told and is not there, at the end."""
        waiting = list(self._trainer.told)
        for record in records:
            if record.event is not None and record.kind in AUXILIARY:
                self._take_auxiliary(record, waiting)
                continue
            while waiting and (waiting[0].dropped or (not waiting[0].returned and self._fault(waiting[0], record))):
                self._dropped += _perhaps_dropped(waiting.pop(0))
            assert waiting, f"nobody said {record}"
            fault = self._fault(waiting.pop(0), record)
            assert not fault, f"{self._trainer.writer_id[:6]}: {fault}"
        return waiting

    def _take_auxiliary(self, record: Spooled, waiting: list[Told]) -> None:
        assert record.event is not None
        if record.kind == "records_dropped":
            self._dropped_told += record.event["records_dropped"]["count"]
            dropped = self._dropped + sum(_perhaps_dropped(told) for told in waiting)
            assert self._dropped_told <= dropped, f"{self._dropped_told} rows are told dropped, and {dropped} were"
            return
        jump_s = record.event["clock_adjusted"]["jump_s"]
        self._base += jump_s
        assert abs(jump_s) > 1.0, f"a jump of {jump_s} s is none"
        assert self._base in self._trainer.clock.offsets, f"the clock never was {self._base}"

    def _fault(self, told: Told, record: Spooled) -> str:
        """How the record is not what was told."""
        time = self._base + told.at
        if record.row is None:
            expected, found = {"time": time, told.kind: told.content}, record.event
        else:
            expected = {"row": told.content, "step": told.step, "masked": told.masked, "time": time}
            found = {"row": record.values(), "step": record.step, "masked": record.masked, "time": record.time}
        return "" if text(expected) == text(found) else f"record {record.number} is {found}, and was told {expected}"


def check_survivors(world: "World") -> None:
    """After a loss of power: what was logged a second before it is there, unless the disk had refused."""
    for trainer in world.trainers:
        before = world.ended[trainer.writer_id].written
        if trainer.process.refusals or trainer.directory.damaged or trainer.directory.power_lost_at is None:
            continue
        lost_at = min(trainer.directory.power_lost_at, trainer.died_at)
        left = read_spool(world.segments_of(trainer)).records
        for record in before.records.values():
            safe = record.number in left or record.time - trainer.base > lost_at - SAFE_AFTER_S
            if not safe and len(trainer.clock.offsets) == 1:
                raise AssertionError(f"{record} was not there after the power was back at {lost_at}")


# ---- The log


@dataclass
class Arrived:
    """One writer's records in the log."""

    run: tuple[str, str, str]
    records: list[Any]
    """A reference Record for each; None for one that is stated lost or refused."""
    stated: list[str]
    """For those: what is stated."""


def read_log(world: "World") -> tuple[list[StoredBatch], dict[str, Arrived]]:
    """The log as it is, and each writer's records in it, which are numbered 1, 2, 3, … without a gap."""
    arrived: dict[str, Arrived] = {}
    batches = list(world.log.log._batches)
    for batch in batches:
        writer = arrived.setdefault(batch.writer.hex(), Arrived(tuple(batch.run), [], []))
        assert batch.first == len(writer.records) + 1, f"offset {batch.offset} begins at record {batch.first}"
        assert writer.run == tuple(batch.run)
        if batch.count == 0:
            continue
        events = decode_events(batch.codec, batch.events).events
        found = sorted(_records(batch, events), key=lambda pair: pair[0])
        assert [number for number, _, _ in found] == list(range(batch.first, batch.first + batch.count))
        writer.records += [record for _, record, _ in found]
        writer.stated += [stated for _, _, stated in found]
    return batches, arrived


def _records(batch: StoredBatch, events: Any) -> Iterator[tuple[int, Any, str]]:
    for event in events:
        for record in records_of(batch.writer.hex(), batch.first, event):
            if record.kind == "records_lost":
                for place in range(record.message.count):
                    yield record.number + place, None, "lost"
            elif record.kind == "record_refused":
                yield record.number, None, "refused"
            else:
                yield record.number, record, ""


async def check_log_and_views(world: "World") -> None:
    """Each record of each spool is in the log once and as it was written, and every view is the reference's."""
    batches, arrived = read_log(world)
    restored = world.log.restores > 0
    for trainer in world.trainers:
        _check_arrived(world, trainer, arrived.get(trainer.writer_id), restored)
    _check_views(world, batches)


def _check_arrived(world: "World", trainer: Trainer, arrived: Arrived | None, restored: bool) -> None:
    written = world.ended[trainer.writer_id].written
    left = world.spool_of(trainer)
    prefix = written.prefix()
    damaged = left.damaged or bytes_changed(world, trainer, written)
    records, stated = (arrived.records, arrived.stated) if arrived is not None else ([], [])
    # What the forwarder read before the kernel forgot it is rightly there.
    surplus = len(records) - len(prefix)
    assert surplus <= 0 or trainer.directory.forgotten, f"{trainer.writer_id[:6]}: {surplus} records nobody wrote"
    if left.headed and not damaged and str(trainer.path) in world.system.directories:
        there = len(left.prefix())
        assert len(records) >= there, f"of {there} records of {trainer.writer_id[:6]} {len(records)} arrived"
    for record, how, told in zip(records, stated, prefix, strict=False):
        if record is None:
            invalid = told.event is not None and told.event.get("config_set", {}).get("set_json") == "no JSON"
            excused = invalid if how == "refused" else False
            assert excused or damaged or told.number not in left.records, f"{told} is stated {how} without need"
        else:
            assert text(_plain(record)) == text(_plain(_told(trainer, told))), f"{told} arrived as {record}"


def bytes_changed(world: "World", trainer: Trainer, written: Spool) -> bool:
    """Whether some record that was written is not in the spool any more, or differs."""
    left = world.spool_of(trainer)
    return any(
        number not in left.records or left.records[number].crc != record.crc
        for number, record in written.records.items()
    )


def _told(trainer: Trainer, told: Spooled) -> Any:
    (record,) = records_of(trainer.writer_id, told.number, told.message(0))
    return record


def _plain(record: Any) -> Any:
    message = None if record.message is None else json_format.MessageToDict(record.message)
    return [record.number, record.time, record.kind, message, record.row, record.step, record.masked]


# ---- The views


def references(batches: list[StoredBatch]) -> dict[tuple[str, str, str], ReferenceRun]:
    """What every run is, by the reference."""
    runs: dict[tuple[str, str, str], ReferenceRun] = {}
    for batch in batches:
        name = tuple(batch.run)
        run = runs.setdefault(name, Settled(name))
        events = event_pb2.Events.FromString(decode_events(batch.codec, batch.events).SerializeToString()).events
        run.take(batch.writer, batch.first, batch.count, batch.received_at, list(events))
    return runs


def _check_views(world: "World", batches: list[StoredBatch]) -> None:
    expected = references(batches)
    with world.reading() as views:
        total, shown = views.runs(limit=1000)
        assert total == len(shown) == len(expected), f"{total} runs are shown, and there are {len(expected)}"
        for name, run in expected.items():
            view = views.run(*name)
            assert view is not None
            writers = view.pop("writers")
            reference = run.view()
            faults = [key for key in reference if text(view.get(key)) != text(reference[key])]
            assert not faults, f"{name}: " + "; ".join(
                f"{key} is {view.get(key)}, and should be {reference[key]}" for key in faults
            )
            assert {writer["writer"] for writer in writers} == set(run.writers)
            _check_history(views, name, run)
        assert views.status()["poisoned"]["batches"] == 0
    _check_rebuilt(world, batches)


class Settled(ReferenceRun):
    """A reference to which nothing comes any more: what it has found out stays true."""

    @cache  # noqa: B019 - it lives as long as one check
    def records(self) -> list[Any]:
        return super().records()

    @cache  # noqa: B019
    def spans(self) -> dict[int, tuple[float, float]]:
        return super().spans()

    @cache  # noqa: B019
    def rewound_to(self, attempt: int) -> int | None:
        return super().rewound_to(attempt)


SELECTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"masked": True, "all_attempts": True},
    {"keys": ["loss", "lr"], "min_step": 2, "max_step": 9},
)


def _check_history(views: Any, name: tuple[str, str, str], run: ReferenceRun) -> None:
    for selection in SELECTIONS:
        found, cursor = views.history(*name, select(**selection))
        assert cursor is None
        expected = run.history(**selection)
        assert text(found) == text(expected), f"{name} {selection}: {_first_difference(found, expected)}"
    rows = run.history(keys=["loss"])
    series = views.series(*name, ["loss"])["loss"]
    assert text(list(series["values"])) == text([row["loss"] for row in rows])
    assert list(series["steps"]) == [row["_step"] for row in rows]


def _first_difference(found: list[Any], expected: list[Any]) -> str:
    for place, (one, other) in enumerate(zip(found, expected, strict=False)):
        if text(one) != text(other):
            return f"row {place} is {one}, and should be {other}"
    return f"{len(found)} rows, and there should be {len(expected)}"


def _check_rebuilt(world: "World", batches: list[StoredBatch]) -> None:
    """New views of the same log are equal to those that lived through all this."""
    from runwell_projector.projection import Projection
    from runwell_projector.schema import create_views

    if not batches or world.faults.chance.random() < 0.7:
        return
    path = world.data_dir / "rebuilt.db"
    with closing(create_views(path)) as connection:
        assert isinstance(connection, sqlite3.Connection)
        projection = Projection(connection)
        projection.begin_log(world.log.log.log_id)
        projection.apply(batches)
    serving = ViewFiles(world.data_dir).serving()
    assert serving is not None
    assert digest(serving) == digest(path), "rebuilt views differ"
