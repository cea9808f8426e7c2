"""What a filter is once parsed, and what it means: ``matches`` is the reference that every compiled form must equal.

Fields. A plain field is one of ``PLAIN_FIELDS``. Of a section (``SECTIONS``) the key is the name with dots that people
see, so ``config.a.b`` finds both ``{"a": {"b": 1}}`` and ``{"a.b": 1}``; of two such leaves the one with fewer labels
wins. Null and absent are the same: *missing*. A name that is not a leaf but begins the names of leaves is present and
equal to nothing.

Comparison. Numbers compare with numbers (exactly; integers beyond 64 bits as floats), strings with strings (by code
point), booleans with booleans for equality alone. Everything else is unequal and unordered. A missing field makes each
comparison false but ``== null``. ``== nan`` finds values that are not a number.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runwell.core.filters_pattern import pattern_found

PLAIN_FIELDS = (
    "name",
    "run_id",
    "project",
    "entity",
    "state",
    "tags",
    "group",
    "job_type",
    "notes",
    "user",
    "host",
    "created_at",
    "updated_at",
    "duration_s",
    "exit_code",
    "attempts",
    "last_step",
    "sweep",
    "trial",
    "program",
    "python_version",
)
SECTIONS = ("config", "summary", "git", "records")
TIME_FIELDS = ("created_at", "updated_at")

Scalar = str | int | float | bool | None
Operator = Literal["==", "!=", "<", "<=", ">", ">="]

BRANCH = object()
"""The value of a name that only begins the names of leaves."""

_LABEL = re.compile(r"[\w/@-]+(?:\.[\w/@-]+)*", re.ASCII)
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f\ud800-\udfff]')
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The labels and the value of each leaf that is not null; lists are leaves, empty objects vanish."""
    for label, value in tree.items():
        if type(value) is float:
            yield (*path, label), value
        elif isinstance(value, Mapping):
            yield from leaves(value, (*path, label))
        elif value is not None:
            yield (*path, label), value


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a run view; ``key`` is empty for plain fields."""

    section: str
    key: str = ""

    def value(self, view: Mapping[str, Any]) -> Any:
        """The field's value in a run view, None when it is missing."""
        if self.section not in SECTIONS:
            return view.get(self.section)
        named = [(len(path), path, ".".join(path), value) for path, value in leaves(view.get(self.section) or {})]
        found = [entry for entry in named if entry[2] == self.key]
        if found:
            return min(found, key=lambda entry: entry[:2])[3]
        return BRANCH if any(entry[2].startswith(self.key + ".") for entry in named) else None

    def __str__(self) -> str:
        if self.section not in SECTIONS:
            return self.section
        if _LABEL.fullmatch(self.key) and ".value" not in self.key:
            return f"{self.section}.{self.key}"
        return f"{self.section}[{quoted(self.key)}]"


def quoted(text: str) -> str:
    """A string as the filter language writes it."""
    return '"' + _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + '"'


def shown_literal(value: Scalar) -> str:
    """A value as the filter language writes it."""
    return quoted(value) if isinstance(value, str) else json.dumps(value).lower()


def bounded(value: Any) -> Any:
    """An integer beyond 64 bits as a float, for that is what every store makes of it."""
    if not isinstance(value, int) or -(2**63) <= value < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def kind(value: Any) -> str:
    """Values of one kind compare with each other: "number", "nan", "string", "bool", or "other"."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "nan" if math.isnan(value) else "number"
    return "string" if isinstance(value, str) else "other"


def equal(left: Any, right: Any) -> bool:
    """Equality of two values that are not missing."""
    if kind(left) != kind(right) or kind(left) == "other":
        return False
    return kind(left) == "nan" or bool(bounded(left) == bounded(right))


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator value``; with the value None only ``==`` (missing) and ``!=`` (present)."""

    field: Field
    operator: Operator
    value: Scalar

    def matches(self, view: Mapping[str, Any]) -> bool:
        """Whether the run is meant."""
        value = self.field.value(view)
        if self.value is None:
            return (value is None) == (self.operator == "==")
        if value is None:
            return False
        if self.operator in ("==", "!="):
            return equal(value, self.value) == (self.operator == "==")
        ordered = kind(value) == kind(self.value) and kind(value) in ("number", "string")
        return ordered and _ORDERINGS[self.operator](bounded(value), bounded(self.value))

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {shown_literal(self.value)}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """``field in [values]``: equal to any of them. None among the values means missing."""

    field: Field
    values: tuple[Scalar, ...]

    def matches(self, view: Mapping[str, Any]) -> bool:
        """Whether the run is meant."""
        return any(Comparison(self.field, "==", value).matches(view) for value in self.values)

    def __str__(self) -> str:
        return f"{self.field} in [{', '.join(map(shown_literal, self.values))}]"


@dataclass(frozen=True, slots=True)
class Contains:
    """``value in field``: an item of a list, or a part of a string."""

    field: Field
    value: str | int | float | bool

    def matches(self, view: Mapping[str, Any]) -> bool:
        """Whether the run is meant."""
        container = self.field.value(view)
        if isinstance(container, str):
            return isinstance(self.value, str) and self.value in container
        return isinstance(container, list) and any(equal(item, self.value) for item in container)

    def __str__(self) -> str:
        return f"{shown_literal(self.value)} in {self.field}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """``field =~ "pattern"``: a regular expression that is found somewhere in a string field, or in an item of a list."""

    field: Field
    pattern: str

    def matches(self, view: Mapping[str, Any]) -> bool:
        """Whether the run is meant."""
        value = self.field.value(view)
        texts = value if isinstance(value, list) else [value]
        return any(isinstance(text, str) and pattern_found(self.pattern, text) for text in texts)

    def __str__(self) -> str:
        return f"{self.field} =~ {shown_literal(self.pattern)}"


@dataclass(frozen=True, slots=True)
class Not:
    """``not term``."""

    term: "Expression"

    def matches(self, view: Mapping[str, Any]) -> bool:
        """Whether the run is meant."""
        return not self.term.matches(view)

    def __str__(self) -> str:
        return f"not ({self.term})"


@dataclass(frozen=True, slots=True)
class And:
    """All terms; none means every run."""

    terms: tuple["Expression", ...]

    def matches(self, view: Mapping[str, Any]) -> bool:
        """Whether the run is meant."""
        return all(term.matches(view) for term in self.terms)

    def __str__(self) -> str:
        return " and ".join(f"({term})" for term in self.terms) or "true"


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the terms; none means no run."""

    terms: tuple["Expression", ...]

    def matches(self, view: Mapping[str, Any]) -> bool:
        """Whether the run is meant."""
        return any(term.matches(view) for term in self.terms)

    def __str__(self) -> str:
        return " or ".join(f"({term})" for term in self.terms) or "false"


Expression = Comparison | OneOf | Contains | Pattern | Not | And | Or
