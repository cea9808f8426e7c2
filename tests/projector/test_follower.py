"""Which views file is written: continued, built beside, swapped; and what happens when the disk is full."""

import asyncio
import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runwell.core import limits
from runwell.core.fold import FOLD_VERSION
from runwell_collector.log import open_log_reader
from runwell_projector import service
from runwell_projector.dump import digest
from runwell_projector.files import ViewFiles
from runwell_projector.follower import IDLE_STEPS_PER_CHECK, REMOVE_AFTER_S, Follower, Outcome
from runwell_projector.query import Views, wait_for_log_end
from runwell_projector.rebuild import RebuildError, rebuild
from tests.core.run_streams import Batch
from tests.projector.stored import append, scalars, simple_run, stored

HOLD_LOCK = """
import sys
from pathlib import Path
from runwell_projector.files import ViewFiles
with ViewFiles(Path(sys.argv[1])).locked("building"):
    print("held", flush=True)
    sys.stdin.read()
"""


class Bench:
    """A follower with a disk and a clock of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.files = ViewFiles(data_dir)
        self.free_bytes = 1 << 40
        self.now = 0.0
        self.said: list[str] = []
        self.log = open_log_reader(data_dir)
        self.follower = Follower(self.files, self.log, lambda: self.free_bytes, lambda: self.now, self.said.append)

    def follow(self) -> None:
        """Steps until there is nothing new."""
        while self.follower.step() is not Outcome.IDLE:
            assert self.follower.reason is None

    def check(self) -> None:
        """As many idle steps as it takes to look at the files."""
        for _ in range(IDLE_STEPS_PER_CHECK + 1):
            self.follower.step()

    def names(self) -> set[str]:
        return {path.name for path in self.files.directory.glob("views-*.db")}

    def close(self) -> None:
        self.follower.close()
        self.log.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(Bench(tmp_path)) as made:
        yield made


async def test_follows_a_log_that_begins_later_and_grows(bench: Bench):
    """Before there is a log the views are empty and serve; what is appended appears, and a restart goes on from there."""
    bench.follow()
    with Views.open(bench.data_dir) as views:
        assert (views.position(), views.runs(), views.projects()) == (0, (0, []), [])
        await append(bench.data_dir, simple_run("one", 1))
        bench.follow()
        assert views.position() == 5
        bench.close()
        await append(bench.data_dir, simple_run("two", 2))
        again = Bench(bench.data_dir)
        again.follow()
        again.close()
        assert {run["name"] for run in views.runs()[1]} == {"one", "two"}
    assert bench.names() == {f"views-{FOLD_VERSION}.1.db"}


async def test_a_chunk_cut_by_its_size_is_not_the_end(bench: Bench):
    """While the log holds more than was read at once, be it by number or by bytes, the next step follows at once."""
    writer = bytes([1]) * 16
    large = [Batch(writer, 1 + number * 4_000, 4_000, 3000.0, [scalars(1, 4_000, keys=10)]) for number in range(14)]
    await append(bench.data_dir, stored(large))
    outcomes = [bench.follower.step() for _ in range(4)]
    assert outcomes == [Outcome.MORE, Outcome.MORE, Outcome.APPLIED, Outcome.IDLE]


async def test_too_little_space_pauses_until_there_is_more(bench: Bench):
    """Below the limit nothing is written, it is not ready and says why once; with space again it goes on by itself."""
    await append(bench.data_dir, simple_run("one", 1))
    bench.free_bytes = limits.VIEWS_FREE_BYTES_MIN - 1
    assert [bench.follower.step() for _ in range(3)] == [Outcome.PAUSED] * 3
    assert not bench.follower.ready
    assert len(bench.said) == 1
    assert "2047 MiB are free" in bench.said[0]
    bench.free_bytes = limits.VIEWS_FREE_BYTES_MIN
    bench.follow()
    assert bench.follower.ready
    assert wait_for_log_end(bench.data_dir, 0)
    assert bench.said[1:] == ["goes on"]


async def test_a_restored_log_is_noticed_and_views_are_built_beside(bench: Bench):
    """Another log id: the old views serve, without being called consistent, until new ones have caught up."""
    await append(bench.data_dir, simple_run("old", 1))
    bench.follow()
    shutil.rmtree(bench.data_dir / "log")
    await append(bench.data_dir, simple_run("new", 1, batches=5))
    for _ in range(IDLE_STEPS_PER_CHECK):
        if bench.follower.step() is Outcome.IDLE and bench.follower.building:
            break
    assert bench.follower.building
    assert "restored" in bench.said[-1]
    with Views.open(bench.data_dir) as views:
        assert [run["name"] for run in views.runs()[1]] == ["old"]
        assert not wait_for_log_end(bench.data_dir, 0)
        bench.follow()
        assert [run["name"] for run in views.runs()[1]] == ["new"]
        assert wait_for_log_end(bench.data_dir, 0)
    assert bench.follower.ready


async def test_a_log_that_ends_earlier_is_built_anew(bench: Bench, tmp_path: Path):
    """A log restored from an older backup with its id kept is noticed by its end."""
    await append(bench.data_dir, simple_run("one", 1))
    shutil.copytree(bench.data_dir / "log", tmp_path / "backup")
    await append(bench.data_dir, simple_run("two", 2))
    bench.follow()
    bench.close()
    shutil.rmtree(bench.data_dir / "log")
    shutil.move(tmp_path / "backup", bench.data_dir / "log")
    again = Bench(bench.data_dir)
    again.follow()
    again.close()
    assert "ends at offset 5, before the views' 10" in again.said[0]
    with Views.open(bench.data_dir) as views:
        assert [run["name"] for run in views.runs()[1]] == ["one"]


@pytest.mark.parametrize("damage", ["version", "bytes"])
async def test_views_that_do_not_fit_are_built_anew_beside(bench: Bench, damage: str):
    """Views of another fold version, or damaged ones, are left as they are and replaced once new ones are complete."""
    await append(bench.data_dir, simple_run("one", 1))
    bench.follow()
    bench.close()
    path = bench.files.serving()
    assert path
    if damage == "version":
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE checkpoint SET fold_version = 0")
    else:
        path.write_bytes(b"no database " * 1000)
    again = Bench(bench.data_dir)
    again.follow()
    again.close()
    assert again.files.serving() != path
    with Views.open(bench.data_dir) as views:
        assert [run["name"] for run in views.runs()[1]] == ["one"]
    assert path.exists()


async def test_rebuild_while_the_projector_follows(bench: Bench):
    """A rebuild swaps equal views in; open readers and the projector go on in them, and old ones go after a while."""
    await append(bench.data_dir, simple_run("one", 1))
    bench.follow()
    old = bench.files.serving()
    assert old
    with Views.open(bench.data_dir) as views:
        assert views.status()["file"] == f"views-{FOLD_VERSION}.1.db"
        seen: list[tuple[int, int]] = []
        assert rebuild(bench.data_dir, lambda offset, end: seen.append((offset, end))) == digest(old)
        assert seen[-1] == (5, 5)
        await append(bench.data_dir, simple_run("two", 2))
        bench.follow()
        assert views.status()["file"] == f"views-{FOLD_VERSION}.2.db"
        assert views.runs()[0] == 2
    bench.check()
    assert bench.names() == {f"views-{FOLD_VERSION}.1.db", f"views-{FOLD_VERSION}.2.db"}
    mark = bench.files.swap_mark()
    assert mark
    bench.now = mark[1] / 1e9 + REMOVE_AFTER_S + 1
    bench.check()
    assert bench.names() == {f"views-{FOLD_VERSION}.2.db"}


async def test_a_rebuild_that_fails_leaves_nothing(bench: Bench):
    """Without a log there is nothing to rebuild from: it says so, and leaves no file behind."""
    with pytest.raises(RebuildError, match="no event log"):
        rebuild(bench.data_dir, lambda offset, end: None)
    assert bench.names() == set()


async def test_a_rebuild_removes_what_nobody_needs(bench: Bench):
    """Without a projector the files of earlier generations go when the next rebuild begins."""
    await append(bench.data_dir, simple_run("one", 1))
    digests = {rebuild(bench.data_dir, lambda offset, end: None) for _ in range(3)}
    assert len(digests) == 1
    assert bench.names() == {f"views-{FOLD_VERSION}.2.db", f"views-{FOLD_VERSION}.3.db"}


async def test_new_views_elsewhere_are_no_pause(bench: Bench):
    """While somebody builds new views the projector goes on without a word; old files are removed another time."""
    await append(bench.data_dir, simple_run("one", 1))
    bench.follow()
    bench.now = 1e12
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLD_LOCK,
        str(bench.data_dir),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout
    try:
        assert await holder.stdout.readline()
        bench.check()
        assert bench.said == []
    finally:
        await holder.communicate(b"")


async def test_whoever_waits_is_served_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Batches gather for as long as nobody waits for them, and no longer."""
    monkeypatch.setattr(service, "GATHER_S_MAX", 3600.0)
    monkeypatch.setattr(service, "BACKLOG_S", 3600.0)
    await append(bench.data_dir, simple_run("one", 1))
    bench.follow()
    stopping = threading.Event()
    following = asyncio.create_task(asyncio.to_thread(service.follow, bench.follower, bench.files, stopping))
    try:
        for writer in (2, 3):
            await append(bench.data_dir, simple_run(f"run {writer}", writer))
            assert await asyncio.to_thread(wait_for_log_end, bench.data_dir, 20)
        with Views.open(bench.data_dir) as views:
            before = bench.files.awaited_mark()
            assert views.position() == 15
            assert bench.files.awaited_mark() > before
    finally:
        stopping.set()
        await following
