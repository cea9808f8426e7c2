"""The intake's decisions, one by one, without clock, disk or network."""

from runwell.core import limits
from runwell.v1 import collector_pb2 as wire
from runwell_collector.admission import InvalidBatchError
from runwell_collector.intake import Intake
from runwell_collector.log import Appended, Conflict, RunId, WriterMark, WriterPosition, decode_events
from runwell_collector.replies import Reply
from tests.collector.sender import Writer

RUN = RunId("lab", "digits", "r1")
FIRST, SECOND = 1, 2
EPOCH = 70


def intake() -> Intake:
    made = Intake("a log", {}, EPOCH, now=0.0)
    made.connected(FIRST, 0.0)
    made.connected(SECOND, 0.0)
    return made


def opened(made: Intake, writer: Writer, stream: int = FIRST, position: WriterPosition | None = None) -> list[str]:
    return told(made.open(stream, writer.open().open, position, now=0.0))


def sent(
    made: Intake,
    writer: Writer,
    first: int,
    count: int = 1,
    stream: int = FIRST,
    admission: WriterMark | InvalidBatchError = WriterMark.NONE,
) -> list[str]:
    return told(made.batch(stream, writer.batch(first, count).batch, admission, received_at=5.0))


def ended(made: Intake, writer: Writer, last: int, stream: int = FIRST) -> list[str]:
    return told(made.end(stream, writer.end(last).end, received_at=5.0))


def committed(made: Intake) -> list[str]:
    """Answers of one group commit that takes everything queued."""
    return told(made.appended([Appended(offset) for offset, _ in enumerate(made.next_group(), 1)]))


def told(answers: list[Reply]) -> list[str]:
    """Answers as text: stream, kind and position or reason."""
    return [f"{answer.stream} {said(answer.response)}" for answer in answers]


def said(response: wire.Response) -> str:
    kind = response.WhichOneof("response")
    message = getattr(response, kind)
    if kind in {"welcome", "ack", "rewind"}:
        return f"{kind} {message.durable}"
    if kind == "refused":
        reason = wire.RefusalReason.Name(message.reason).removeprefix("REFUSAL_REASON_")
        return f"{reason} {message.first}{' final' if message.final else ''}"
    return str(kind)


def test_pipelined_batches_are_acknowledged_once_after_the_commit():
    """Batches may follow one another unacknowledged; nothing is answered before the commit, then one Ack tells all."""
    made, writer = intake(), Writer()
    assert opened(made, writer) == ["1 welcome 0"]
    assert sent(made, writer, 1, 3) == sent(made, writer, 4, 2) == sent(made, writer, 6) == []
    assert committed(made) == ["1 ack 6"]
    assert committed(made) == []


def test_one_mistake_has_one_answer():
    """After a gap the batches behind it are dropped, one Rewind says where to begin, and then all goes on."""
    made, writer = intake(), Writer()
    opened(made, writer)
    assert sent(made, writer, 1, 5) == []
    assert sent(made, writer, 8) == sent(made, writer, 9) == sent(made, writer, 10) == []
    assert committed(made) == ["1 ack 5", "1 rewind 5"]
    assert sent(made, writer, 11) == []
    assert sent(made, writer, 6, 2) == sent(made, writer, 8) == []
    assert committed(made) == ["1 ack 8"]
    assert sent(made, writer, 20) == ["1 rewind 8"]


def test_a_lost_sender_is_told_again():
    """A sender that still misses the place seconds after it was told hears it again, so that no stream is stuck."""
    made, writer = intake(), Writer()
    opened(made, writer)
    assert sent(made, writer, 5) == ["1 rewind 0"]
    made.heard(FIRST, limits.RETRY_AFTER_S - 1)
    assert sent(made, writer, 6) == ended(made, writer, 6) == []
    made.heard(FIRST, limits.RETRY_AFTER_S)
    assert sent(made, writer, 7) == ["1 rewind 0"]
    assert sent(made, writer, 8) == []


def test_a_repeated_batch_is_answered_with_rewind():
    """What is in the log or on its way there isn't taken again."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1, 2)
    assert sent(made, writer, 1, 2) == []
    assert committed(made) == ["1 ack 2", "1 rewind 2"]
    sent(made, writer, 3)
    committed(made)
    assert sent(made, writer, 1, 2) == ["1 rewind 3"]


def test_a_refused_batch_is_cut_anew():
    """After INVALID the batches behind it are dropped unanswered, and smaller ones are taken from the same record on."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1)
    assert sent(made, writer, 2, 4, admission=InvalidBatchError("no")) == ["1 INVALID 2 final"]
    assert sent(made, writer, 6) == sent(made, writer, 7) == []
    assert sent(made, writer, 2, 2) == []
    assert sent(made, writer, 4, 2, admission=InvalidBatchError("no")) == ["1 INVALID 4 final"]
    assert sent(made, writer, 4) == []
    assert committed(made) == ["1 ack 4"]


def test_writers_of_a_stream_are_independent():
    """Refusals, rewinds and forks of one writer leave the other's batches alone."""
    made, good, bad = intake(), Writer("good"), Writer("bad")
    opened(made, good), opened(made, bad)
    for record in range(1, 4):
        sent(made, good, record)
        assert sent(made, bad, 1, admission=InvalidBatchError("no")) == ["1 INVALID 1 final"]
        sent(made, bad, 9)
    sent(made, bad, 1)
    assert set(committed(made)) == {"1 ack 3", "1 ack 1"}
    bad = Writer("bad", id=bad.id, salt=1)
    assert sent(made, bad, 2) == ["1 WRITER_FORKED 2 final"]
    assert sent(made, bad, 3) == []
    sent(made, good, 4)
    assert committed(made) == ["1 ack 4"]


def test_the_latest_stream_has_the_writer():
    """A second stream's Open fences the first, whose batches are dropped from then on; Welcome waits for what was taken."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1, 2)
    assert opened(made, writer, SECOND) == ["1 fenced"]
    assert sent(made, writer, 3) == ended(made, writer, 3) == []
    assert committed(made) == ["2 welcome 2"]
    sent(made, writer, 3, stream=SECOND)
    assert committed(made) == ["2 ack 3"]
    assert opened(made, writer, FIRST) == ["2 fenced", "1 welcome 3"]


def test_epochs_grow():
    """Every Open has a greater epoch than the one before, and the first a greater one than the start's."""
    made, writer = intake(), Writer()
    epochs = [made.open(FIRST, writer.open().open, None, 0.0)[0].response.welcome.epoch for _ in range(3)]
    assert epochs == [EPOCH + 1, EPOCH + 2, EPOCH + 3]


def test_a_writer_that_is_not_open_is_told():
    """Batch and End of an unknown writer are refused so that the sender opens it; after Ended it is closed too."""
    made, writer = intake(), Writer()
    assert sent(made, writer, 1) == ["1 NOT_OPEN 1"]
    assert ended(made, writer, 1) == ["1 NOT_OPEN 0"]
    opened(made, writer)
    assert sent(made, writer, 1, stream=SECOND) == ["2 NOT_OPEN 1"]
    sent(made, writer, 1)
    ended(made, writer, 1)
    assert committed(made) == ["1 ack 1", "1 ended"]
    assert sent(made, writer, 2) == ["1 NOT_OPEN 2"]


def test_a_bad_open_is_final():
    """Names and ids that cannot be used, and a writer of another run, are refused for good."""
    made = intake()
    assert (
        opened(made, Writer("a/b")) == opened(made, Writer("")) == opened(made, Writer("..")) == ["1 INVALID 0 final"]
    )
    assert opened(made, Writer("a" * 129)) == opened(made, Writer("a\nb")) == ["1 INVALID 0 final"]
    assert opened(made, Writer(id=b"short")) == ["1 INVALID 0 final"]
    writer = Writer()
    opened(made, writer)
    sent(made, writer, 1)
    writer.run_id = "another"
    assert opened(made, writer) == ["1 INVALID 0 final"]
    assert opened(made, Writer(), position=WriterPosition(RunId("lab", "digits", "other"), 5, 0, WriterMark.NONE)) == [
        "1 INVALID 0 final"
    ]


def test_an_end_is_stated_once():
    """End is answered after WriterEnded is in the log; asked again, also after a restart, nothing is logged anew."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1, 4)
    assert ended(made, writer, 4) == ended(made, writer, 4) == []
    group = made.next_group()
    assert [(batch.first, batch.count, batch.mark) for batch in group[1:]] == [(5, 0, WriterMark.ENDED)]
    (event,) = decode_events(group[1].codec, group[1].events).events
    assert event.writer_ended.last == 4
    assert told(made.appended([Appended(1), Appended(2)])) == ["1 ack 4", "1 ended"]
    position = WriterPosition(RUN, 4, writer.chain(4), WriterMark.ENDED)
    assert opened(made, writer, position=position) == ["1 welcome 4"]
    assert ended(made, writer, 4) == ["1 ended"]
    assert made.next_group() == []


def test_an_end_beyond_the_log_is_rewound():
    """End says how many records there are; those that are missing are asked for."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1, 2)
    assert ended(made, writer, 5) == []
    assert committed(made) == ["1 ack 2", "1 rewind 2"]


def test_an_end_of_nothing_or_of_a_finished_run_is_not_logged():
    """A writer without records, and one that has said RunFinished, need no WriterEnded."""
    made, empty, finished = intake(), Writer(), Writer()
    opened(made, empty)
    assert ended(made, empty, 0) == ["1 ended"]
    opened(made, finished)
    sent(made, finished, 1, admission=WriterMark.FINISHED)
    assert ended(made, finished, 1) == []
    assert committed(made) == ["1 ack 1", "1 ended"]


def test_memory_is_for_open_and_living_writers():
    """Finished, ended and empty writers are forgotten when their stream needs them no more."""
    made = intake()
    for number in range(50):
        writer = Writer()
        opened(made, writer)
        if number % 2:
            sent(made, writer, 1, admission=WriterMark.FINISHED)
    committed(made)
    made.disconnected(FIRST)
    made.disconnected(SECOND)
    assert (made.open_writers, len(made._writers)) == (0, 0)


def test_without_space_nothing_is_taken():
    """On a full disk a batch and an End are refused once with a time to retry; Open and what was queued go on."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1)
    made.has_space = False
    assert sent(made, writer, 2) == ["1 NO_SPACE 2"]
    assert sent(made, writer, 3) == []
    assert opened(made, Writer("other")) == ["1 welcome 0"]
    assert committed(made) == ["1 ack 1"]
    assert ended(made, writer, 1) == ["1 NO_SPACE 2"]
    made.has_space = True
    assert sent(made, writer, 2) == []
    assert committed(made) == ["1 ack 2"]


def test_a_commit_that_finds_the_disk_full_took_nothing():
    """All batches of the group and those queued behind them are given back to their senders, who begin anew."""
    made, first, second = intake(), Writer(), Writer()
    opened(made, first), opened(made, second, SECOND)
    sent(made, first, 1)
    sent(made, second, 1, stream=SECOND)
    made.next_group()
    sent(made, first, 2)
    assert opened(made, second, FIRST) == ["2 fenced"]
    assert told(made.group_failed("full")) == ["1 NO_SPACE 1", "1 welcome 0"]
    assert (made.queued_batches, made.queued_bytes) == (0, 0)
    assert sent(made, first, 3) == []
    sent(made, first, 1), sent(made, second, 1)
    assert committed(made) == ["1 ack 1", "1 ack 1"]


def test_the_log_has_the_last_word():
    """Where the log stands elsewhere than believed, its position counts and the sender is told to begin there."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1), sent(made, writer, 2)
    made.next_group()
    sent(made, writer, 3)
    elsewhere = Conflict(WriterPosition(RUN, 7, writer.chain(7), WriterMark.NONE))
    assert told(made.appended([elsewhere, elsewhere])) == ["1 rewind 7"]
    assert sent(made, writer, 8) == []
    assert committed(made) == ["1 ack 8"]


def test_a_silent_writer_is_stated_once_and_revived_by_a_record():
    """A time-out after a stream's last word its writers are stated silent, once, until one of them sends a record."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1)
    committed(made)
    made.heard(FIRST, 10.0)
    made.disconnected(FIRST)
    made.state_silent(9.9 + limits.SILENT_AFTER_S, 5.0)
    assert made.next_group() == []
    made.state_silent(10.0 + limits.SILENT_AFTER_S, 5.0)
    made.state_silent(11.0 + limits.SILENT_AFTER_S, 5.0)
    (stated,) = made.next_group()
    assert (stated.first, stated.count, stated.mark) == (2, 0, WriterMark.SILENT)
    assert made.appended([Appended(2)]) == []
    made.state_silent(500.0, 5.0)
    assert made.next_group() == []
    made.heard(SECOND, 1000.0)
    opened(made, writer, SECOND, WriterPosition(RUN, 1, writer.chain(1), WriterMark.SILENT))
    made.state_silent(1500.0, 5.0)
    assert made.next_group() == []
    made.heard(SECOND, 1500.0)
    sent(made, writer, 2, stream=SECOND)
    assert committed(made) == ["2 ack 2"]
    made.state_silent(1559.0, 5.0)
    assert made.next_group() == []
    made.state_silent(1560.0, 5.0)
    assert [batch.mark for batch in made.next_group()] == [WriterMark.SILENT]


def test_a_heartbeat_covers_all_writers_of_its_stream():
    """Whatever comes on a stream keeps each of its writers alive, and no other stream's."""
    made, here, there = intake(), Writer(), Writer()
    opened(made, here), opened(made, there, SECOND)
    sent(made, here, 1), sent(made, there, 1, stream=SECOND)
    committed(made)
    made.heard(FIRST, 50.0)
    made.state_silent(70.0, 5.0)
    assert [batch.writer for batch in made.next_group()] == [there.id]


def test_after_a_start_every_living_writer_has_a_full_time_out():
    """Writers that the log has no end of are silent one time-out after the start, not after their last word."""
    writer = Writer()
    living = {writer.id: WriterPosition(RUN, 3, writer.chain(3), WriterMark.NONE)}
    made = Intake("a log", living, EPOCH, now=1000.0)
    made.state_silent(1000.0 + limits.SILENT_AFTER_S - 1, 5.0)
    assert made.next_group() == []
    made.state_silent(1000.0 + limits.SILENT_AFTER_S, 5.0)
    assert [(batch.run, batch.first) for batch in made.next_group()] == [(RUN, 4)]


def test_nobody_is_silent_while_nobody_can_be_heard():
    """With a full queue streams are not read, and with a full disk nothing can be stated: both wait."""
    made, writer = intake(), Writer()
    opened(made, writer)
    sent(made, writer, 1)
    committed(made)
    made.has_space = False
    made.state_silent(1000.0, 5.0)
    made.has_space, made.queued_bytes = True, limits.QUEUE_BYTES_MAX
    assert not made.has_room
    made.state_silent(1000.0, 5.0)
    assert made.next_group() == []


def test_a_group_is_bounded():
    """One commit takes at most its limit of batches and bytes, in order, and the rest waits."""
    made, writer = intake(), Writer()
    opened(made, writer)
    for record in range(1, limits.COMMIT_BATCHES_MAX + 11):
        made.batch(FIRST, writer.batch(record, events=b"").batch, WriterMark.NONE, 5.0)
    assert len(made.next_group()) == limits.COMMIT_BATCHES_MAX
    made.appended([Appended(1)] * limits.COMMIT_BATCHES_MAX)
    assert len(made.next_group()) == 10
    made.appended([Appended(1)] * 10)
    large = bytes(limits.COMMIT_BYTES_MAX // 2 + 1)
    for record in range(limits.COMMIT_BATCHES_MAX + 11, limits.COMMIT_BATCHES_MAX + 14):
        made.batch(FIRST, writer.batch(record, events=large).batch, WriterMark.NONE, 5.0)
    assert len(made.next_group()) == 1


def test_a_commit_is_worth_its_price_when_many_share_it_or_one_waits():
    """A few small batches may wait for company; many, large ones, a run's end, and a stream that is to be told where it
    stands do not."""
    made, writer = intake(), Writer()
    opened(made, writer)
    for record in range(1, limits.COMMIT_WORTH_BATCHES):
        sent(made, writer, record)
        assert not made.is_worth_a_commit
    opened(made, writer, SECOND)
    assert made.is_worth_a_commit
    committed(made)
    assert not made.is_worth_a_commit
    for record in range(limits.COMMIT_WORTH_BATCHES, 2 * limits.COMMIT_WORTH_BATCHES):
        assert not made.is_worth_a_commit
        sent(made, writer, record, stream=SECOND)
    assert made.is_worth_a_commit
    committed(made)
    large = writer.batch(2 * limits.COMMIT_WORTH_BATCHES, events=bytes(limits.COMMIT_WORTH_BYTES)).batch
    made.batch(SECOND, large, WriterMark.NONE, 5.0)
    assert made.is_worth_a_commit
    committed(made)
    sent(made, writer, 2 * limits.COMMIT_WORTH_BATCHES + 1, stream=SECOND, admission=WriterMark.FINISHED)
    assert made.is_worth_a_commit
