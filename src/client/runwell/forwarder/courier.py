"""Carries one spool's records over a stream: the state machine of a writer, without a clock or a network of its own.

    CLOSED -Open-> OPENING -Welcome-> SEEKING -> OPEN -End-> ENDING -Ended-> DONE
       ^------------ new stream, fenced, not open, unknown position ----'         FAILED: nothing more can be sent

Where the writer stands is what Welcome says, on every stream anew. Of what was sent only the bounds are kept; when it
must be sent again it is cut again from the spool, so that nothing is lost with this process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

from runwell.core.limits import BATCH_BYTES_MAX, BATCH_BYTES_TARGET
from runwell.forwarder.backoff import Backoff
from runwell.forwarder.bisection import Bisection
from runwell.forwarder.encoding import encode
from runwell.forwarder.flight import Flight, Sent
from runwell.forwarder.ledger import Ledger
from runwell.forwarder.segments import SpoolError
from runwell.forwarder.source import Seek, SpoolSource
from runwell.forwarder.spools import LOCK_NAME, WriterSpool
from runwell.v1 import collector_pb2 as wire

LOCK_CHECK_INTERVAL_S = 1.0
"""How soon the death of a writer is noticed."""

BEYOND_ATTEMPTS_MAX = 3
"""So often a collector may say of a dead writer that it has more records than the spool, before the spool is left alone."""


RETRY_AFTER_S_MAX = 3600.0
"""A collector that asks for a longer pause, or for none, gets the pauses of the back-off."""


class ProtocolError(Exception):
    """The collector answered what no collector answers. Nothing of it is believed, and the stream is made anew."""


class State(Enum):
    """See the picture above."""

    CLOSED = auto()
    OPENING = auto()
    SEEKING = auto()
    OPEN = auto()
    ENDING = auto()
    DONE = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Terms:
    """What all couriers of a process have in common."""

    random: Random
    wall_time: Callable[[], float]
    client_version: str


Answer = wire.Welcome | wire.Ack | wire.Rewind | wire.Fenced | wire.Refused | wire.Ended


class Courier:
    """``now`` is any monotonic time in seconds. ``problem`` says why nothing gets acked at present, if so."""

    def __init__(self, spool: WriterSpool, terms: Terms) -> None:
        self.spool = spool
        self.ledger = Ledger(spool, terms.wall_time)
        self.state = State.DONE if self.ledger.over() else State.CLOSED
        self.live = True
        self.problem = ""
        self.records_sent = 0
        self.compressed = False
        self.furthest = 0, 0
        """The greatest ``place`` so far, so that going over the same ground again is no progress."""
        self.outstanding_since: float | None = None
        """Since when the collector owes an answer."""
        self._terms = terms
        self._source = SpoolSource(spool.disk, spool.directory, self.ledger.part)
        self._flight = Flight(0, 0)
        self._bisection = Bisection()
        self._held: wire.Batch | None = None
        self._drained = False
        self._left_more = False
        self._end: tuple[int, int] | None = None
        self._log_id = ""
        self.paused_until = float("-inf")
        """Until then nothing is sent for this spool."""
        self._backoff = Backoff(terms.random, 0.5, 60.0)
        self._fences = Backoff(terms.random, 10.0, 60.0)
        self._beyond = 0
        self._lock_checked_at = float("-inf")

    @property
    def writer(self) -> bytes:
        """The id under which records are sent now."""
        return self.ledger.part.writer

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to do for this spool, for good or for want of a way."""
        return self.state in (State.DONE, State.FAILED)

    @property
    def caught_up(self) -> bool:
        """Whether the collector has all that was in the spool when last looked."""
        return self.state is State.DONE or (self.state is State.OPEN and self._drained and not self._flight)

    def durable(self, log_id: str) -> int:
        """The last record of the spool that the collector with that log has, as far as is known."""
        acked = self.ledger.acked
        return acked.durable if acked is not None and acked.log_id == log_id else 0

    @property
    def refused(self) -> Mapping[int, str]:
        """Records that the collector refused for good, with its reasons."""
        return self._bisection.refused

    @property
    def place(self) -> tuple[int, int]:
        """Segment and offset up to which the spool was read."""
        return self._source.place

    def reset(self) -> None:
        """The stream is gone, or a new one begins: everything is asked anew."""
        if not self.settled:
            self._close()

    def reopen_for(self, log_id: str) -> None:
        """The collector turned out to have that log; one that is not settled there begins again."""
        if self.state is State.DONE and not self.ledger.settled(log_id):
            self._close()

    def doubt(self) -> None:
        """Asks the collector about a spool that is done, since nothing else would tell which log it has."""
        if self.state is State.DONE:
            self._close()

    def hurry(self) -> None:
        """Somebody waits: whatever was put off is tried at once."""
        self.paused_until = self._lock_checked_at = float("-inf")

    # ---- What to send

    def next_request(self, now: float) -> wire.Request | None:
        """The next message for the stream; None when there is none by now."""
        if now < self.paused_until:
            return None
        try:
            self._look(now)
            request = self._next(now)
        except (OSError, SpoolError) as error:
            self._spool_failed(error, now)
            return None
        if request is not None and self.outstanding_since is None:
            self.outstanding_since = now
        return request

    @property
    def has_more(self) -> bool:
        """Whether the next request is to be asked for at once, rather than when an answer or time has come."""
        match self.state:
            case State.CLOSED | State.SEEKING:
                return True
            case State.OPEN if self._flight and not self._flight.has_room(BATCH_BYTES_TARGET):
                return False
            case State.OPEN:
                return not self._drained or not (self.live or self._flight)
        return False

    def flows_fast(self) -> bool:
        """Whether there was more than a batch holds since this was asked last."""
        left_more, self._left_more = self._left_more, False
        return left_more

    def _next(self, now: float) -> wire.Request | None:
        match self.state:
            case State.CLOSED:
                return self._open(now)
            case State.SEEKING:
                self._seek(now)
            case State.OPEN:
                return self._batch(now) or self._end_when_over()
        return None

    def look(self, now: float) -> None:
        """Learns whether the writer is alive."""
        try:
            self._look(now)
        except OSError as error:
            self._spool_failed(error, now)

    def _look(self, now: float) -> None:
        if self.live and now - self._lock_checked_at >= LOCK_CHECK_INTERVAL_S:
            self._lock_checked_at = now
            self.live = self.spool.disk.locked(self.spool.directory / LOCK_NAME)

    def _open(self, now: float) -> wire.Request | None:
        if not self.live and self._source.is_empty():
            self.state = State.DONE
            return None
        self.state = State.OPENING
        entity, project, run_id = self.spool.run
        opening = wire.Open(writer_id=self.writer, client_version=self._terms.client_version)
        opening.run.entity, opening.run.project, opening.run.run_id = entity, project, run_id
        return wire.Request(open=opening)

    def _seek(self, now: float) -> None:
        verdict = self._source.pass_over(live=self.live, now=now)
        self.furthest = max(self.furthest, self.place)
        match verdict:
            case Seek.REACHED:
                self.state = State.OPEN
                if self._source.position == self._flight.durable:
                    self._beyond = 0
                    self.ledger.record(self._log_id, self._flight.durable, self._flight.chain)
                    self._leave_complete_part()
            case Seek.FORKED:
                self._fork()
            case Seek.BEYOND:
                self._refuse_to_believe(now)

    def _batch(self, now: float) -> wire.Request | None:
        if self._source.position < self._flight.durable:
            # What was given up had been taken after all.
            self._cut_again(self._flight.durable, self._flight.chain)
            return None
        if self._held is None and self._flight.has_room():
            self._held = self._cut(now)
        if self._held is None or not self._flight.has_room(len(self._held.events)):
            return None
        batch, self._held = self._held, None
        self._flight.add(batch)
        return wire.Request(batch=batch)

    def _cut(self, now: float) -> wire.Batch | None:
        records_max = self._bisection.records_max(self._source.position)
        cut = self._source.cut(
            live=self.live,
            now=now,
            bytes_max=BATCH_BYTES_TARGET,
            records_max=records_max,
            refused=self._bisection.refused,
        )
        self._drained = cut is None or self._source.drained
        self._left_more |= not self._drained
        if cut is None:
            return None
        batch = encode(self.writer, cut, compressed=self.compressed)
        if len(batch.events) <= BATCH_BYTES_MAX:
            return batch
        self._narrow(cut.first, cut.last, f"{len(batch.events)} bytes encoded, the limit is {BATCH_BYTES_MAX}", now)
        self._cut_again(cut.first - 1, cut.chain_before)
        return None

    def _end_when_over(self) -> wire.Request | None:
        """When nothing more will come: says so, unless the writer itself has said it."""
        if self.live or self.state is not State.OPEN or not self._drained or self._flight:
            return None
        if self.ledger.advance_part():
            self._change_part()
            return None
        self._end = self.spool.end()
        if self._source.finished or self._flight.durable == 0:
            self._finish()
            return None
        self.state = State.ENDING
        return wire.Request(end=wire.End(writer_id=self.writer, last=self._flight.durable))

    # ---- What was answered

    def receive(self, answer: Answer, now: float) -> None:
        """Raises ProtocolError."""
        try:
            self._receive(answer, now)
        except (OSError, SpoolError) as error:
            self._spool_failed(error, now)
        owed = (
            bool(self._flight)
            if self.state in (State.OPEN, State.SEEKING)
            else self.state in (State.OPENING, State.ENDING)
        )
        self.outstanding_since = now if owed else None

    def _receive(self, answer: Answer, now: float) -> None:
        match answer:
            case wire.Welcome():
                self._welcome(answer)
            case wire.Ack():
                self._ack(answer.durable)
            case wire.Rewind():
                self._rewind(answer, now)
            case wire.Fenced():
                self._fenced(now)
            case wire.Refused():
                self._refused(answer, now)
            case wire.Ended() if self.state is State.ENDING:
                self._finish()

    def _welcome(self, welcome: wire.Welcome) -> None:
        if self.state in (State.CLOSED, State.FAILED):
            # The disk failed in between: it is opened again when that is over.
            return
        if self.state is not State.OPENING:
            raise ProtocolError(f"Welcome for a writer that is {self.state.name}")
        self._log_id = welcome.log_id
        if not self.ledger.belongs_to(welcome.log_id):
            self._change_part()
            return
        self.state = State.SEEKING
        self._flight = Flight(welcome.durable, welcome.chain if welcome.durable else 0)
        self._source.seek(welcome.durable, welcome.chain, self.ledger.known())

    def _ack(self, durable: int) -> None:
        if self.state not in (State.SEEKING, State.OPEN, State.ENDING):
            return
        before = self._flight.durable
        if not self._flight.ack(durable):
            raise ProtocolError(f"Ack up to record {durable}, where no batch ended; {before} was acked before")
        if self._flight.durable > before:
            self._progressed(self._flight.durable - before)

    def _rewind(self, rewind: wire.Rewind, now: float) -> None:
        if self.state is not State.OPEN:
            return
        before = self._flight.durable
        if not self._flight.ack(rewind.durable) or rewind.durable < self._flight.durable:
            # Another stream's doing, or a collector that went back: Welcome will tell where it stands.
            self._pause(now, "the server stands elsewhere than its answers said")
            self._close()
            return
        if not self._flight.is_stale_rewind():
            self._cut_again(*self._flight.give_up())
        if self._flight.durable > before:
            self._progressed(self._flight.durable - before)

    def _fenced(self, now: float) -> None:
        """Another stream took the writer. It may end before the spool does, so this one looks again after a while."""
        self.problem = "another forwarder is sending this spool"
        self.paused_until = now + self._fences.next_s()
        self._close()

    def _refused(self, refused: wire.Refused, now: float) -> None:
        if self.state is State.OPENING and refused.first == 0:
            self._open_refused(refused, now)
        elif self.state in (State.OPEN, State.ENDING) and refused.reason == wire.REFUSAL_REASON_NOT_OPEN:
            self._pause(now, refused.message)
            self._close()
        elif self.state is State.OPEN and (sent := self._flight.find(refused.first)) is not None:
            self._batch_refused(refused, sent, now)
        elif self.state is State.ENDING and not refused.final:
            self._pause(now, refused.message)
            self.state = State.OPEN

    def _open_refused(self, refused: wire.Refused, now: float) -> None:
        if refused.reason == wire.REFUSAL_REASON_WRITER_FORKED:
            self._fork()
        elif refused.final:
            self.state, self.problem = State.FAILED, f"the server refuses this run: {refused.message}"
            self.outstanding_since = None
        else:
            self._retry_later(refused, now)
            self._close()

    def _batch_refused(self, refused: wire.Refused, sent: Sent, now: float) -> None:
        position, chain = self._flight.give_up_from(sent.first)
        if refused.final and refused.reason == wire.REFUSAL_REASON_WRITER_FORKED:
            self._fork()
            return
        if refused.final:
            self._narrow(sent.first, sent.last, refused.message, now)
        else:
            self._retry_later(refused, now)
        self._cut_again(position, chain)

    # ---- Changes of mind

    def _progressed(self, records: int) -> None:
        self.problem = ""
        self.records_sent += records
        self._backoff.reset()
        self.ledger.record(self._log_id, self._flight.durable, self._flight.chain)
        self._leave_complete_part()

    def _leave_complete_part(self) -> None:
        if self.state is State.OPEN and self._source.complete and not self._flight and self.ledger.advance_part():
            self._change_part()

    def _change_part(self) -> None:
        self._source = SpoolSource(self.spool.disk, self.spool.directory, self.ledger.part)
        self._bisection = Bisection()
        self._close()

    def _close(self) -> None:
        self.state, self._held, self._drained, self.outstanding_since = State.CLOSED, None, False, None

    def _finish(self) -> None:
        self.state, self.outstanding_since, self.problem = State.DONE, None, ""
        self.ledger.record(self._log_id, self._flight.durable, self._flight.chain, end=self._end)

    def _pause(self, now: float, problem: str) -> None:
        self.problem = problem
        self.paused_until = now + self._backoff.next_s()

    def _retry_later(self, refused: wire.Refused, now: float) -> None:
        self._pause(now, refused.message or wire.RefusalReason.Name(refused.reason))
        if 0 < refused.retry_after_s <= RETRY_AFTER_S_MAX:
            self.paused_until = now + refused.retry_after_s

    def _cut_again(self, position: int, chain: int) -> None:
        self.state, self._held, self._drained = State.SEEKING, None, False
        self._source.seek(position, chain, (position, chain))

    def _narrow(self, first: int, last: int, reason: str, now: float) -> None:
        if not self._bisection.narrow(first, last, reason):
            self._pause(now, f"the server refuses even the note that record {first} is refused: {reason}")

    def _fork(self) -> None:
        """The spool's past is not the collector's. What both last agreed on stays; the rest goes on as a new writer."""
        known, acked = self.ledger.known(), self.ledger.acked
        agreed = known is not None and acked is not None and acked.log_id == self._log_id
        common = known[0] if agreed and known is not None and known[0] < self._flight.durable else 0
        self.ledger.fork(common, self._terms.random)
        self._change_part()

    def _refuse_to_believe(self, now: float) -> None:
        """More records than the spool has: it is an older copy, lost its end in a power cut, or the server is wrong."""
        self._beyond += 1
        self._close()
        self._pause(
            now,
            f"the server says that it has {self._flight.durable} records of this writer, which is more than the spool has. "
            "Is this an older copy of a spool that was sent from elsewhere? Nothing of it was sent or removed",
        )
        if not self.live and self._beyond >= BEYOND_ATTEMPTS_MAX:
            self.state = State.FAILED

    def _spool_failed(self, error: OSError | SpoolError, now: float) -> None:
        self._pause(now, str(error))
        if isinstance(error, SpoolError):
            self.state, self.outstanding_since = State.FAILED, None
        elif isinstance(error, FileNotFoundError) and not self.spool.disk.size(self.spool.directory):
            self.state, self.problem = State.FAILED, f"{self.spool.directory} was removed before all of it was sent"
        else:
            self._close()
