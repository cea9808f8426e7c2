"""``run.alert``: what a program wants somebody to hear of. The server delivers it."""

from enum import Enum
from typing import Any

from runwell._events import clean
from runwell._messages import warn
from runwell.core.limits import NAME_CHARACTERS_MAX, STRING_BYTES_MAX

WAIT_S = 60.0
"""Between two alerts of one title, unless said."""


class AlertLevel(Enum):
    """How bad it is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def alert_fields(title: object, text: object, level: object, wait_duration: object) -> dict[str, Any]:
    """The event's fields. Raises ValueError for a level or a duration that is none, TypeError for what is no text."""
    for what, given in (("title", title), ("text", text)):
        if not isinstance(given, str):
            raise TypeError(f"an alert's {what} must be a string, not {type(given).__name__}")
    assert isinstance(title, str)
    assert isinstance(text, str)
    return {
        "title": _cut("title", title, NAME_CHARACTERS_MAX),
        "text": _cut("text", text, STRING_BYTES_MAX // 4),
        "level": _level(level),
        "wait_s": _seconds(wait_duration),
    }


def _cut(what: str, text: str, characters_max: int) -> str:
    if len(text) > characters_max:
        warn(
            f"the {what} of an alert has {len(text):,} characters, and the limit is {characters_max:,}: the rest is cut off"
        )
    return clean(text[:characters_max])


def _level(level: object) -> str:
    value = level.value if isinstance(level, AlertLevel) else AlertLevel.INFO.value if level is None else level
    levels = [known.value for known in AlertLevel]
    if value not in levels:
        raise ValueError(f"level must be one of {', '.join(levels)}, not {value!r:.80}")
    assert isinstance(value, str)
    return value


def _seconds(duration: object) -> float:
    if duration is None:
        return WAIT_S
    seconds: Any = duration
    if hasattr(duration, "total_seconds"):
        # A timedelta, whose module nobody else here needs.
        seconds = duration.total_seconds()  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise ValueError(f"wait_duration must be seconds, or a timedelta, of 0 or more, not {duration!r:.80}")
    return float(seconds)
