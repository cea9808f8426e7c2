"""Growing, jittered pauses between attempts."""

from random import Random


class Backoff:
    """Each pause is twice the one before up to ``longest_s``, less up to a quarter, so that many clients come apart."""

    def __init__(self, random: Random, first_s: float, longest_s: float) -> None:
        self._random = random
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to pause now."""
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        return pause_s * (1 - self._random.random() / 4)

    def reset(self) -> None:
        """After a success: the next pause is the first again."""
        self._next_s = self._first_s
