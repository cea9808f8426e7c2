"""A name that somebody may have meant."""

from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)``, or nothing when none is near."""
    # Only when something is wrong: its import costs some milliseconds.
    from difflib import get_close_matches

    near = get_close_matches(name, [*known], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
