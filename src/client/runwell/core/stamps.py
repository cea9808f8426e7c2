"""When something was written, in an order that no delivery can change."""

import math
from collections.abc import Sequence
from typing import Any

Stamp = tuple[int, float, str, int]
"""Attempt, time (unix seconds), writer (hexadecimal digits), record."""

EARLIEST: Stamp = (-1, -math.inf, "", 0)
"""Before every write."""


def read_stamp(state: Sequence[Any]) -> Stamp:
    """The stamp after a turn through JSON."""
    attempt, time, writer, record = state
    return attempt, time, writer, record
