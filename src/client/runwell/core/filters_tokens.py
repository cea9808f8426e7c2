"""Text of a filter to tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FILTER_CHARACTERS_MAX = 16_384
"""A longer filter is refused: it travels in the address of a request."""


class FilterError(ValueError):
    """A filter or order that cannot be understood; ``position`` counts characters of ``text`` from 0."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        self.text, self.position, self.problem = text, position, problem
        start = max(0, position - 60)
        line = " ".join(text[start : position + 20].splitlines()) if "\n" in text else text[start : position + 20]
        super().__init__(f"{problem}\n  {line}\n  {' ' * (position - start)}^")


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is "field", "string", "number", "word", "symbol" or "end"; a field's value is its labels."""

    kind: str
    value: Any
    position: int
    bracketed: bool = False


_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<infinite>-(?:inf|infinity)\b)
    |(?P<field>[A-Za-z_]\w*(?:\.[\w/@-]+|\[\s*(?:{_STRING})\s*\])*)
    |(?P<string>{_STRING})
    |(?P<symbol>==|!=|<=|>=|=~|!~|<|>|\(|\)|\[|\]|,)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_LABEL = re.compile(rf"\.([\w/@-]+)|\[\s*({_STRING})\s*\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_WORDS = {"and", "or", "not", "in"}
_CONSTANTS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "none": None,
    "nan": float("nan"),
    "inf": float("inf"),
    "infinity": float("inf"),
}
_HINTS = {
    "=": "use ==",
    "&": "use and",
    "|": "use or",
    "!": "use not",
    '"': "the string does not end",
    "'": "the string does not end",
}


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of a part of a text, then one of kind "end". Raises FilterError at what is none."""
    if len(text) > FILTER_CHARACTERS_MAX:
        raise FilterError(text, 0, f"the filter has {len(text)} characters, more than {FILTER_CHARACTERS_MAX}")
    position, end = start, len(text) if end is None else end
    while position < end:
        found = _TOKEN.match(text, position, end)
        if found is None:
            hint = _HINTS.get(text[position], "expected a field, a value or an operator")
            raise FilterError(text, position, f"{text[position]!r} is not understood here: {hint}")
        if found.lastgroup != "space":
            yield _token(found)
        position = found.end()
    yield Token("end", "the end", position)


def _token(found: re.Match[str]) -> Token:
    text, position = found[0], found.start()
    match found.lastgroup:
        case "number":
            return Token("number", number(text), position)
        case "infinite":
            return Token("number", float("-inf"), position)
        case "string":
            return Token("string", _unquoted(text), position)
        case "symbol":
            return Token("symbol", text, position)
    if text in _WORDS:
        return Token("word", text, position)
    if text.lower() in _CONSTANTS:
        return Token("number", _CONSTANTS[text.lower()], position)
    name = re.match(r"\w+", text)
    assert name is not None
    labels = (_unquoted(label[2]) if label[2] else label[1] for label in _LABEL.finditer(text, name.end()))
    return Token("field", (name[0], *labels), position, bracketed=text.endswith("]"))


def number(text: str) -> int | float:
    """A number's value; an integer beyond 64 bits becomes a float."""
    if re.fullmatch(r"-?\d{1,19}", text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    return float(text)


def _unquoted(text: str) -> str:
    r"""A quoted string's value. ``\\``, quotes, ``\n``, ``\t``, ``\r`` and ``\u1234`` are escapes; another backslash stays."""

    def unescaped(found: re.Match[str]) -> str:
        escape = found[1]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        return _ESCAPED.get(escape) or (escape if escape in "\\\"'" else found[0])

    return _ESCAPE.sub(unescaped, text[1:-1])
