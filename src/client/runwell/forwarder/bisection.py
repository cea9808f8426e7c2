"""Finds the records that a collector refuses for good, by sending ever smaller batches of those refused."""

from runwell.core.limits import BATCH_RECORDS_MAX


class Bisection:
    """``refused`` has the records found so far with the collector's reason; each is replaced by RecordRefused."""

    def __init__(self) -> None:
        self.refused: dict[int, str] = {}
        self._records_max = BATCH_RECORDS_MAX
        self._suspect_last = 0

    def records_max(self, position: int) -> int:
        """How many records the batch after ``position`` may have."""
        if position >= self._suspect_last:
            self._records_max = BATCH_RECORDS_MAX
        return self._records_max

    def narrow(self, first: int, last: int, reason: str) -> bool:
        """The batch ``first`` to ``last`` was refused. False when it was a RecordRefused alone: there is no way on."""
        if first < last:
            self._records_max, self._suspect_last = (last - first + 1) // 2, last
        elif first in self.refused:
            return False
        else:
            self.refused[first] = reason
        return True
