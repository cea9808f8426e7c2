"""Text to filters and orders, by recursive descent."""

import difflib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from runwell.core.filters_order import Order
from runwell.core.filters_pattern import pattern_fault
from runwell.core.filters_tokens import FilterError, Token, tokens
from runwell.core.filters_tree import (
    PLAIN_FIELDS,
    SECTIONS,
    TIME_FIELDS,
    And,
    Comparison,
    Contains,
    Expression,
    Field,
    Not,
    OneOf,
    Operator,
    Or,
    Pattern,
    Scalar,
)

DEPTH_MAX = 64
"""Nesting of a filter; a deeper one is refused."""

COMPARISONS_MAX = 400
"""Comparisons of a filter and values of a list; SQLite takes expressions up to a depth of 1,000."""

_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_LITERALS = ("number", "string")


def parse(text: str) -> Expression:
    """A filter's meaning; empty text means every run. Raises FilterError."""
    parser = _Parser(text)
    if parser.next.kind == "end":
        return And(())
    expression = parser.expression()
    parser.expect_end("expected and, or, or the end")
    return expression


def parse_order(text: str) -> tuple[Order, ...]:
    """Fields by comma, each after an optional + or -; also in wandb's names. Raises FilterError."""
    orders: list[Order] = []
    for start, part in _parts(text):
        sign = part[:1] if part[:1] in ("+", "-") else ""
        parser = _Parser(text, start + len(sign), start + len(part))
        orders.append(Order(parser.field(of_order=True), sign == "-"))
        parser.expect_end("expected a comma or the end")
    return tuple(orders)


def _parts(text: str) -> list[tuple[int, str]]:
    """The parts between commas outside of strings, with where each starts."""
    parts, start, quote = [], 0, ""
    for position, character in enumerate(text + ","):
        if character in "\"'" and quote in ("", character):
            quote = "" if quote else character
        elif character == "," and (not quote or position == len(text)):
            part = text[start:position]
            if part.strip():
                parts.append((start + len(part) - len(part.lstrip()), part.strip()))
            start = position + 1
    return parts


def named_field(labels: Sequence[str]) -> Field | None:
    """The field of these labels, None when there is none."""
    section, *key = labels
    if section in SECTIONS and key:
        return Field(section, ".".join(key))
    return Field(section) if section in PLAIN_FIELDS and not key else None


_WANDB_ORDER_NAMES = {
    "summary_metrics": "summary",
    "heartbeat_at": "updated_at",
    "heartbeatAt": "updated_at",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "display_name": "name",
    "displayName": "name",
    "jobType": "job_type",
    "username": "user",
    "duration": "duration_s",
}


def timestamp(text: str) -> float:
    """Unix seconds of an ISO date or time, UTC unless it says otherwise. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class _Parser:
    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        self.text = text
        self._tokens = tokens(text, start, end)
        self.next = next(self._tokens)
        self._depth = 0
        self._comparisons = 0

    def _advance(self) -> Token:
        token = self.next
        if token.kind != "end":
            self.next = next(self._tokens)
        return token

    def _error(self, token: Token, problem: str) -> FilterError:
        return FilterError(self.text, token.position, problem)

    def _took(self, kind: str, *values: str) -> bool:
        if self.next.kind == kind and self.next.value in values:
            self._advance()
            return True
        return False

    def expect_end(self, problem: str) -> None:
        if self.next.kind != "end":
            raise self._error(self.next, problem)

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._error(self.next, f"the filter is nested deeper than {DEPTH_MAX}")
        terms = [self._conjunction()]
        while self._took("word", "or"):
            terms.append(self._conjunction())
        self._depth -= 1
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _conjunction(self) -> Expression:
        terms = [self._negation()]
        while self._took("word", "and"):
            terms.append(self._negation())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _negation(self) -> Expression:
        negations = 0
        while self._took("word", "not"):
            negations += 1
            if negations > DEPTH_MAX:
                raise self._error(self.next, f"the filter is nested deeper than {DEPTH_MAX}")
        term = self._primary()
        for _ in range(negations):
            term = Not(term)
        return term

    def _primary(self) -> Expression:
        if self._took("symbol", "("):
            term = self.expression()
            if not self._took("symbol", ")"):
                raise self._error(self.next, "expected and, or, or )")
            return term
        self._comparisons += 1
        if self._comparisons > COMPARISONS_MAX:
            raise self._error(self.next, f"the filter has more than {COMPARISONS_MAX} comparisons")
        if self.next.kind in _LITERALS:
            return self._value_first()
        return self._field_first()

    def _value_first(self) -> Expression:
        token = self._advance()
        negated = self._took("word", "not")
        if self._took("word", "in"):
            if token.value is None:
                raise self._error(token, "null is in nothing; use FIELD == null")
            field = self.field()
            return _present(field, negated, Contains(field, token.value))
        if not negated and self.next.kind == "symbol" and self.next.value in _FLIPPED:
            operator = self._advance()
            field = self.field()
            return self._comparison(field, Token("symbol", _FLIPPED[operator.value], operator.position), token)
        if not negated and isinstance(token.value, bool):
            return And(()) if token.value else Or(())
        raise self._error(self.next, "expected an operator after the value: ==, !=, <, <=, >, >= or in")

    def _field_first(self) -> Expression:
        field = self.field()
        if self._took("word", "in"):
            return OneOf(field, self._values(field))
        if self._took("word", "not"):
            if not self._took("word", "in"):
                raise self._error(self.next, "expected in")
            return _present(field, True, OneOf(field, self._values(field)))
        operator = self._advance()
        if operator.kind == "symbol" and operator.value in ("=~", "!~"):
            return _present(field, operator.value == "!~", Pattern(field, self._pattern()))
        if operator.kind != "symbol" or operator.value not in _FLIPPED:
            raise self._error(operator, f"expected an operator after {field}: ==, !=, <, <=, >, >=, =~, !~ or in")
        return self._comparison(field, operator, self._advance())

    def field(self, of_order: bool = False) -> Field:
        token = self._advance()
        if token.kind != "field":
            raise self._error(token, "expected a field, such as state, config.lr or summary.loss")
        labels = list(token.value)
        if of_order:
            labels[0] = _WANDB_ORDER_NAMES.get(labels[0], labels[0])
            if labels[0] == "config" and labels[2:3] == ["value"] and not token.bracketed:
                del labels[2]
        field = named_field(labels)
        if field is None:
            raise self._error(token, _unknown(labels))
        return field

    def _comparison(self, field: Field, operator: Token, token: Token) -> Expression:
        value = self._value(field, token)
        if value is None and operator.value not in ("==", "!="):
            raise self._error(operator, "null compares only by == and !=")
        return Comparison(field, cast("Operator", operator.value), value)

    def _value(self, field: Field, token: Token) -> Scalar:
        if token.kind not in _LITERALS:
            raise self._error(
                token, f'expected a value to compare {field} with: a number, a "string", true, false or null'
            )
        if field.section in TIME_FIELDS and isinstance(token.value, str):
            try:
                return timestamp(token.value)
            except ValueError:
                raise self._error(
                    token, 'expected a time, such as "2026-03-01" or "2026-03-01T12:00:00+01:00"'
                ) from None
        return cast("Scalar", token.value)

    def _values(self, field: Field) -> tuple[Scalar, ...]:
        if not self._took("symbol", "["):
            raise self._error(self.next, 'expected a list such as ["a", "b"] (is an item in a field? "a" in tags)')
        values: list[Scalar] = []
        while not self._took("symbol", "]"):
            if values and not self._took("symbol", ","):
                raise self._error(self.next, "expected , or ]")
            values.append(self._value(field, self._advance()))
            self._comparisons += 1
            if self._comparisons > COMPARISONS_MAX:
                raise self._error(self.next, f"the filter has more than {COMPARISONS_MAX} values")
        return tuple(values)

    def _pattern(self) -> str:
        token = self._advance()
        if token.kind != "string":
            raise self._error(token, 'expected a regular expression in quotes, such as "res.*"')
        fault = pattern_fault(token.value)
        if fault is not None:
            raise self._error(token, f"this regular expression is refused: {fault}")
        return str(token.value)


def _present(field: Field, negated: bool, term: Expression) -> Expression:
    """The term, or its opposite among the runs that have the field."""
    return And((Comparison(field, "!=", None), Not(term))) if negated else term


def _unknown(labels: Sequence[str]) -> str:
    name = ".".join(labels)
    if labels[0] in SECTIONS:
        return f"{labels[0]} needs a key, such as {labels[0]}.name"
    close = difflib.get_close_matches(labels[0], (*PLAIN_FIELDS, *SECTIONS), n=1, cutoff=0.6)
    hint = (
        f"did you mean {close[0]}?"
        if close
        else f"there are {', '.join(PLAIN_FIELDS)}, config.KEY, summary.KEY, git.KEY"
    )
    return f"there is no field {name}: {hint}"
