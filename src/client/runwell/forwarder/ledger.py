"""Keeps a spool's ``acked`` and ``forks`` files: how far the collector has it, and under which id it is sent."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from runwell.forwarder.position import Acked, Part, forked, read_acked, read_parts, write_acked, write_parts
from runwell.forwarder.segments import WRITER_ID_BYTES
from runwell.forwarder.spools import WriterSpool

SAVE_INTERVAL_S = 1.0
"""The ``acked`` file of a busy writer is written this often, and when it comes to rest."""


class Ledger:
    """``part`` is the stretch of records being sent, and ``acked`` what is known of it, also from earlier processes."""

    def __init__(self, spool: WriterSpool, wall_time: Callable[[], float]) -> None:
        self._spool = spool
        self._wall_time = wall_time
        self._parts = read_parts(spool.disk, spool.directory, spool.writer)
        self.acked = read_acked(spool.disk, spool.directory, spool.writer)
        # Earlier parts of a spool are complete where the last one has begun, as far as that log goes.
        self._index = len(self._parts) - 1 if self.acked and self.acked.writer == self._parts[-1].writer else 0
        self._unsaved = False
        self._saved_at = float("-inf")

    @property
    def part(self) -> Part:
        return self._parts[self._index]

    def known(self) -> tuple[int, int] | None:
        """A wire number of this part up to which the spool was right once, and the chain there."""
        if self.acked is None or self.acked.writer != self.part.writer:
            return None
        return self.part.on_wire(self.acked.durable), self.acked.chain

    def settled(self, log_id: str) -> bool:
        """Whether the collector with that log has everything and nothing more will come."""
        return self.acked is not None and self.acked.ended and self.acked.log_id == log_id

    def over(self) -> bool:
        """Whether some collector was told that nothing more will come, and the spool has not grown since.

        The copy of a spool whose writer lives on elsewhere looks dead, and grows when it is copied again.
        """
        try:
            return self.acked is not None and self.acked.ended and self.acked.end == self._spool.end()
        except OSError:
            return False

    def belongs_to(self, log_id: str) -> bool:
        """False when the collector's log is not the one that has the earlier parts: then all begins with the first."""
        if self._index == 0 or (self.acked is not None and self.acked.log_id == log_id):
            return True
        self._index = 0
        return False

    def advance_part(self) -> bool:
        """Goes on to the next part; False when this is the last."""
        if self._index + 1 == len(self._parts):
            return False
        self._index += 1
        return True

    def fork(self, number: int, random: Random) -> None:
        """Records after the wire ``number`` of this part go under a new id from now on. Raises OSError."""
        parts = forked(self._parts[: self._index + 1], random.randbytes(WRITER_ID_BYTES), self.part.in_spool(number))
        write_parts(self._spool.disk, self._spool.directory, parts)
        self._parts, self._index = parts, len(parts) - 1

    def record(self, log_id: str, number: int, chain: int, *, end: tuple[int, int] | None = None) -> None:
        """The collector with that log has this part up to the wire ``number``; with ``end`` it has all there was."""
        acked = Acked(log_id, self.part.in_spool(number), chain, end is not None, 0.0, self.part.writer, end)
        if self.acked is None or replace(self.acked, time=0.0) != acked:
            self.acked = replace(acked, time=self._wall_time())
            self._unsaved = True

    def save(self, now: float, *, at_rest: bool) -> None:
        """Writes ``acked`` when it is due. A disk that refuses is asked again later: the file is a hint."""
        if self._unsaved and self.acked is not None and (at_rest or now - self._saved_at >= SAVE_INTERVAL_S):
            self._saved_at = now
            try:
                write_acked(self._spool.disk, self._spool.directory, self.acked)
            except OSError:
                return
            self._unsaved = False
