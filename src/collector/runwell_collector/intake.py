"""What the collector takes from its streams, and what it answers: a state machine without clock, disk or network.

Every call returns the replies that it causes. Batches that are taken wait in a queue; the appender takes a group of them,
appends it to the log, and brings back the log's answers. What may be sent when:

- A batch is judged where its writer will stand once everything queued before it is durable (its *tip*), so that a sender
  need not wait for acks, and a batch out of place never reaches the log.
- Ack and Ended are caused by the log's answers alone, which come after the commit.
- Welcome and Rewind say where to begin, so they wait until nothing of the writer is queued.
- A sender that was told to begin anew at the tip has more batches on their way. Those are dropped without an answer
  until one begins at the tip: one answer to one mistake, however many batches were in flight. A sender that still
  misses the tip seconds later is told again.

Writers are independent: a refusal, a rewind or a fence touches no other writer of the stream.
"""

import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from runwell.core import limits, names
from runwell.core.artifacts.naming import catalogue_writer
from runwell.core.frames import advance_chain
from runwell.v1 import collector_pb2, event_pb2
from runwell_collector import replies
from runwell_collector.admission import InvalidBatchError
from runwell_collector.log import Appended, Conflict, NewBatch, RunId, WriterMark, WriterPosition, advanced
from runwell_collector.replies import Reply

WRITER_ID_BYTES = 16
NO_SPACE = "the server's disk is almost full; free space there, the sender tries again by itself"


@dataclass(slots=True, eq=False)
class _Writer:
    """One writer. ``tip`` is where it will stand once its ``queued`` batches are durable."""

    id: bytes
    durable: WriterPosition
    tip: WriterPosition
    heard_at: float
    stream: int | None = None
    epoch: int = 0
    queued: int = 0
    told_at: float | None = None
    """When its sender was told to begin anew at the tip, which it has not done since."""
    welcome_due: bool = False
    rewind_due: bool = False
    end_due: bool = False


@dataclass(slots=True)
class _Stream:
    heard_at: float
    writers: dict[bytes, _Writer] = field(default_factory=dict)
    shut: set[bytes] = field(default_factory=set)
    """Writers of which this stream was told that it doesn't have them any more; what comes for them is from before."""


@dataclass(frozen=True, slots=True)
class _Queued:
    batch: NewBatch
    writer: _Writer
    stream: int | None


class Intake:
    """Times named ``now`` are seconds on a monotonic clock, ``received_at`` is unix seconds."""

    def __init__(self, log_id: str, living: Mapping[bytes, WriterPosition], epoch: int, now: float) -> None:
        """``living`` are the writers that the log has no end of: each has a full time-out from now to be heard again."""
        self._log_id = log_id
        self._epoch = epoch
        self._writers = {
            writer_id: _Writer(writer_id, position, position, heard_at=now) for writer_id, position in living.items()
        }
        self._streams: dict[int, _Stream] = {}
        self._queue: deque[_Queued] = deque()
        self._group: list[_Queued] = []
        self._awaited = False
        """A process waits for the end of its run, or a stream for its answer to be told where to begin."""
        self.queued_bytes = 0
        self.has_space = True
        """Whether the disk under the log takes more; set by who watches it."""

    # ---- State that others look at

    @property
    def queued_batches(self) -> int:
        """Batches taken and not yet durable, those that are being appended included."""
        return len(self._queue) + len(self._group)

    @property
    def has_room(self) -> bool:
        """Whether streams may be read on."""
        return self.queued_bytes < limits.QUEUE_BYTES_MAX and self.queued_batches < limits.QUEUE_BATCHES_MAX

    @property
    def is_worth_a_commit(self) -> bool:
        """Whether somebody is known to wait for what is queued, or it is enough to share the price of a commit."""
        return (
            self._awaited
            or len(self._queue) >= limits.COMMIT_WORTH_BATCHES
            or self.queued_bytes >= limits.COMMIT_WORTH_BYTES
        )

    @property
    def open_writers(self) -> int:
        """Writers that a stream has open."""
        return sum(len(stream.writers) for stream in self._streams.values())

    @property
    def streams(self) -> int:
        """Streams that are connected."""
        return len(self._streams)

    def is_settled(self, stream: int) -> bool:
        """Whether everything that was taken from the stream is answered."""
        return not any(writer.queued for writer in self._streams[stream].writers.values())

    def knows(self, writer: bytes) -> bool:
        """Whether Open needs no look into the log."""
        return writer in self._writers

    # ---- Streams

    def connected(self, stream: int, now: float) -> None:
        """A new stream, under a number that was never used."""
        assert stream not in self._streams
        self._streams[stream] = _Stream(now)

    def disconnected(self, stream: int) -> None:
        """The stream is gone; what it sent is still appended, and its writers have a time-out from its last word."""
        gone = self._streams.pop(stream)
        for writer in gone.writers.values():
            writer.stream = None
            writer.heard_at = gone.heard_at
            self._forget_if_idle(writer)

    def heard(self, stream: int, now: float) -> None:
        """Something came on the stream, so its sender lives, and by its word all writers open there."""
        self._streams[stream].heard_at = now

    # ---- Requests

    def open(
        self, stream: int, request: collector_pb2.Open, position: WriterPosition | None, now: float
    ) -> list[Reply]:
        """``position`` is the writer's in the log, and not looked at when the writer is known here."""
        writer_id, run = request.writer_id, RunId(request.run.entity, request.run.project, request.run.run_id)
        if fault := _open_fault(writer_id, run):
            return [replies.refused(stream, writer_id, 0, collector_pb2.REFUSAL_REASON_INVALID, fault)]
        writer = self._writers.get(writer_id)
        if writer is None and len(self._writers) >= limits.OPEN_WRITERS_MAX:
            return [_refused_for_now(stream, writer_id)]
        if writer is None:
            durable = position or WriterPosition(run, 0, 0, WriterMark.NONE)
            writer = self._writers[writer_id] = _Writer(writer_id, durable, durable, heard_at=now)
        if writer.tip.run != run:
            message = (
                f"writer {writer_id.hex()} belongs to run {'/'.join(writer.tip.run)}; a writer id is never used again"
            )
            self._forget_if_idle(writer)
            return [replies.refused(stream, writer_id, 0, collector_pb2.REFUSAL_REASON_INVALID, message)]
        answers = self._take_over(writer, stream)
        writer.told_at = None
        writer.rewind_due = writer.end_due = False
        writer.welcome_due = True
        return [*answers, *self._due(writer)]

    def batch(
        self,
        stream: int,
        request: collector_pb2.Batch,
        admission: WriterMark | InvalidBatchError,
        received_at: float,
    ) -> list[Reply]:
        """``admission`` is what admit() said of the batch, or raised."""
        writer_id, first = request.writer_id, request.first
        writer = self._streams[stream].writers.get(writer_id)
        if writer is None:
            return self._not_open(stream, writer_id, first)
        if first != writer.tip.durable + 1:
            return self._out_of_place(writer)
        if request.chain_before != writer.tip.chain:
            self._shut(writer)
            self._forget_if_idle(writer)
            message = (
                f"records up to {first - 1} of writer {writer_id.hex()} are stored and differ from the sender's: its spool was "
                "copied or its machine restored; go on as a new writer"
            )
            return [replies.refused(stream, writer_id, first, collector_pb2.REFUSAL_REASON_WRITER_FORKED, message)]
        if isinstance(admission, InvalidBatchError):
            writer.told_at = self._streams[stream].heard_at
            return [replies.refused(stream, writer_id, first, collector_pb2.REFUSAL_REASON_INVALID, str(admission))]
        if not self.has_space:
            return [self._refused_without_space(writer)]
        self._enqueue(writer, _new_batch(writer.tip.run, request, admission, received_at))
        return []

    def end(self, stream: int, request: collector_pb2.End, received_at: float) -> list[Reply]:
        """The writer's process is gone. Answered with Ended once that is in the log, where it is stated once."""
        writer_id = request.writer_id
        writer = self._streams[stream].writers.get(writer_id)
        if writer is None:
            return self._not_open(stream, writer_id, 0)
        if request.last > writer.tip.durable:
            return self._out_of_place(writer)
        if writer.tip.durable and not writer.tip.mark & (WriterMark.ENDED | WriterMark.FINISHED):
            if not self.has_space:
                return [self._refused_without_space(writer)]
            event = event_pb2.Event(time=received_at, writer_ended=event_pb2.WriterEnded(last=writer.tip.durable))
            self._enqueue(writer, _control_entry(writer, event, WriterMark.ENDED, received_at))
        writer.end_due = True
        return self._due(writer)

    # ---- Liveness

    def state_silent(self, now: float, received_at: float) -> None:
        """Queues WriterSilent for each living writer that was not heard of for the time-out.

        Nobody can be heard while the queue is full or the disk is, so then nobody is stated silent.
        """
        if not self.has_room or not self.has_space:
            return
        for writer in list(self._writers.values()):
            heard_at = writer.heard_at if writer.stream is None else self._streams[writer.stream].heard_at
            if now - heard_at < limits.SILENT_AFTER_S or writer.queued or writer.tip.durable == 0:
                continue
            if writer.tip.mark == WriterMark.NONE:
                silent = event_pb2.WriterSilent(timeout_s=limits.SILENT_AFTER_S)
                event = event_pb2.Event(time=received_at, writer_silent=silent)
                self._enqueue(writer, _control_entry(writer, event, WriterMark.SILENT, received_at))

    # ---- What the collector decides

    def state(
        self, run: RunId, writer_id: bytes, position: WriterPosition | None, event: event_pb2.Event, received_at: float
    ) -> None:
        """Queues the next record of a writer that is the collector itself; ``is_idle`` tells when it was answered."""
        durable = position or WriterPosition(run, 0, 0, WriterMark.NONE)
        writer = _Writer(writer_id, durable, durable, heard_at=0.0)
        self._writers[writer_id] = writer
        events = event_pb2.Events(events=[event]).SerializeToString()
        batch = NewBatch(
            run=run,
            writer=writer_id,
            first=durable.durable + 1,
            count=1,
            chain_before=durable.chain,
            chain=advance_chain(durable.chain, zlib.crc32(events)),
            received_at=received_at,
            codec=collector_pb2.CODEC_NONE,
            events=events,
            # Nobody watches whether it falls silent.
            mark=WriterMark.FINISHED,
            notable=True,
        )
        self._enqueue(writer, batch)

    def is_idle(self, writer_id: bytes) -> bool:
        """Whether nothing of the writer is queued."""
        writer = self._writers.get(writer_id)
        return writer is None or not writer.queued

    # ---- The appender

    def next_group(self) -> list[NewBatch]:
        """What to append in one commit; ``appended`` or ``group_failed`` follows before the next call."""
        assert not self._group
        self._awaited = False
        group_bytes = 0
        while self._queue and len(self._group) < limits.COMMIT_BATCHES_MAX:
            group_bytes += len(self._queue[0].batch.events)
            if self._group and group_bytes > limits.COMMIT_BYTES_MAX:
                break
            self._group.append(self._queue.popleft())
        return [queued.batch for queued in self._group]

    def appended(self, results: list[Appended | Conflict]) -> list[Reply]:
        """The group was committed: its writers stand where the log says."""
        group = self._take_group()
        acks: dict[bytes, Reply] = {}
        for queued, result in zip(group, results, strict=True):
            writer = queued.writer
            position = None if isinstance(result, Conflict) else advanced(writer.durable, queued.batch)
            if position is None:
                assert isinstance(result, Conflict), "the log has taken a batch that follows nothing"
                self._set_back({writer.id: writer}, result.position)
                writer.rewind_due = writer.stream is not None
                continue
            writer.durable = position
            if queued.batch.count and queued.stream is not None and queued.stream == writer.stream:
                acks[writer.id] = replies.ack(queued.stream, writer.id, position.durable)
        return [*acks.values(), *self._settled(group)]

    def group_failed(self, message: str) -> list[Reply]:
        """The disk is full: nothing of the group was appended, and its senders try again later."""
        group = self._take_group()
        writers = {queued.writer.id: queued.writer for queued in group}
        self._set_back(writers, None)
        refused = [
            self._refused_without_space(writer, message)
            for writer in writers.values()
            if writer.stream is not None and not writer.welcome_due
        ]
        return [*refused, *self._settled(group)]

    # ---- Steps of the above

    def _take_over(self, writer: _Writer, stream: int) -> list[Reply]:
        """Opens the writer on ``stream``, and on no other."""
        answers = []
        if writer.stream is not None and writer.stream != stream:
            answers.append(replies.fenced(writer.stream, writer.id))
            self._shut(writer)
        self._epoch += 1
        writer.stream, writer.epoch = stream, self._epoch
        self._streams[stream].writers[writer.id] = writer
        self._streams[stream].shut.discard(writer.id)
        return answers

    def _shut(self, writer: _Writer) -> None:
        """The writer's stream has it no more, and was or will be told so; what it still sends for it is dropped."""
        assert writer.stream is not None
        stream = self._streams[writer.stream]
        del stream.writers[writer.id]
        stream.shut.add(writer.id)
        writer.stream, writer.heard_at = None, stream.heard_at

    def _not_open(self, stream: int, writer_id: bytes, first: int) -> list[Reply]:
        if writer_id in self._streams[stream].shut:
            return []
        reason, message = collector_pb2.REFUSAL_REASON_NOT_OPEN, "this writer is not open on this stream; send Open"
        return [replies.refused(stream, writer_id, first, reason, message, retry_after_s=0.0)]

    def _out_of_place(self, writer: _Writer) -> list[Reply]:
        assert writer.stream is not None
        now = self._streams[writer.stream].heard_at
        if writer.told_at is not None and now - writer.told_at < limits.RETRY_AFTER_S:
            return []
        writer.told_at, writer.rewind_due = now, True
        return self._due(writer)

    def _refused_without_space(self, writer: _Writer, message: str = NO_SPACE) -> Reply:
        assert writer.stream is not None
        writer.told_at = self._streams[writer.stream].heard_at
        reason, first = collector_pb2.REFUSAL_REASON_NO_SPACE, writer.tip.durable + 1
        return replies.refused(writer.stream, writer.id, first, reason, message, limits.RETRY_AFTER_S)

    def _enqueue(self, writer: _Writer, batch: NewBatch) -> None:
        tip = advanced(writer.tip, batch)
        assert tip is not None, "the batch was judged to be in place"
        writer.tip = tip
        writer.told_at = None
        writer.queued += 1
        # An agent waits for what the controller of sweeps decides until it is durable.
        waits = bool(batch.mark & (WriterMark.FINISHED | WriterMark.ENDED)) or names.is_sweep_stream(batch.run.run_id)
        self._awaited |= waits
        self.queued_bytes += len(batch.events)
        self._queue.append(_Queued(batch, writer, writer.stream))

    def _take_group(self) -> list[_Queued]:
        group, self._group = self._group, []
        for queued in group:
            queued.writer.queued -= 1
            self.queued_bytes -= len(queued.batch.events)
        return group

    def _set_back(self, writers: Mapping[bytes, _Writer], position: WriterPosition | None) -> None:
        """Their queued batches follow what is not in the log: drops them. ``position`` is what the log says, if it does."""
        dropped = [queued for queued in self._queue if queued.writer.id in writers]
        self._queue = deque(queued for queued in self._queue if queued.writer.id not in writers)
        for queued in dropped:
            queued.writer.queued -= 1
            self.queued_bytes -= len(queued.batch.events)
        for writer in writers.values():
            writer.durable = position or writer.durable
            writer.tip = writer.durable
            writer.end_due = False
            if writer.stream is not None:
                writer.told_at = self._streams[writer.stream].heard_at

    def _settled(self, group: list[_Queued]) -> list[Reply]:
        """What the writers of an answered group were waiting for."""
        answers = []
        for writer in {queued.writer.id: queued.writer for queued in group}.values():
            answers.extend(self._due(writer))
            if writer.durable.mark & WriterMark.FINISHED and not writer.queued and writer.stream is not None:
                del self._streams[writer.stream].writers[writer.id]
                writer.stream = None
            self._forget_if_idle(writer)
        return answers

    def _due(self, writer: _Writer) -> list[Reply]:
        """The answers that had to wait until nothing of the writer is queued."""
        if writer.queued or writer.stream is None:
            self._awaited |= writer.welcome_due or writer.rewind_due
            return []
        answers, stream, at = [], writer.stream, writer.durable
        if writer.welcome_due:
            answers.append(replies.welcome(stream, writer.id, at.durable, at.chain, writer.epoch, self._log_id))
        elif writer.rewind_due:
            answers.append(replies.rewind(stream, writer.id, at.durable, at.chain))
        if writer.end_due:
            answers.append(replies.ended(stream, writer.id))
            del self._streams[stream].writers[writer.id]
            writer.stream = None
            self._forget_if_idle(writer)
        writer.welcome_due = writer.rewind_due = writer.end_due = False
        return answers

    def _forget_if_idle(self, writer: _Writer) -> None:
        """Memory is for writers that are open, under way or to be watched for silence; the log knows the others."""
        if writer.stream is None and not writer.queued and (writer.tip.mark or writer.tip.durable == 0):
            self._writers.pop(writer.id, None)


def _open_fault(writer_id: bytes, run: RunId) -> str | None:
    if len(writer_id) != WRITER_ID_BYTES:
        return f"a writer id has {WRITER_ID_BYTES} random bytes, and this one has {len(writer_id)}"
    if run.run_id == names.ARTIFACT_STREAM and writer_id == catalogue_writer(run.entity, run.project):
        return "only the collector writes decisions about artifacts"
    stream_problem = None if run.run_id == names.ARTIFACT_STREAM else names.stream_problem(run.run_id)
    return names.entity_problem(run.entity) or names.project_problem(run.project) or stream_problem


def _refused_for_now(stream: int, writer_id: bytes) -> Reply:
    reason = collector_pb2.REFUSAL_REASON_UNAVAILABLE
    message = f"{limits.OPEN_WRITERS_MAX} writers are open; the sender tries again by itself"
    return replies.refused(stream, writer_id, 0, reason, message, limits.RETRY_AFTER_S)


def _new_batch(run: RunId, request: collector_pb2.Batch, mark: WriterMark, received_at: float) -> NewBatch:
    return NewBatch(
        run=run,
        writer=request.writer_id,
        first=request.first,
        count=request.count,
        chain_before=request.chain_before,
        chain=request.chain,
        received_at=received_at,
        codec=request.codec,
        events=request.events,
        mark=mark & ~WriterMark.NOTABLE,
        notable=bool(mark & WriterMark.NOTABLE),
    )


def _control_entry(writer: _Writer, event: event_pb2.Event, mark: WriterMark, received_at: float) -> NewBatch:
    """Has a place in the log and none among the writer's records."""
    return NewBatch(
        run=writer.tip.run,
        writer=writer.id,
        first=writer.tip.durable + 1,
        count=0,
        chain_before=writer.tip.chain,
        chain=writer.tip.chain,
        received_at=received_at,
        codec=collector_pb2.CODEC_NONE,
        events=event_pb2.Events(events=[event]).SerializeToString(),
        mark=mark,
    )
