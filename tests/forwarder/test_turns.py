"""Many spools on one stream: whose turn it is, and how often each is looked at."""

from collections.abc import Callable
from pathlib import Path

from runwell.forwarder.session import DEAD_AT_WORK_MAX, POLL_INTERVAL_MAX_S
from runwell.forwarder.spools import list_writers
from tests.forwarder.model_collector import Line, ModelCollector
from tests.forwarder.spool_writer import HeldLock, SpoolWriter

NewSpool = Callable[..., SpoolWriter]


def test_dead_writers_wait_their_turn_also_after_cut_streams(new_spool: NewSpool, tmp_path: Path) -> None:
    """With more dead spools than are worked on at a time, cut streams make none of them wait for ever or twice."""
    for number in range(2 * DEAD_AT_WORK_MAX):
        new_spool(f"r{number}").start()
    line = Line(ModelCollector())
    for spool in list_writers(tmp_path / "spool"):
        line.session.add(spool)
    for _ in range(3):
        line.send_all()
        line.cut()
    line.send_all()
    assert len(line.session._backlog) == DEAD_AT_WORK_MAX
    line.settle()
    assert len(line.collector.writers) == 2 * DEAD_AT_WORK_MAX


def test_a_spool_is_looked_at_once_a_second(
    new_spool: NewSpool, tmp_path: Path, hold_lock: Callable[[Path], HeldLock]
) -> None:
    """A live spool costs a look a second, and what comes is sent at the next one."""
    spool = new_spool()
    spool.start()
    hold_lock(spool.directory)
    line = Line(ModelCollector())
    for found in list_writers(tmp_path / "spool"):
        line.session.add(found)

    def until_stored() -> float:
        """Seconds until what is in the spool is with the collector."""
        began = line.now
        while spool.writer not in line.collector.writers or line.collector.writers[spool.writer].durable < spool.record:
            line.send() or line.receive() or line.wait()
        line.receive_all()
        return line.now - began

    until_stored()
    looks = 0
    while line.now < 20:
        looks += not (line.send() or line.receive())
        line.wait()
    assert looks < 60
    delays_s = []
    for _ in range(6):
        spool.rows_of(1)
        delays_s.append(until_stored())
    assert max(delays_s) <= POLL_INTERVAL_MAX_S + 0.01
