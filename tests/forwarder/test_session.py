"""The state machine of a stream: whatever collector and wire do, every record arrives once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core.limits import BATCH_BYTES_TARGET, HEARTBEAT_INTERVAL_S, IN_FLIGHT_BYTES_MAX
from runwell.forwarder.courier import ProtocolError, State
from runwell.forwarder.position import read_acked
from runwell.forwarder.session import ANSWER_TIMEOUT_S
from runwell.forwarder.spools import list_writers
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import event_pb2
from tests.forwarder.model_collector import Line, ModelCollector
from tests.forwarder.spool_writer import HeldLock, SpoolWriter

NewSpool = Callable[..., SpoolWriter]

INVALID = wire.REFUSAL_REASON_INVALID


def add_all(line: Line, root: Path) -> None:
    for spool in list_writers(root):
        line.session.add(spool)


def filled(spool: SpoolWriter, rows: int, *, finish: bool = True) -> SpoolWriter:
    spool.start()
    spool.rows_of(rows)
    if finish:
        spool.finish()
    return spool


def refuse_steps(poison: set[int]) -> Callable[[wire.Batch, event_pb2.Events], wire.Refused | None]:
    """Refuses for good every batch that has a row with one of these steps."""

    def judge(batch: wire.Batch, events: event_pb2.Events) -> wire.Refused | None:
        if poison.isdisjoint(step for event in events.events for step in event.metric_logged.steps):
            return None
        return wire.Refused(reason=INVALID, final=True, message="bad step")

    return judge


def test_a_finished_spool_is_sent_and_settled(new_spool: NewSpool, tmp_path: Path) -> None:
    """Everything arrives in order, no End is sent after RunFinished, and ``acked`` says so."""
    spool = filled(new_spool(), 100)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    line.session.save(line.now)
    stored = line.collector.writers[spool.writer]
    assert (stored.durable, stored.chain, stored.ended) == (102, spool.chain(), None)
    assert stored.steps() == list(range(1, 101))
    acked = read_acked(list_writers(tmp_path / "spool")[0].disk, spool.directory, spool.writer)
    assert acked is not None
    assert (acked.log_id, acked.durable, acked.chain, acked.ended) == ("log-1", 102, spool.chain(), True)


def test_a_dead_writer_is_ended(new_spool: NewSpool, tmp_path: Path) -> None:
    """A writer whose lock is free without RunFinished is stated ended after its last record."""
    spool = filled(new_spool(), 5, finish=False)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    assert line.collector.writers[spool.writer].ended == 6


def test_a_live_writer_is_followed_and_kept_alive(
    new_spool: NewSpool, tmp_path: Path, hold_lock: Callable[[Path], HeldLock]
) -> None:
    """Rows arrive as they are written, heartbeats go on while nothing is, and the end is noticed when the lock is free."""
    spool = filled(new_spool(), 3, finish=False)
    lock = hold_lock(spool.directory)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    (courier,) = line.session.couriers
    while not courier.caught_up:
        line.send() or line.receive() or line.wait()
    stored = line.collector.writers[spool.writer]
    assert stored.durable == 4
    spool.rows_of(2)
    until = line.now + 2.5 * HEARTBEAT_INTERVAL_S
    while line.now < until:
        line.send() or line.receive() or line.wait()
    assert stored.durable == 6
    assert sum(request.HasField("heartbeat") for request in line.sent) == 2
    assert stored.ended is None
    lock.release()
    line.settle()
    assert stored.ended == 6


@settings(max_examples=25, deadline=None)
@given(poison=st.sets(st.integers(1, 60), max_size=8), rows=st.integers(1, 60))
def test_refused_records_are_found_by_bisection(
    poison: set[int], rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Exactly the refused records are replaced by RecordRefused, and all others arrive once."""
    root = tmp_path_factory.mktemp("spools")
    spool = filled(SpoolWriter(root), rows)
    line = Line(ModelCollector(judge=refuse_steps(poison)))
    add_all(line, root)
    line.settle()
    stored = line.collector.writers[spool.writer]
    assert stored.durable == spool.record
    assert stored.steps() == [step for step in range(1, rows + 1) if step not in poison]
    refused = [record - 1 for record, event in stored.events if event.HasField("record_refused")]
    assert refused == sorted(poison & set(range(1, rows + 1)))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_record_arrives_once_whatever_the_wire_does(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cut streams, refusals for a while, restored collectors and lost processes leave each row stored once."""
    root = tmp_path_factory.mktemp("spools")
    random = Random(data.draw(st.integers(0, 1 << 30)))
    spools = [
        filled(SpoolWriter(root, f"r{n}"), data.draw(st.integers(0, 40))) for n in range(data.draw(st.integers(1, 3)))
    ]
    reasons = [wire.REFUSAL_REASON_NO_SPACE, wire.REFUSAL_REASON_UNAVAILABLE, wire.REFUSAL_REASON_NOT_OPEN]

    def judge(batch: wire.Batch, events: event_pb2.Events) -> wire.Refused | None:
        if random.random() < 0.2:
            return wire.Refused(reason=random.choice(reasons), retry_after_s=random.choice([0.0, 0.5, float("nan")]))
        # Batches of everything would leave nothing to go wrong between them.
        return wire.Refused(reason=INVALID, final=True) if batch.count > 3 and random.random() < 0.5 else None

    line = Line(ModelCollector(judge=judge))
    add_all(line, root)
    for _ in range(data.draw(st.integers(0, 300))):
        chance = random.random()
        if chance < 0.02:
            line.cut()
        elif chance < 0.03:
            line.session.save(line.now)
            line = Line(line.collector)
            add_all(line, root)
        elif chance < 0.3:
            line.wait()
        elif chance < 0.65:
            line.receive()
        else:
            line.send()
    line.settle()
    for spool in spools:
        stored = line.collector.writers[spool.writer]
        assert (stored.durable, stored.chain) == (spool.record, spool.chain())
        refused = [record for record, event in stored.events if event.HasField("record_refused")]
        refused_steps = [record - 1 for record in refused if 1 < record < spool.record]
        assert sorted(stored.steps() + refused_steps) == list(range(1, spool.record - 1))
        assert len(stored.events) == len({record for record, _ in stored.events})


def test_what_is_in_flight_is_bounded_and_shared_fairly(new_spool: NewSpool, tmp_path: Path) -> None:
    """A writer with much to send has at most its share in flight, and others get their turn between its batches."""
    big, small = new_spool("big"), new_spool("small")
    big.start()
    rows = 3 * IN_FLIGHT_BYTES_MAX // (BATCH_BYTES_TARGET // 4)
    for step in range(rows):
        big.json_row(step, {"blob": "x" * (BATCH_BYTES_TARGET // 4)})
    filled(small, 3)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.send_all()
    line.receive_all()
    line.send_all()
    line.receive_all()
    count = len(line.sent)
    line.send_all()
    sizes = [len(request.batch.events) for request in line.sent[count:] if request.batch.writer_id == big.writer]
    assert len(sizes) > 1
    assert IN_FLIGHT_BYTES_MAX // 2 < sum(sizes) <= IN_FLIGHT_BYTES_MAX
    assert {request.batch.writer_id for request in line.sent if request.HasField("batch")} == {big.writer, small.writer}
    line.settle()
    assert line.collector.writers[big.writer].steps() == list(range(rows))


def test_a_fenced_writer_is_left_alone_and_looked_at_later(new_spool: NewSpool, tmp_path: Path) -> None:
    """After Fenced nothing is sent for the writer for a while; then it is opened again, since the other may have ended."""
    spool = filled(new_spool(), 10)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.send()
    line.receive()
    line.collector.writers[spool.writer].epoch += 1
    line.exchange()
    (courier,) = line.session.couriers
    fenced_at, count = line.now, len(line.sent)
    assert courier.state is State.CLOSED
    assert "another forwarder" in courier.problem
    while len(line.sent) == count:
        line.send() or line.wait()
    assert line.now - fenced_at > 5
    line.settle()
    assert line.collector.writers[spool.writer].durable == 12


def test_a_refusal_for_a_while_is_honoured(new_spool: NewSpool, tmp_path: Path) -> None:
    """The collector's time to wait is waited, and its reason is told meanwhile."""
    filled(new_spool(), 10)
    full = wire.Refused(reason=wire.REFUSAL_REASON_NO_SPACE, retry_after_s=7.0, message="the server's disk is full")
    collector = ModelCollector(judge=lambda batch, events: full)
    line = Line(collector)
    add_all(line, tmp_path / "spool")
    (courier,) = line.session.couriers
    while not courier.problem:
        line.send() or line.receive() or line.wait()
    refused_at = line.now
    assert courier.problem == "the server's disk is full"
    collector.judge = lambda batch, events: None
    batches = sum(request.HasField("batch") for request in line.sent)
    while sum(request.HasField("batch") for request in line.sent) == batches:
        line.send() or line.wait()
    assert 7.0 <= line.now - refused_at < 8.0
    line.settle()
    assert courier.problem == ""


def test_a_restored_collector_gets_the_rest_again(new_spool: NewSpool, tmp_path: Path) -> None:
    """A collector with an older state and a new log id gets what it lost, also of spools that were settled."""
    spool = filled(new_spool(), 50)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    line.session.save(line.now)
    restored = ModelCollector("log-2")
    line = Line(restored)
    other = filled(new_spool("r2"), 1)
    add_all(line, tmp_path / "spool")
    while spool.writer not in restored.writers or restored.writers[spool.writer].durable < 52:
        line.send() or line.receive() or line.wait()
    line.settle()
    assert restored.writers[spool.writer].steps() == list(range(1, 51))
    assert restored.writers[other.writer].durable == 3


def test_a_settled_spool_is_not_opened_again(new_spool: NewSpool, tmp_path: Path) -> None:
    """With the log it was sent to, a settled spool costs nothing."""
    filled(new_spool(), 5)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    line.session.save(line.now)
    again = Line(line.collector)
    filled(new_spool("r2"), 1)
    add_all(again, tmp_path / "spool")
    again.settle()
    assert sum(request.HasField("open") for request in again.sent) == 1


def test_a_past_that_differs_goes_on_as_a_new_writer(new_spool: NewSpool, tmp_path: Path) -> None:
    """A restored machine's spool that went another way: the common past stays, the rest arrives once under one new id."""
    spool = filled(new_spool(), 10, finish=False)
    root, copies = tmp_path / "spool", tmp_path / "copies"
    line = Line(ModelCollector())
    add_all(line, root)
    line.settle()
    line.session.save(line.now)
    shutil.copytree(root, copies)
    original_segment = spool.path.read_bytes()
    spool.rows_of(5)
    line = Line(line.collector)
    # The writer went on after its end was stated: its machine was only restored.
    (spool.directory / "acked").unlink()
    add_all(line, root)
    line.settle()
    (writer,) = list_writers(copies)
    segment = writer.directory / "00000001.seg"
    assert segment.read_bytes() == original_segment
    twin = SpoolWriter.__new__(SpoolWriter)
    twin.__dict__ = {
        **spool.__dict__,
        "directory": writer.directory,
        "record": 11,
        "crcs": spool.crcs[:11],
        "_schemas": {},
    }
    twin.row(100, {"loss": 1.0})
    twin.rows_of(20)
    twin.finish()
    (writer.directory / "acked").write_text((writer.directory / "acked").read_text().replace("true", "false"))
    for _ in range(2):
        line = Line(line.collector)
        line.session.add(writer)
        line.settle()
        line.session.save(line.now)
    original, fork = line.collector.writers.values()
    assert original.steps() == list(range(1, 16))
    assert fork.steps() == [100, *range(12, 32)]
    assert fork.kinds()[0] == "writer_attached"
    attached = fork.events[0][1].writer_attached
    assert (attached.attempt, attached.parent) == (1, spool.writer)
    assert fork.kinds()[-1] == "run_finished"


def test_an_older_copy_sends_nothing(new_spool: NewSpool, tmp_path: Path) -> None:
    """A copy of a live spool has nothing that the original does not send: no record twice, no end stated, kept as it is."""
    spool = filled(new_spool(), 10, finish=False)
    shutil.copytree(tmp_path / "spool", tmp_path / "copies")
    spool.rows_of(10)
    spool.finish()
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    line = Line(line.collector)
    add_all(line, tmp_path / "copies")
    line.settle()
    (courier,) = line.session.couriers
    assert courier.state is State.FAILED
    assert "older copy" in courier.problem
    assert not any(request.HasField("batch") or request.HasField("end") for request in line.sent)
    (stored,) = line.collector.writers.values()
    assert stored.steps() == list(range(1, 21))


def test_an_end_lost_with_the_power_is_no_copy(new_spool: NewSpool, tmp_path: Path) -> None:
    """A spool whose acked end was lost in a power cut is complete, when ``acked`` remembers it."""
    spool = filled(new_spool(), 10, finish=False)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    line.session.save(line.now)
    acked = spool.directory / "acked"
    acked.write_text(acked.read_text().replace("true", "false"))
    spool.path.write_bytes(spool.path.read_bytes()[:-100])
    line = Line(line.collector)
    add_all(line, tmp_path / "spool")
    line.settle()
    (courier,) = line.session.couriers
    assert courier.state is State.DONE


@pytest.mark.parametrize("with_acked", [True, False])
def test_nonsense_ends_the_stream_and_loses_nothing(new_spool: NewSpool, tmp_path: Path, with_acked: bool) -> None:
    """Acks of what was never sent, unknown writers and answers out of place are not believed."""
    spool = filled(new_spool(), 20)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.expect_nonsense(ack=wire.Ack(writer_id=b"x" * 16, durable=3))
    line.expect_nonsense()
    line.send()
    line.receive()
    line.send()
    line.expect_nonsense(ack=wire.Ack(writer_id=spool.writer, durable=10**9))
    line.send()
    line.receive()
    line.expect_nonsense(welcome=wire.Welcome(writer_id=spool.writer, durable=3, log_id="log-1"))
    line.settle()
    assert line.collector.writers[spool.writer].steps() == list(range(1, 21))


def test_a_collector_that_owes_an_answer_is_given_up(new_spool: NewSpool, tmp_path: Path) -> None:
    """A collector that says nothing for long is one to connect to anew."""
    filled(new_spool(), 20)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.send()
    with pytest.raises(ProtocolError, match="no answer"):
        for _ in range(1000):
            line.wait()
    assert line.now > ANSWER_TIMEOUT_S


def test_an_unreadable_spool_does_not_stop_the_others(new_spool: NewSpool, tmp_path: Path) -> None:
    """A spool that vanishes or turns out to be of a newer version is told; the rest arrives."""
    gone, newer, fine = filled(new_spool("gone"), 3), filled(new_spool("newer"), 3), filled(new_spool("zfine"), 3)
    newer.start_segment()
    newer.path.write_bytes(b"RWSPOOL\x09" + bytes(10))
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    shutil.rmtree(gone.directory)
    line.settle()
    problems = {courier.spool.run.run_id: courier.problem for courier in line.session.couriers}
    assert "removed" in problems["gone"]
    assert "version 9" in problems["newer"]
    assert line.collector.writers[fine.writer].durable == 5


def test_damage_is_told_as_lost_records(new_spool: NewSpool, tmp_path: Path) -> None:
    """Damaged records arrive as RecordsLost in their place, with the chain counting each as 0."""
    spool = new_spool()
    spool.start()
    frame = spool.row(1, {"loss": 1.0})
    spool.rows_of(4)
    spool.finish()
    spool.path.write_bytes(spool.path.read_bytes().replace(frame, bytes(len(frame))))
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    stored = line.collector.writers[spool.writer]
    assert stored.kinds() == ["run_started", "records_lost", "metric_logged", "run_finished"]
    spool.crcs[1] = 0
    assert (stored.durable, stored.chain) == (7, spool.chain())


def test_a_long_pause_is_no_hanging_collector(new_spool: NewSpool, tmp_path: Path) -> None:
    """While the collector's own pause lasts it owes no answer, however long that is."""
    filled(new_spool(), 10)
    pause_s = 10 * ANSWER_TIMEOUT_S
    full = wire.Refused(reason=wire.REFUSAL_REASON_NO_SPACE, retry_after_s=pause_s, message="full")
    collector = ModelCollector(judge=lambda batch, events: full)
    line = Line(collector)
    add_all(line, tmp_path / "spool")
    line.exchange()
    collector.judge = lambda batch, events: None
    line.settle()
    assert line.now >= pause_s


def test_a_spool_that_grew_after_its_end_is_sent_on(new_spool: NewSpool, tmp_path: Path) -> None:
    """A live spool copied twice, as from a cluster's nodes: the second copy's new records arrive, and the run is revived."""
    spool = filled(new_spool(), 5, finish=False)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    line.session.save(line.now)
    assert line.collector.writers[spool.writer].ended == 6
    spool.rows_of(5)
    spool.finish()
    line = Line(line.collector)
    add_all(line, tmp_path / "spool")
    line.settle()
    assert line.collector.writers[spool.writer].steps() == list(range(1, 11))


def test_what_another_log_had_is_not_promised(new_spool: NewSpool, tmp_path: Path) -> None:
    """A process that asks how far its spool is gets the word of the collector of now, which is asked for it."""
    spool = filled(new_spool(), 10)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    line.session.save(line.now)
    line = Line(ModelCollector("log-2"))
    add_all(line, tmp_path / "spool")
    (courier,) = line.session.couriers
    assert courier.state is State.DONE
    assert courier.durable(line.session.log_id) == 0
    line.session.hurry(courier)
    line.exchange()
    assert courier.durable(line.session.log_id) == 12
    assert line.collector.writers[spool.writer].steps() == list(range(1, 11))


def test_an_end_for_a_writer_that_is_not_open_opens_it_anew(new_spool: NewSpool, tmp_path: Path) -> None:
    """Told that the writer is not open, the forwarder opens it again rather than repeat itself."""
    spool = filled(new_spool(), 3, finish=False)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    (courier,) = line.session.couriers
    while courier.state is not State.ENDING:
        line.send() or line.receive() or line.wait()
    line.session.received(
        wire.Response(
            refused=wire.Refused(writer_id=spool.writer, reason=wire.REFUSAL_REASON_NOT_OPEN, message="not open")
        ),
        line.now,
    )
    assert courier.state is State.CLOSED
    line.settle()


def test_a_writer_that_lost_its_lock_is_sent_to_its_end(new_spool: NewSpool, tmp_path: Path) -> None:
    """A process that reads its own lock file loses the lock and looks dead; what it waits for at its end arrives all the same."""
    spool = filled(new_spool(), 5, finish=False)
    line = Line(ModelCollector())
    add_all(line, tmp_path / "spool")
    line.settle()
    spool.rows_of(5)
    spool.finish()
    (courier,) = line.session.couriers
    line.session.hurry(courier)
    line.settle()
    assert courier.durable(line.session.log_id) == spool.record
    assert line.collector.writers[spool.writer].steps() == list(range(1, 11))
