"""Collector and projector on a disk whose power is cut."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runwell_collector.log import open_log_reader
from runwell_projector.dump import digest
from runwell_projector.files import ViewFiles
from runwell_projector.query import Views, wait_for_log_end
from tests.collector.power import CuttableDisk
from tests.collector.sender import Stream, Writer
from tests.collector.test_process import serving

ROUNDS = 3
WAIT_S = 30.0

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk whose power can be cut")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[CuttableDisk]:
    with closing(CuttableDisk(tmp_path)) as mounted:
        yield mounted


async def follow(data_dir: Path) -> asyncio.subprocess.Process:
    """The projector as a process."""
    command = [sys.executable, "-m", "runwell_projector", "--data-dir", str(data_dir), "--http", "127.0.0.1:0"]
    return await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)


async def killed(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_power_cut_takes_nothing_that_was_acknowledged(disk: CuttableDisk):
    """Cut after the last ack, again and again: every acknowledged record is in the log, the log goes on behind it, and the
    views, wherever the cut has thrown them back to, become equal to new ones."""
    data_dir = disk.path / "data"
    data_dir.mkdir()
    writers = [Writer(f"run {number}") for number in range(3)]
    acked = dict.fromkeys([writer.id for writer in writers], 0)
    for _ in range(ROUNDS):
        projector = await follow(data_dir)
        async with serving(data_dir) as collector:
            async with Stream(collector.said["grpc"]) as stream:
                for writer in writers:
                    durable = (await stream.opened(writer)).durable
                    assert durable == acked[writer.id]
                    for first in range(durable + 1, durable + 21, 2):
                        await stream.send(writer.batch(first, 2))
                    await stream.acked(durable + 20)
                    acked[writer.id] = durable + 20
            assert await asyncio.to_thread(wait_for_log_end, data_dir, WAIT_S)
            disk.cut_power()
            collector.process.kill()
            await collector.process.wait()
            await killed(projector)
        disk.power_up()
    assert stored(data_dir) == acked
    projector = await follow(data_dir)
    try:
        assert await asyncio.to_thread(wait_for_log_end, data_dir, WAIT_S)
        with Views.open(data_dir) as views:
            counts = {run["run_id"]: run["records"]["stored"] for run in views.runs()[1]}
    finally:
        await killed(projector)
    assert counts == {writer.run_id: acked[writer.id] for writer in writers}
    serving_now = ViewFiles(data_dir).serving()
    assert serving_now is not None
    before = digest(serving_now)
    command = [sys.executable, "-m", "runwell_projector", "rebuild", "--data-dir", str(data_dir)]
    rebuilding = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    assert await rebuilding.wait() == 0
    rebuilt = ViewFiles(data_dir).serving()
    assert rebuilt is not None
    assert rebuilt != serving_now
    assert digest(rebuilt) == before


def stored(data_dir: Path) -> dict[bytes, int]:
    """Of each writer the last record in the log, in which none is missing or comes twice."""
    found: dict[bytes, int] = {}
    with closing(open_log_reader(data_dir)) as log:
        after = 0
        while batches := log.read(after):
            for batch in batches:
                assert batch.first == found.get(batch.writer, 0) + 1
                found[batch.writer] = batch.first + batch.count - 1
            after = batches[-1].offset
    return found
