"""Removes what has been acked for long enough; until then it is kept for a collector that is restored from a backup."""

from itertools import pairwise
from pathlib import Path

from runwell.core.blobs import ACKED_NAME as BLOBS_ACKED_NAME
from runwell.core.blobs import LIST_NAME as BLOBS_NAME
from runwell.core.limits import KEPT_BYTES_MAX, KEPT_S_MAX
from runwell.forwarder.courier import Courier, State
from runwell.forwarder.disk import Disk
from runwell.forwarder.position import ACKED_NAME, FORKS_NAME
from runwell.forwarder.segments import read_header, segment_numbers, segment_path
from runwell.forwarder.spools import LOCK_NAME


class Retention:
    """Remembers since when each segment is acked. Wall-clock seconds throughout, since spools outlive processes."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._acked_since: dict[Path, float] = {}

    def prune(self, courier: Courier, wall_time: float) -> bool:
        """Removes acked segments that are too old or too many. True when the whole spool is gone. Raises OSError.

        Only for a courier whose ``ledger.acked`` is of the log that the collector has now.
        """
        acked, directory = courier.ledger.acked, courier.spool.directory
        if acked is None:
            return False
        numbers = segment_numbers(self._disk, directory)
        over = courier.state is State.DONE and acked.ended
        done = numbers if over else self._done(directory, numbers, acked.durable)
        # Of an ended spool it is known since when it is acked; of others it counts from when this process saw it.
        since = acked.time if over else wall_time
        sizes = {number: self._disk.size(segment_path(directory, number)) or 0 for number in done}
        kept_bytes = sum(sizes.values())
        acked_since = {number: self._acked_since.setdefault(segment_path(directory, number), since) for number in done}
        for number in done:
            path = segment_path(directory, number)
            acked_at = min(acked_since[number], since)
            if kept_bytes <= KEPT_BYTES_MAX and wall_time - acked_at <= KEPT_S_MAX:
                return False
            self._disk.remove(path)
            self._acked_since.pop(path)
            kept_bytes -= sizes[number]
        return over and self._remove_directory(directory)

    def _done(self, directory: Path, numbers: list[int], durable: int) -> list[int]:
        """The segments at the beginning whose records are all acked: the next one begins at or before the first that is not."""
        done: list[int] = []
        for number, following in pairwise(numbers):
            header = read_header(self._disk, directory, following)
            if header is None or header.first_record > durable + 1:
                break
            done.append(number)
        return done

    def _remove_directory(self, directory: Path) -> bool:
        for name in (LOCK_NAME, FORKS_NAME, ACKED_NAME, BLOBS_NAME, BLOBS_ACKED_NAME):
            self._disk.remove(directory / name)
        self._disk.remove(directory)
        return True
