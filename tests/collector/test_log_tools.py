"""Compressing, archiving and checking a log: whatever is done to its segments, and whenever that is killed, every batch
stays what it was; and whatever is damaged is told."""

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.compression import ToolError, archive_log, compress_log
from runwell_collector.log import LogDamagedError, NewBatch, RunId, StoredBatch, open_log_reader
from runwell_collector.log.compressed import CompressedSegment, compressed_path
from runwell_collector.log.files import compressed_offsets, segment_files
from runwell_collector.log.planes import float_spans, put_together, taken_apart
from runwell_collector.log.segment import first_offsets, segment_path
from runwell_collector.log.sqlite import open_event_log
from runwell_collector.verify import Findings, verify_log
from tests.collector.sender import encoded, rows

SEGMENT_BYTES = 130_000
WRITERS = [bytes([number]) * 16 for number in range(1, 4)]
ROOT = Path(__file__).parents[2]


def quiet(done: int, end: int) -> None:
    assert 0 <= done <= end


def events_of(dice: random.Random, count: int) -> tuple[int, bytes]:
    """A batch's codec and bytes: rows of numbers, of which some are no ordinary ones."""
    odd = [float("nan"), float("inf"), -0.0, 5e-324]
    data = encoded(rows([dice.choice([dice.random(), dice.choice(odd)]) for _ in range(count)]))
    if dice.random() < 0.2:
        return collector_pb2.CODEC_ZLIB, zlib.compress(data)
    return collector_pb2.CODEC_NONE, data


async def fill(log_dir: Path, groups: int = 30, seed: int = 1) -> None:
    """Batches of three writers, a third of them in each; goes on where the log is."""
    dice = random.Random(seed)
    async with open_event_log(log_dir, SEGMENT_BYTES) as log:
        for _ in range(groups):
            group = []
            for number, writer in enumerate(WRITERS):
                at = await log.position(writer)
                durable, chain = (at.durable, at.chain) if at else (0, 0)
                count = dice.randint(1, 200)
                codec, data = events_of(dice, count)
                run = RunId("lab", "digits", f"r{number}")
                after = dice.getrandbits(32)
                group.append(NewBatch(run, writer, durable + 1, count, chain, after, dice.random(), codec, data))
            await log.append(group)


async def fill_with_small_batches(log_dir: Path, count: int) -> None:
    run, data = RunId("lab", "digits", "r"), encoded(rows([1.0]))
    batches = [
        NewBatch(run, WRITERS[0], first, 1, 0, 0, 1.0, collector_pb2.CODEC_NONE, data) for first in range(1, count + 1)
    ]
    async with open_event_log(log_dir) as log:
        await log.append(batches)


def filled(data_dir: Path) -> Path:
    asyncio.run(fill(data_dir / "log"))
    assert len(first_offsets(data_dir / "log")) > 3
    return data_dir / "log"


def everything(data_dir: Path) -> list[StoredBatch]:
    found: list[StoredBatch] = []
    with closing(open_log_reader(data_dir)) as reader:
        while batches := reader.read(len(found), batches_max=7):
            found += batches
    return found


def verified(log_dir: Path, archive: Path | None = None) -> Findings:
    return verify_log(log_dir, archive, quiet)


def test_a_compressed_and_archived_log_is_read_as_before(tmp_path: Path):
    """Every batch and position stays the same to the last bit, the log is appended to as before, and takes less space."""
    log_dir = filled(tmp_path / "D")
    before, positions = (
        everything(tmp_path / "D"),
        {first: stated(path) for first, path in segment_files(log_dir).items()},
    )
    size = compress_log(log_dir, quiet)
    assert 0 < size.after < size.before
    assert len(first_offsets(log_dir)) == 1
    assert everything(tmp_path / "D") == before
    assert {first: stated(path) for first, path in segment_files(log_dir).items()} == positions
    assert archive_log(log_dir, tmp_path / "A", quiet) == len(positions) - 1
    assert not compressed_offsets(log_dir)
    assert everything(tmp_path / "D") == before
    asyncio.run(fill(log_dir, seed=2))
    assert everything(tmp_path / "D")[: len(before)] == before
    compress_log(log_dir, quiet)
    archive_log(log_dir, tmp_path / "A", quiet)
    found = verified(log_dir)
    assert not found.damages
    assert (found.batches, found.writers, found.runs) == (180, 3, 3)
    assert found.records == sum(batch.count for batch in everything(tmp_path / "D"))
    assert found.compressed == found.segments - 1


def stated(path: Path) -> list[tuple[object, ...]]:
    """The positions at the end of a segment of either form."""
    if path.suffix != ".db":
        with closing(CompressedSegment(path)) as segment:
            return [(*writer,) for writer in segment.writers]
    with closing(sqlite3.connect(path)) as connection:
        return list(
            connection.execute(
                "SELECT number, id, entity, project, run_id, durable, chain, mark FROM writer JOIN position ON writer = number"
            )
        )


def test_a_kill_at_each_step_loses_nothing(tmp_path: Path):
    """Killed before each sync, rename and removal in turn, every batch is read; the next call brings it to its end."""
    asyncio.run(fill(tmp_path / "D" / "log", groups=20))
    command = [sys.executable, "-m", "tests.collector.killed_tools", str(tmp_path / "D"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x55
    path.write_bytes(data)


Damage = Callable[[Path, list[int]], object]

DAMAGES: dict[str, tuple[Damage, str]] = {
    "a byte of a batch": (
        lambda log, firsts: change(
            segment_path(log, firsts[-1]),
            "UPDATE batch SET events = x'00' WHERE log_offset = (SELECT min(log_offset) FROM batch)",
        ),
        "its bytes are not what was written",
    ),
    "a batch is gone": (
        lambda log, firsts: change(
            segment_path(log, firsts[-1]),
            "DELETE FROM batch WHERE log_offset = (SELECT min(log_offset) + 1 FROM batch)",
        ),
        "are missing",
    ),
    "records are gone": (
        lambda log, firsts: change(
            segment_path(log, firsts[-1]),
            "UPDATE batch SET first = first + 1 WHERE log_offset = (SELECT max(log_offset) FROM batch)",
        ),
        "and this begins with",
    ),
    "a position": (
        lambda log, firsts: change(
            segment_path(log, firsts[-1]), "UPDATE position SET durable = durable + 1 WHERE writer = 1"
        ),
        "is stated at record",
    ),
    "a writer is gone": (
        lambda log, firsts: change(segment_path(log, firsts[-1]), "DELETE FROM writer WHERE number = 2"),
        "nothing is known of its writer",
    ),
    "a segment is gone": (lambda log, firsts: compressed_path(log, firsts[1]).unlink(), "are in no segment"),
    "a segment is cut": (
        lambda log, firsts: os.truncate(
            compressed_path(log, firsts[1]), compressed_path(log, firsts[1]).stat().st_size // 2
        ),
        "cannot be read",
    ),
    "a compressed block": (lambda log, firsts: flip(compressed_path(log, firsts[1]), 2000), "damaged"),
    "no SQLite file": (lambda log, firsts: segment_path(log, firsts[-1]).write_bytes(bytes(5000)), "cannot be read"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_told(tmp_path: Path, name: str):
    """A line names the file and what is wrong, `runwell verify` ends with 1, and what is whole is counted still."""
    log_dir = filled(tmp_path / "D")
    firsts = list(segment_files(log_dir))
    compress_log(log_dir, quiet)
    damage, line = DAMAGES[name]
    damage(log_dir, firsts)
    command = [sys.executable, "-m", "runwell", "verify", "--dir", str(tmp_path / "D")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert any(line in told for told in done.stdout.splitlines()), done.stdout
    assert "damages: " in done.stdout.splitlines()[-1]
    assert verified(log_dir).batches > 40


async def test_a_log_is_verified_while_it_grows(tmp_path: Path):
    """Checked between and during appends, over rotations and a compression, it is whole each time."""
    growing = asyncio.create_task(fill(tmp_path / "log", groups=60))
    checked = 0
    while not growing.done():
        if segment_files(tmp_path / "log"):
            found = await asyncio.to_thread(verified, tmp_path / "log")
            assert not found.damages
            checked += 1
            await asyncio.to_thread(compress_log, tmp_path / "log", quiet)
        await asyncio.sleep(0)
    await growing
    assert checked > 1
    assert verified(tmp_path / "log").batches == 180


def test_a_check_does_not_hold_the_write_ahead_log(tmp_path: Path):
    """What is appended while a long open segment is checked can be moved into its file before the check has ended."""
    asyncio.run(fill_with_small_batches(tmp_path / "log", 2_100))
    moved: list[tuple[int, ...]] = []
    with closing(sqlite3.connect(segment_path(tmp_path / "log", 1), isolation_level=None)) as appender:

        def meanwhile(done: int, end: int) -> None:
            if done == 1_000:
                appender.execute("PRAGMA user_version = 1")
            elif done == 2_000:
                moved.extend(appender.execute("PRAGMA wal_checkpoint(PASSIVE)"))

        found = verify_log(tmp_path / "log", None, meanwhile)
    assert (found.batches, found.damages) == (2_100, [])
    ((busy, frames, frames_moved),) = moved
    assert not busy
    assert frames_moved == frames > 0


def test_an_archive_that_is_away_is_told(tmp_path: Path):
    """Reading and verifying say what is missing; with the folder at another place the check finds it there."""
    log_dir = filled(tmp_path / "D")
    compress_log(log_dir, quiet)
    archive_log(log_dir, tmp_path / "A", quiet)
    (tmp_path / "A").rename(tmp_path / "B")
    with (
        closing(open_log_reader(tmp_path / "D")) as reader,
        pytest.raises(LogDamagedError, match="offset 1 is in none"),
    ):
        reader.read(0)
    assert any("are in no segment" in line for line in verified(log_dir).damages)
    assert not verified(log_dir, tmp_path / "B").damages


def test_another_logs_archive_is_left_alone(tmp_path: Path):
    """A folder that holds other segments of the same names is refused, and both logs keep theirs."""
    logs = [tmp_path / name for name in ("D", "E")]
    for number, data_dir in enumerate(logs):
        asyncio.run(fill(data_dir / "log", seed=number))
        compress_log(data_dir / "log", quiet)
    archive_log(logs[0] / "log", tmp_path / "A", quiet)
    with pytest.raises(ToolError, match="another file"):
        archive_log(logs[1] / "log", tmp_path / "A", quiet)
    assert [verified(data_dir / "log").damages for data_dir in logs] == [[], []]


@pytest.mark.parametrize("by", ["its own path", "a linked folder", "linked files"])
def test_the_log_is_no_archive_of_itself(tmp_path: Path, by: str):
    """However the folder leads back to the log's own files, it is refused and every batch is still there."""
    log_dir, folder = filled(tmp_path / "D"), tmp_path / "A"
    compress_log(log_dir, quiet)
    if by == "a linked folder":
        folder.symlink_to(log_dir)
    elif by == "linked files":
        folder.mkdir()
        for path in log_dir.glob("*.rwz"):
            (folder / path.name).symlink_to(path)
    with pytest.raises(ToolError, match="a folder of its own"):
        archive_log(log_dir, log_dir if by == "its own path" else folder, quiet)
    assert verified(log_dir).batches == 90


def test_an_archive_from_before_a_restore_adds_nothing(tmp_path: Path):
    """A log restored from a backup goes on alone, where the archive has what the lost one held at the same offsets."""
    log_dir = filled(tmp_path / "D")
    shutil.copytree(log_dir, tmp_path / "backup")
    asyncio.run(fill(log_dir, seed=2))
    compress_log(log_dir, quiet)
    archive_log(log_dir, tmp_path / "A", quiet)
    note = (log_dir / "archive.json").read_text()
    shutil.rmtree(log_dir)
    shutil.copytree(tmp_path / "backup", log_dir)
    for first in first_offsets(log_dir)[:2]:
        segment_path(log_dir, first).unlink()
    (log_dir / "archive.json").write_text(note)
    before = everything(tmp_path / "D")
    assert len(before) == 90
    asyncio.run(fill(log_dir, seed=3))
    assert everything(tmp_path / "D")[:90] == before
    found = verified(log_dir)
    assert (found.damages, found.batches) == ([], 180)


def test_a_segment_that_moves_while_it_is_looked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Wherever a look at the folders is interrupted by compressing and archiving, no segment is missing in what it saw."""
    log_dir = filled(tmp_path / "D")
    firsts = list(segment_files(log_dir))
    listdir = os.listdir
    for looks_before in range(3):
        copy, archive = tmp_path / f"D{looks_before}" / "log", tmp_path / f"A{looks_before}"
        shutil.copytree(log_dir, copy)
        tidying = iter([*[None] * looks_before, (copy, archive)])

        def listed(folder: Path, tidying: Iterator[tuple[Path, Path] | None] = tidying) -> list[str]:
            if moved := next(tidying, None):
                source, target = moved
                compress_log(source, quiet)
                archive_log(source, target, quiet)
            return listdir(folder)

        monkeypatch.setattr(os, "listdir", listed)
        assert list(segment_files(copy)) == firsts


def test_a_log_without_its_newest_segment_is_not_begun_anew(tmp_path: Path):
    """Older segments without the one that is appended to are a damage, and no reason to count from 1 again."""
    log_dir = filled(tmp_path / "D")
    compress_log(log_dir, quiet)
    segment_path(log_dir, first_offsets(log_dir)[-1]).unlink()
    with pytest.raises(LogDamagedError, match=r"newest \.db file is missing"):
        asyncio.run(fill(log_dir))


floats = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20)


@settings(max_examples=60)
@given(st.lists(st.one_of(st.binary(max_size=60), st.lists(floats, max_size=3)), max_size=5))
def test_taken_apart_and_put_together_is_the_same(parts: list[bytes | list[list[float]]]):
    """Whatever a batch holds, floats or garbage, its bytes come back."""
    batches = []
    for part in parts:
        if isinstance(part, bytes):
            batches.append(part)
        else:
            columns = [
                event_pb2.Column(key=str(key), f64=event_pb2.F64Values(values=column))
                for key, column in enumerate(part)
            ]
            metrics = event_pb2.MetricLogged(rows=1, columns=columns)
            batches.append(encoded(event_pb2.Event(metric_logged=metrics)))
    spans = [float_spans(collector_pb2.CODEC_NONE, data) for data in batches]
    rest, planes = taken_apart(list(zip(batches, spans, strict=True)))
    assert (
        put_together(rest, planes, [(len(data), found) for data, found in zip(batches, spans, strict=True)]) == batches
    )
