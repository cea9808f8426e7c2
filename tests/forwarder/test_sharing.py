"""Spools of one machine share messages, since a message costs a collector more than what a small one carries."""

from collections.abc import Callable
from pathlib import Path

from runwell.forwarder.spools import list_writers
from tests.forwarder.adverse_collector import AdverseCollector, honest
from tests.forwarder.model_collector import Line, ModelCollector
from tests.forwarder.spool_writer import HeldLock, SpoolWriter
from tests.forwarder.test_sync_command import announce, sync

NewSpool = Callable[..., SpoolWriter]


def test_spools_that_flow_are_read_at_the_same_moment(
    new_spool: NewSpool, tmp_path: Path, hold_lock: Callable[[Path], HeldLock]
) -> None:
    """Writers that began at different times have their rows sent together once both flow, at most a second later."""
    line, spools = Line(ModelCollector()), []
    for run in ("a", "b"):
        spools.append(new_spool(run))
        hold_lock(spools[-1].directory)
        spools[-1].start()
        for found in list_writers(tmp_path / "spool"):
            line.session.add(found)
        while line.now < 3.3 * len(spools):
            line.exchange()
            line.wait()
    for _ in range(3):
        line.exchange()
        for spool in spools:
            spool.rows_of(5)
        written_at, before = line.now, len(line.sent)
        while len(line.sent) == before:
            line.wait()
            line.exchange()
        assert {request.batch.writer_id for request in line.sent[before:]} == {spool.writer for spool in spools}
        assert line.now - written_at <= 1.01


async def test_what_many_spools_have_goes_as_few_messages(new_spool: NewSpool, tmp_path: Path) -> None:
    """Thirty small spools, each an Open and a batch, need far fewer messages than that, and every record arrives."""
    for number in range(30):
        spool = new_spool(f"run-{number}")
        spool.start()
        spool.rows_of(3)
        spool.finish()
    model = ModelCollector()
    async with AdverseCollector(honest(model)) as collector:
        announce(tmp_path, collector.port)
        status, _, errors = await sync(tmp_path)
    assert status == 0, errors
    assert [stored.durable for stored in model.writers.values()] == [5] * 30
    assert collector.messages < 45
