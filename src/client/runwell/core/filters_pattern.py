"""Regular expressions in filters: Python's, less what could take for ever, since others' filters run in our servers.

Refused are back references, a repeated group that itself repeats or chooses (``(a+)+``, ``(a|aa)*``), and more than
``PATTERN_REPEATS_MAX`` unbounded repeats. What is left is polynomial, over a text cut to a bounded length.
"""

import re
from functools import lru_cache

PATTERN_CHARACTERS_MAX = 512
PATTERN_REPEATS_MAX = 4
PATTERN_SUBJECT_CHARACTERS_MAX = 512
"""Of a longer text only the beginning is searched."""

_TOKEN = re.compile(
    r"""\\. | \[\^?\]?(?:\\.|[^\]\\])*\]   # an escape; a class
    | \(\?\#[^)]*\) | \(\?[a-zA-Z-]+\)  # a comment; flags
    | \(\?P=\w*\) | \(\?\(  # a back reference; a condition on one
    | \((?:\?(?:P<\w*>|<?[=!]|[:>]|[a-zA-Z-]+:))?  # the beginning of a group
    | \{\d*,?\d*\} | .""",
    re.DOTALL | re.VERBOSE,
)
_BACK_REFERENCE = re.compile(r"\\[1-9]|\(\?P=|\(\?\(")


def pattern_fault(pattern: str) -> str | None:
    """Why the regular expression is refused, None when it is not."""
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        return f"it has {len(pattern)} characters, more than {PATTERN_CHARACTERS_MAX}"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return _slow(_TOKEN.findall(pattern))


def _slow(tokens: list[str]) -> str | None:
    """Whether matching could take exponential time, told without running it."""
    repeats = 0
    varies = [False]
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        many = following in ("*", "+") or (following.startswith("{") and len(following) > 2)
        if _BACK_REFERENCE.match(token):
            return "it has a back reference"
        if token.startswith("(") and not token.endswith(")"):
            varies.append(False)
        elif token == ")":
            inner = len(varies) > 1 and varies.pop()
            if inner and many:
                return "it repeats a group that itself repeats or chooses, which can take for ever"
            varies[-1] |= inner
        elif token == "|" or token in ("*", "+", "?") or (token.startswith("{") and len(token) > 2):
            varies[-1] = True
        repeats += following in ("*", "+") or following.endswith(",}")
    return f"it has more than {PATTERN_REPEATS_MAX} unbounded repeats" if repeats > PATTERN_REPEATS_MAX else None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def pattern_found(pattern: str, text: str) -> bool:
    """Whether the regular expression is found anywhere in the first ``PATTERN_SUBJECT_CHARACTERS_MAX`` of the text."""
    return _compiled(pattern).search(text[:PATTERN_SUBJECT_CHARACTERS_MAX]) is not None
