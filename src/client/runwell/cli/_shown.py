"""Values as people read them; nothing here knows of terminals or tables."""

import json
import re
from typing import Any

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with control characters escaped: a run's name must neither move the cursor nor break a line."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def exact(value: Any) -> str:
    """A value without loss, on one line: text as it is, everything else as JSON, nothing for what is missing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return printable(value)
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, float) else repr(value)


def short(value: Any, characters: int = 40) -> str:
    """A value in few characters."""
    if isinstance(value, float):
        return f"{value:.5g}"
    text = exact(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= characters else text[: characters - 1] + "…"


def duration(seconds: float) -> str:
    """A time span in its two greatest units."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.2g} s" if seconds < 10 else f"{rest} s"
