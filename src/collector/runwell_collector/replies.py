"""The collector's answers, each to one stream."""

from typing import NamedTuple

from runwell.v1 import collector_pb2


class Reply(NamedTuple):
    """To be sent to this stream."""

    stream: int
    response: collector_pb2.Response


def welcome(stream: int, writer: bytes, durable: int, chain: int, epoch: int, log_id: str) -> Reply:
    """The writer is open on this stream; to be sent when nothing of it is on its way to the disk."""
    message = collector_pb2.Welcome(writer_id=writer, durable=durable, chain=chain, epoch=epoch, log_id=log_id)
    return Reply(stream, collector_pb2.Response(welcome=message))


def ack(stream: int, writer: bytes, durable: int) -> Reply:
    """To be sent only after the commit of these records is on disk."""
    return Reply(stream, collector_pb2.Response(ack=collector_pb2.Ack(writer_id=writer, durable=durable)))


def rewind(stream: int, writer: bytes, durable: int, chain: int) -> Reply:
    """To be sent when nothing of the writer is on its way to the disk, so that it begins where it must."""
    message = collector_pb2.Rewind(writer_id=writer, durable=durable, chain=chain)
    return Reply(stream, collector_pb2.Response(rewind=message))


def fenced(stream: int, writer: bytes) -> Reply:
    """Another stream has the writer."""
    return Reply(stream, collector_pb2.Response(fenced=collector_pb2.Fenced(writer_id=writer)))


def ended(stream: int, writer: bytes) -> Reply:
    """To be sent only after WriterEnded is on disk."""
    return Reply(stream, collector_pb2.Response(ended=collector_pb2.Ended(writer_id=writer)))


def refused(
    stream: int,
    writer: bytes,
    first: int,
    reason: collector_pb2.RefusalReason,
    message: str,
    retry_after_s: float | None = None,
) -> Reply:
    """Final where no time to retry is given."""
    refusal = collector_pb2.Refused(
        writer_id=writer,
        first=first,
        reason=reason,
        message=message,
        final=retry_after_s is None,
        retry_after_s=retry_after_s or 0.0,
    )
    return Reply(stream, collector_pb2.Response(refused=refusal))
