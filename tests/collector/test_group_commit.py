"""One commit carries batches of many writers; whose records are durable is told to each."""

from runwell.v1 import collector_pb2 as wire
from runwell_collector.intake import Intake
from runwell_collector.log import Appended, WriterMark
from tests.collector.sender import Writer


def test_a_commit_acknowledges_every_writer_by_its_own_name_and_position():
    """After a commit of three writers on two streams each is told, on its own stream, where it stands itself."""
    intake = Intake("a log", {}, 1, now=0.0)
    opened = [(Writer("a"), 1, 2), (Writer("b"), 1, 3), (Writer("c"), 2, 5)]
    for stream in (1, 2):
        intake.connected(stream, 0.0)
    for writer, stream, count in opened:
        intake.open(stream, writer.open().open, None, 0.0)
        intake.batch(stream, writer.batch(1, count).batch, WriterMark.NONE, 0.0)
    group = intake.next_group()
    assert len(group) == len(opened)
    answers = intake.appended([Appended(offset) for offset, _ in enumerate(group, 1)])
    told = [(answer.stream, answer.response) for answer in answers]
    expected = [
        (stream, wire.Response(ack=wire.Ack(writer_id=writer.id, durable=count))) for writer, stream, count in opened
    ]
    assert told == expected
