"""A stream with many writers: whose turn it is, what the answers mean to whom, and when the stream is given up.

A state machine without clock, network or disk of its own. Its shell asks ``next_request`` for what to send, hands in what
was ``received``, calls ``tick`` when ``next_tick`` has come, and makes a new stream when a method raises ProtocolError.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from runwell.core.limits import HEARTBEAT_INTERVAL_S
from runwell.forwarder.courier import Courier, ProtocolError, State, Terms
from runwell.forwarder.spools import WriterSpool
from runwell.v1 import collector_pb2 as wire

ANSWER_TIMEOUT_S = 30.0
"""A collector that owes an answer for this long hangs: the stream is made anew. Longer than any fsync of a busy disk."""

DEAD_AT_WORK_MAX = 64
"""Dead writers' spools that are worked on at a time; thousands of them crowd out neither live ones nor each other."""

POLL_INTERVAL_MIN_S = 0.02
POLL_INTERVAL_MAX_S = 1.0
"""A spool is looked at again after this long: soon when it has just begun, was asked for or had more than a full batch, then
once a second, so that a writer of steady small rows makes one batch a second and a cluster's thousands fit one collector."""

POLL_S_PER_SPOOL = 0.0002
"""With very many spools the longest interval grows by this for each, so that looking costs a tenth of a core at most."""

HOUSEKEEPING_INTERVAL_S = 1.0


class Session:
    """``now`` is any monotonic time in seconds, the same for all methods."""

    def __init__(self, terms: Terms) -> None:
        self.log_id = ""
        """The log of the collector, as the last Welcome named it."""
        self.connected = False
        self._terms = terms
        self._compressed = False
        self._couriers: dict[Path, Courier] = {}
        self._on_stream: dict[bytes, Courier] = {}
        self._ready: deque[Courier] = deque()
        self._queued: set[Path] = set()
        self._dead_at_work: set[Path] = set()
        self._backlog: deque[Courier] = deque()
        self._polls: list[tuple[float, Path]] = []
        self._poll_at: dict[Path, float] = {}
        self._intervals_s: dict[Path, float] = {}
        self._tick_phase_s = terms.random.random() * POLL_INTERVAL_MAX_S
        self._heartbeat_at = 0.0
        self._housekeeping_at = 0.0

    @property
    def couriers(self) -> Iterable[Courier]:
        return self._couriers.values()

    def add(self, spool: WriterSpool) -> Courier:
        """Takes a spool on, unless it was before."""
        courier = self._couriers.get(spool.directory)
        if courier is None:
            courier = self._couriers[spool.directory] = Courier(spool, self._terms)
            courier.compressed = self._compressed
            if self.log_id:
                courier.reopen_for(self.log_id)
            self._enqueue(courier)
        return courier

    def forget(self, courier: Courier) -> None:
        """Drops a settled courier whose spool is gone."""
        assert courier.settled
        self._couriers.pop(courier.spool.directory, None)

    def hurry(self, courier: Courier) -> None:
        """Somebody waits for this spool: what was put off is tried at once."""
        courier.hurry()
        if not (courier.ledger.settled(self.log_id) and courier.ledger.over()):
            courier.doubt()
        self._intervals_s.pop(courier.spool.directory, None)
        self._enqueue(courier)

    def doubt(self, courier: Courier) -> None:
        """Asks the collector about a spool that is done."""
        courier.doubt()
        self._enqueue(courier)

    def connect(self, now: float, *, compressed: bool) -> None:
        """A new stream begins."""
        self.connected, self._compressed = True, compressed
        self._heartbeat_at = now + HEARTBEAT_INTERVAL_S
        for courier in self._couriers.values():
            courier.compressed = compressed
            self._enqueue(courier)

    def disconnect(self) -> None:
        """The stream is gone; nothing is on its way any more."""
        self.connected = False
        self._on_stream.clear()
        # All of them take their turn anew.
        self._backlog.clear()
        for courier in self._couriers.values():
            courier.reset()

    # ---- What to send

    @property
    def busy(self) -> bool:
        """Whether a courier waits for its turn."""
        return bool(self._ready)

    def next_request(self, now: float) -> wire.Request | None:
        """The next message of the stream, the couriers taking turns; None when none has one at its turn."""
        if now >= self._heartbeat_at and self.connected:
            self._heartbeat_at = now + HEARTBEAT_INTERVAL_S
            if any(courier.live and courier.state is not State.CLOSED for courier in self._on_stream.values()):
                return wire.Request(heartbeat=wire.Heartbeat())
        for _ in range(len(self._ready) if self.connected else 0):
            courier = self._ready.popleft()
            self._queued.discard(courier.spool.directory)
            request = self._turn(courier, now)
            if request is not None:
                return request
        return None

    def _turn(self, courier: Courier, now: float) -> wire.Request | None:
        if courier.settled or (courier.state is State.CLOSED and not self._may_open(courier, now)):
            return None
        request = courier.next_request(now)
        if request is not None and request.HasField("open"):
            self._on_stream[request.open.writer_id] = courier
        self._turned(courier, now)
        return request

    def _turned(self, courier: Courier, now: float) -> None:
        if courier.settled:
            self._settle(courier)
        elif courier.has_more and now >= courier.paused_until:
            self._enqueue(courier)
        else:
            self._poll_later(courier, now)

    def _may_open(self, courier: Courier, now: float) -> bool:
        """Whether it is this courier's time to open its writer; sees to it that the time will come."""
        courier.look(now)
        holder = self._on_stream.get(courier.writer)
        if holder is not None and holder is not courier and not holder.settled:
            courier.problem = f"{holder.spool.directory} is a spool of the same writer and is sent first"
            self._poll_later(courier, now)
            return False
        if courier.live or courier.spool.directory in self._dead_at_work:
            return True
        if len(self._dead_at_work) >= DEAD_AT_WORK_MAX:
            self._backlog.append(courier)
            return False
        self._dead_at_work.add(courier.spool.directory)
        return True

    def _settle(self, courier: Courier) -> None:
        self._dead_at_work.discard(courier.spool.directory)
        while self._backlog and self._backlog[0].settled:
            self._backlog.popleft()
        if self._backlog:
            self._enqueue(self._backlog.popleft())

    def _enqueue(self, courier: Courier) -> None:
        if courier.spool.directory not in self._queued and not courier.settled:
            self._queued.add(courier.spool.directory)
            self._ready.append(courier)

    def _poll_later(self, courier: Courier, now: float) -> None:
        directory = courier.spool.directory
        interval_s = self._intervals_s.get(directory, POLL_INTERVAL_MIN_S)
        at = max(self._tick(now + interval_s, interval_s), courier.paused_until)
        if self._poll_at.get(directory, at + 1) <= at:
            return
        longest_s = max(POLL_INTERVAL_MAX_S, len(self._couriers) * POLL_S_PER_SPOOL)
        following_s = interval_s / 2 if courier.flows_fast() else interval_s * 2
        self._intervals_s[directory] = min(max(following_s, POLL_INTERVAL_MIN_S), longest_s)
        self._poll_at[directory] = at
        heapq.heappush(self._polls, (at, directory))

    def _tick(self, at: float, interval_s: float) -> float:
        """Spools that flow steadily are looked at together, so that what they have shares a message; each machine does so
        at a moment of its own."""
        if interval_s < POLL_INTERVAL_MAX_S:
            return at
        return at - (at - self._tick_phase_s) % interval_s

    # ---- What was answered, and what time brings

    def received(self, response: wire.Response, now: float) -> None:
        """Raises ProtocolError."""
        kind = response.WhichOneof("response")
        if kind is None:
            raise ProtocolError("an answer of a kind that is not known here")
        answer = getattr(response, kind)
        courier = self._on_stream.get(answer.writer_id)
        if courier is None:
            raise ProtocolError(f"{kind} for a writer that was not opened: {answer.writer_id.hex()}")
        if courier.writer != answer.writer_id:
            return
        if isinstance(answer, wire.Welcome):
            self._welcome(answer)
        courier.receive(answer, now)
        self._turned(courier, now)

    def _welcome(self, welcome: wire.Welcome) -> None:
        if welcome.log_id != self.log_id:
            self.log_id = welcome.log_id
            for courier in self._couriers.values():
                courier.reopen_for(self.log_id)
                self._enqueue(courier)

    def next_tick(self) -> float:
        """When ``tick`` has something to do."""
        return min(self._housekeeping_at, self._polls[0][0]) if self._polls else self._housekeeping_at

    def tick(self, now: float) -> None:
        """Raises ProtocolError when the collector hangs."""
        while self._polls and self._polls[0][0] <= now:
            at, directory = heapq.heappop(self._polls)
            # Another time than noted: an earlier look was agreed on since.
            if self._poll_at.get(directory) == at:
                del self._poll_at[directory]
                if directory in self._couriers:
                    self._enqueue(self._couriers[directory])
        if now >= self._housekeeping_at:
            self._housekeeping_at = now + HOUSEKEEPING_INTERVAL_S
            for courier in self._couriers.values():
                courier.ledger.save(now, at_rest=courier.settled)
                if courier.outstanding_since is not None and now - courier.outstanding_since > ANSWER_TIMEOUT_S:
                    raise ProtocolError(f"no answer for {ANSWER_TIMEOUT_S:.0f} s")

    def save(self, now: float) -> None:
        """Writes down all that is acked."""
        for courier in self._couriers.values():
            courier.ledger.save(now, at_rest=True)
