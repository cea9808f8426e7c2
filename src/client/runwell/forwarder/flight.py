"""Batches of one writer that are sent and not yet answered, and where they ended."""

from collections import deque
from dataclasses import dataclass

from runwell.core.limits import IN_FLIGHT_BYTES_MAX
from runwell.v1 import collector_pb2 as wire


@dataclass(frozen=True, slots=True)
class Sent:
    """What is remembered of a batch once it is sent; to send it again it is cut anew from the spool."""

    first: int
    last: int
    chain_before: int
    chain: int
    size_bytes: int


class Flight:
    """``durable`` is the last record known to be acked, ``chain`` the chain there.

    Batches are answered in order, save that a batch may be refused while those before it are not yet durable. A batch
    whose predecessor was not taken is answered with Rewind; since such answers may come late, only one batch is in
    flight after a rewind until it is acked (``probing``): whatever else comes before that ack is stale.
    """

    def __init__(self, durable: int, chain: int) -> None:
        self.durable = durable
        self.chain = chain
        self.probing = True
        self._sent: deque[Sent] = deque()
        self._ends: dict[int, int] = {}
        self._size_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._sent)

    def has_room(self, size_bytes: int = 0) -> bool:
        """Whether a batch of that size may be sent now; one may always be in flight."""
        return not self._sent or (not self.probing and self._size_bytes + size_bytes <= IN_FLIGHT_BYTES_MAX)

    def add(self, batch: wire.Batch) -> None:
        last = batch.first + batch.count - 1
        self._sent.append(Sent(batch.first, last, batch.chain_before, batch.chain, len(batch.events)))
        self._ends[last] = batch.chain
        self._size_bytes += len(batch.events)

    def ack(self, durable: int) -> bool:
        """Records up to ``durable`` are acked. False when that is not where a batch of this stream ended."""
        if durable <= self.durable:
            return True
        if durable not in self._ends:
            return False
        self.durable, self.chain = durable, self._ends[durable]
        self._ends = {end: chain for end, chain in self._ends.items() if end > durable}
        while self._sent and self._sent[0].last <= durable:
            self._size_bytes -= self._sent.popleft().size_bytes
        self.probing = self.probing and bool(self._sent)
        return True

    def is_stale_rewind(self) -> bool:
        """Whether a Rewind to ``durable`` answers a batch that was given up before."""
        return not self._sent or (self.probing and self._sent[0].first == self.durable + 1)

    def find(self, first: int) -> Sent | None:
        """The batch in flight that begins with that record."""
        return next((sent for sent in self._sent if sent.first == first), None)

    def give_up_from(self, first: int) -> tuple[int, int]:
        """Forgets that batch and those after it, which cannot be taken now; where the next one follows, and its chain."""
        position, chain = self.durable, self.chain
        while self._sent and self._sent[-1].first >= first:
            dropped = self._sent.pop()
            self._size_bytes -= dropped.size_bytes
            position, chain = dropped.first - 1, dropped.chain_before
        self.probing = True
        return position, chain

    def give_up(self) -> tuple[int, int]:
        """Forgets all that is in flight; where the next batch follows, and the chain there."""
        self._sent.clear()
        self._size_bytes = 0
        self.probing = True
        return self.durable, self.chain
