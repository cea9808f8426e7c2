"""Whatever order things happen in, the log has each record of each writer once, in order, and every ack is true."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.v1 import collector_pb2 as wire
from runwell_collector.admission import admit
from runwell_collector.intake import Intake
from runwell_collector.log import NewBatch, decode_events
from runwell_collector.log.memory import MemoryEventLog
from runwell_collector.replies import Reply
from tests.collector.sender import Writer

RECORDS = 12
ROUNDS_MAX = 200


@dataclass
class Sender:
    """A forwarder in a few lines: it opens, sends from where it is told to, and believes nothing but acks."""

    writer: Writer
    stream: int = 0
    following: int | None = None
    acked: int = 0
    ended: bool = False
    requests: deque[wire.Request] = field(default_factory=deque)

    def connect(self, stream: int) -> None:
        """A new connection: what was on the old one's wire is lost."""
        self.stream, self.following = stream, None
        self.requests = deque([self.writer.open()])

    def send(self, count: int) -> None:
        if self.following is None or self.ended:
            return
        if self.following > RECORDS:
            self.requests.append(self.writer.end(RECORDS))
            return
        count = min(count, RECORDS + 1 - self.following)
        self.requests.append(self.writer.batch(self.following, count))
        self.following += count

    def take(self, response: wire.Response) -> None:
        kind = response.WhichOneof("response")
        if kind in {"welcome", "rewind"}:
            self.following = getattr(response, kind).durable + 1
        elif kind == "ack":
            self.acked = max(self.acked, response.ack.durable)
        elif kind == "ended":
            self.ended = True
        elif kind == "refused" and response.refused.reason == wire.REFUSAL_REASON_NO_SPACE:
            self.following = response.refused.first
        elif kind in {"refused", "fenced"}:
            assert kind == "fenced" or response.refused.reason == wire.REFUSAL_REASON_NOT_OPEN
            self.following = None
            self.requests.append(self.writer.open())


class World:
    """Two senders, a collector and its log; every step is a choice of the test."""

    def __init__(self) -> None:
        self.log = MemoryEventLog("a log")
        self.senders = [Sender(Writer("a")), Sender(Writer("b"))]
        self.streams = 0
        self.opens = 0
        self.now = 0.0

    async def start(self) -> None:
        """The collector starts, for the first time or after a kill: what it had in memory is gone."""
        self.intake = Intake(self.log.log_id, await self.log.living(), self.opens, self.now)
        self.group: Sequence[NewBatch] = []
        for sender in self.senders:
            self.reconnect(sender)

    def reconnect(self, sender: Sender) -> None:
        """On a new stream; the old one is still connected, as half-open connections are."""
        self.streams += 1
        self.intake.connected(self.streams, self.now)
        sender.connect(self.streams)

    async def deliver(self, sender: Sender, *, twice: bool = False) -> None:
        """The next request on the sender's wire arrives, perhaps twice."""
        if not sender.requests:
            return
        request = sender.requests.popleft()
        for _ in range(1 + twice):
            self.answer(await self.taken(sender.stream, request))

    async def taken(self, stream: int, request: wire.Request) -> list[Reply]:
        self.intake.heard(stream, self.now)
        match request.WhichOneof("request"):
            case "open":
                self.opens += 1
                return self.intake.open(stream, request.open, await self.log.position(request.open.writer_id), self.now)
            case "batch":
                return self.intake.batch(stream, request.batch, admit(request.batch), self.now)
        return self.intake.end(stream, request.end, self.now)

    async def begin_commit(self) -> None:
        self.group = self.group or self.intake.next_group()

    async def finish_commit(self, *, full: bool = False) -> None:
        if not self.group:
            return
        group, self.group = self.group, []
        self.answer(self.intake.group_failed("full") if full else self.intake.appended(await self.log.append(group)))

    async def commit_and_die(self) -> None:
        """The process dies after the commit and before its acks."""
        await self.log.append(self.group or self.intake.next_group())
        await self.start()

    def answer(self, answers: list[Reply]) -> None:
        for answer in answers:
            for sender in self.senders:
                if sender.stream == answer.stream:
                    sender.take(answer.response)

    async def check(self) -> None:
        """Each record once and in its order; what was acked is there."""
        reached = {sender.writer.id: 0 for sender in self.senders}
        for stored in await self.log.read(0, 10_000, 1 << 30):
            assert stored.first == reached[stored.writer] + 1
            values = [
                value
                for event in decode_events(stored.codec, stored.events).events
                for column in event.metric_logged.columns
                for value in column.f64.values
            ]
            assert values == list(range(stored.first, stored.first + stored.count))
            reached[stored.writer] += stored.count
        for sender in self.senders:
            assert sender.acked <= reached[sender.writer.id]


async def step(world: World, what: str, which: int, count: int) -> None:
    sender = world.senders[which]
    match what:
        case "send":
            sender.send(count)
        case "deliver" | "deliver twice":
            await world.deliver(sender, twice=what == "deliver twice")
        case "skip" if sender.following and sender.following < RECORDS:
            sender.following += 1
        case "reconnect":
            world.reconnect(sender)
        case "disconnect":
            world.intake.disconnected(sender.stream)
            world.reconnect(sender)
        case "begin commit":
            await world.begin_commit()
        case "finish commit" | "full":
            await world.finish_commit(full=what == "full")
        case "kill":
            await world.start()
        case "commit and die":
            await world.commit_and_die()
        case "silence":
            world.now += 100
            world.intake.state_silent(world.now, world.now)


COMMON = ["send", "send", "deliver", "deliver", "deliver", "begin commit", "finish commit"]
RARE = ["deliver twice", "skip", "reconnect", "disconnect", "full", "kill", "commit and die", "silence"]
steps = st.lists(st.tuples(st.sampled_from(COMMON + RARE), st.integers(0, 1), st.integers(1, 4)), max_size=120)


@settings(max_examples=150, deadline=None)
@given(steps)
async def test_any_interleaving_leaves_each_record_once(happenings: list[tuple[str, int, int]]):
    """Sends, duplicates, gaps, fences, full disks and kills in any order: no gap, no duplicate, no false ack, no stuck writer."""
    world = World()
    await world.start()
    for happening in happenings:
        await step(world, *happening)
    await world.check()
    for _ in range(ROUNDS_MAX):
        world.now += 1
        for sender in world.senders:
            await world.deliver(sender)
            if not sender.requests:
                sender.send(3)
        await world.begin_commit()
        await world.finish_commit()
    await world.check()
    assert [(sender.acked or RECORDS, sender.ended) for sender in world.senders] == [(RECORDS, True)] * 2
    assert {(await world.log.position(sender.writer.id)).durable for sender in world.senders} == {RECORDS}
