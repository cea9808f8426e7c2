"""Acked spools are kept for a restored collector, but not for ever."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runwell.core.limits import KEPT_S_MAX
from runwell.forwarder import retention
from runwell.forwarder.disk import LocalDisk
from runwell.forwarder.errand import Errand
from runwell.forwarder.forwarder import Forwarder
from runwell.forwarder.retention import Retention
from runwell.forwarder.spools import list_writers
from tests.forwarder.model_collector import Line, ModelCollector
from tests.forwarder.spool_writer import HeldLock, SpoolWriter

NewSpool = Callable[..., SpoolWriter]


def sent(root: Path) -> Line:
    line = Line(ModelCollector())
    for spool in list_writers(root):
        line.session.add(spool)
    while not all(courier.settled or (courier.live and courier.caught_up) for courier in line.session.couriers):
        line.send() or line.receive() or line.wait()
    line.session.save(line.now)
    return line


def test_an_ended_spool_goes_a_day_after_it_was_acked(new_spool: NewSpool, tmp_path: Path) -> None:
    """Segments and directory stay for the time of the limit, counted from the ack, and then go."""
    spool = new_spool()
    spool.start()
    spool.finish()
    line = sent(tmp_path / "spool")
    (courier,) = line.session.couriers
    acked_at = courier.ledger.acked.time
    assert not Retention(LocalDisk()).prune(courier, acked_at + KEPT_S_MAX - 1)
    assert spool.path.exists()
    assert Retention(LocalDisk()).prune(courier, acked_at + KEPT_S_MAX + 1)
    assert not spool.directory.exists()


def test_a_live_spool_loses_only_acked_segments(
    new_spool: NewSpool,
    tmp_path: Path,
    hold_lock: Callable[[Path], HeldLock],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond the limit in bytes the oldest acked segments go; the one being written and what is not acked stay."""
    spool = new_spool()
    hold_lock(spool.directory)
    spool.start()
    for _ in range(3):
        spool.rows_of(20)
        spool.start_segment()
    line = sent(tmp_path / "spool")
    (courier,) = line.session.couriers
    spool.rows_of(20)
    spool.start_segment()
    monkeypatch.setattr(retention, "KEPT_BYTES_MAX", 1500)
    assert not Retention(LocalDisk()).prune(courier, 0.0)
    left = sorted(name for name in os.listdir(spool.directory) if name.endswith(".seg"))
    assert left == ["00000003.seg", "00000004.seg", "00000005.seg"]


def test_a_collector_restored_after_pruning_is_told_what_is_gone(new_spool: NewSpool, tmp_path: Path) -> None:
    """What was removed and is asked for again arrives as RecordsLost, never as silence."""
    spool = new_spool()
    spool.start()
    first = spool.path
    spool.start_segment()
    spool.rows_of(2)
    spool.finish()
    sent(tmp_path / "spool")
    first.unlink()
    restored = Line(ModelCollector("restored"))
    for writer in list_writers(tmp_path / "spool"):
        restored.session.add(writer)
    other = new_spool("r2")
    other.start()
    restored.session.add(list_writers(tmp_path / "spool")[1])
    restored.settle()
    restored.session.doubt(next(iter(restored.session.couriers)))
    restored.settle()
    stored = restored.collector.writers[spool.writer]
    assert stored.kinds() == ["records_lost", "metric_logged", "run_finished"]
    assert stored.durable == spool.record


def forwarder_of(root: Path, log_id: str) -> Forwarder:
    """A forwarder whose collector has named its log."""
    errand = Errand((root / "spool",), (), "http://127.0.0.1:9", root, follow=True)
    forwarder = Forwarder(errand)
    forwarder.session.log_id = log_id
    return forwarder


def test_only_what_the_log_of_now_has_is_removed(new_spool: NewSpool, tmp_path: Path) -> None:
    """However long ago: what was acked by another log, or by one that is not known yet, stays until this one has it."""
    spool = new_spool()
    spool.start()
    spool.finish()
    sent(tmp_path / "spool")
    for log_id in ("", "restored", "log-1"):
        forwarder_of(tmp_path, log_id)._look_around(0.0, at_once=True)
        assert spool.directory.exists() == (log_id != "log-1")


def test_what_was_added_after_the_end_is_not_removed(new_spool: NewSpool, tmp_path: Path) -> None:
    """A spool that grew after it was stated ended is sent on, not removed with the rest."""
    spool = new_spool()
    spool.start()
    sent(tmp_path / "spool")
    forwarder = forwarder_of(tmp_path, "log-1")
    for found in list_writers(tmp_path / "spool"):
        courier = forwarder.session.add(found)
    assert courier.settled
    spool.rows_of(3)
    forwarder._prune()
    assert spool.path.exists()
    assert not courier.settled
