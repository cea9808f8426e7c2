"""A collector written from the protocol's document: slow, obvious, in memory; and the wire between it and a session."""

import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from runwell.forwarder.courier import Courier, ProtocolError, Terms
from runwell.forwarder.session import Session
from runwell.v1 import collector_pb2 as wire
from runwell.v1 import event_pb2


@dataclass
class Stored:
    """What is kept of one writer."""

    durable: int = 0
    chain: int = 0
    epoch: int = 0
    ended: int | None = None
    events: list[tuple[int, event_pb2.Event]] = field(default_factory=list)
    """Record number of each event, and the event."""
    batches: list[tuple[int, int]] = field(default_factory=list)

    def steps(self) -> list[int]:
        """Steps of all rows in record order."""
        rows: list[tuple[int, int]] = []
        for first, event in self.events:
            logged = event.metric_logged
            places = logged.indexes or range(event.index, event.index + logged.rows)
            rows.extend((first - event.index + place, step) for place, step in zip(places, logged.steps, strict=True))
        return [step for _, step in sorted(rows)]

    def kinds(self) -> list[str | None]:
        return [event.WhichOneof("event") for _, event in self.events]


Judge = Callable[[wire.Batch, event_pb2.Events], wire.Refused | None]


class ModelCollector:
    """``judge`` says which batches are refused, and how."""

    def __init__(self, log_id: str = "log-1", judge: Judge = lambda batch, events: None) -> None:
        self.log_id = log_id
        self.judge = judge
        self.writers: dict[bytes, Stored] = {}

    def answer(self, stream: dict[bytes, int], request: wire.Request) -> list[wire.Response]:
        """Answers one message of a stream; ``stream`` has the epochs of the writers that are open on it."""
        match request.WhichOneof("request"):
            case "open":
                stored = self.writers.setdefault(request.open.writer_id, Stored())
                stored.epoch += 1
                stream[request.open.writer_id] = stored.epoch
                welcome = wire.Welcome(
                    durable=stored.durable, chain=stored.chain, epoch=stored.epoch, log_id=self.log_id
                )
                return [self._to(request.open.writer_id, welcome=welcome)]
            case "batch":
                return [self._batch(stream, request.batch)]
            case "end":
                self.writers[request.end.writer_id].ended = request.end.last
                return [self._to(request.end.writer_id, ended=wire.Ended())]
        return []

    def _batch(self, stream: dict[bytes, int], batch: wire.Batch) -> wire.Response:
        writer = batch.writer_id
        stored = self.writers[writer]
        if stream.get(writer) != stored.epoch:
            return self._to(writer, fenced=wire.Fenced())
        data = zlib.decompress(batch.events) if batch.codec == wire.CODEC_ZLIB else batch.events
        events = event_pb2.Events.FromString(data)
        if (refused := self.judge(batch, events)) is not None:
            refused.first = batch.first
            return self._to(writer, refused=refused)
        if batch.first != stored.durable + 1:
            return self._to(writer, rewind=wire.Rewind(durable=stored.durable, chain=stored.chain))
        if batch.chain_before != stored.chain:
            reason = wire.REFUSAL_REASON_WRITER_FORKED
            return self._to(writer, refused=wire.Refused(first=batch.first, reason=reason, final=True))
        stored.durable, stored.chain = batch.first + batch.count - 1, batch.chain
        stored.batches.append((batch.first, batch.count))
        stored.events.extend((batch.first + event.index, event) for event in events.events)
        return self._to(writer, ack=wire.Ack(durable=stored.durable))

    @staticmethod
    def _to(writer: bytes, **answer: object) -> wire.Response:
        response = wire.Response(**answer)
        getattr(response, response.WhichOneof("response")).writer_id = writer
        return response


class Line:
    """A session and a collector with a wire between them that a test may cut; time passes when nothing else happens."""

    def __init__(self, collector: ModelCollector, seed: int = 0) -> None:
        self.collector = collector
        self.session = Session(Terms(Random(seed), lambda: 1000.0 + self.now, "test"))
        self.now = 0.0
        self.sent: list[wire.Request] = []
        self._stream: dict[bytes, int] = {}
        self._answers: deque[wire.Response] = deque()
        self.connect()

    def connect(self) -> None:
        self._stream = {}
        self._answers.clear()
        self.session.connect(self.now, compressed=False)

    def cut(self) -> None:
        self.session.disconnect()
        self.connect()

    def send(self) -> bool:
        """Lets one message reach the collector; its answers wait on the wire. False when there is none to send."""
        request = self.session.next_request(self.now)
        while request is None and self.session.busy:
            request = self.session.next_request(self.now)
        if request is None:
            return False
        self.sent.append(request)
        self._answers.extend(self.collector.answer(self._stream, request))
        return True

    def receive(self) -> bool:
        """Lets one answer arrive. False when there is none."""
        if not self._answers:
            return False
        self.session.received(self._answers.popleft(), self.now)
        return True

    def send_all(self) -> None:
        while self.send():
            pass

    def receive_all(self) -> None:
        while self.receive():
            pass

    def exchange(self) -> None:
        """Until neither side has anything to say at this time."""
        while self.send() or self.receive():
            pass

    def wait(self) -> None:
        """Passes time until something is due."""
        self.now = max(self.now, self.session.next_tick()) + 0.001
        self.session.tick(self.now)

    def settle(self, courier: Courier | None = None, *, steps_max: int = 20_000) -> None:
        """Goes on until every spool (or that one) is settled."""
        for _ in range(steps_max):
            if courier.settled if courier else all(courier.settled for courier in self.session.couriers):
                return
            if not self.send() and not self.receive():
                self.wait()
        raise AssertionError(f"not settled: {[(c.state, c.problem) for c in self.session.couriers]}")

    def expect_nonsense(self, **answer: object) -> None:
        """Hands in an answer that must be recognised as nonsense, and begins a new stream as the shell does."""
        try:
            self.session.received(wire.Response(**answer), self.now)
        except ProtocolError:
            self.cut()
        else:
            raise AssertionError("believed")
