"""Filters and orders as SQL over the ``run`` table; equal to ``matches`` and ``ordered`` of runwell.core.filters.

Each term becomes an expression that is 0 or 1, never NULL, so that NOT means not. How sections are stored is told in
``leaves``. A filter nested deeper than SQLite's parser bears is asked of each run's view instead.
"""

import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runwell.core import filters, filters_tree
from runwell.core.filters_tree import Scalar

NESTING_MAX = 8
"""SQLite's parser has a stack of 100 entries, of which a level takes up to eight."""

PATTERN_FUNCTION = "runwell_pattern_found"
MATCH_FUNCTION = "runwell_matches"

_SIMPLE_KEY = re.compile(r"[ !#-\[\]-~]+")
_NUMBER = "('integer', 'real')"


Tables = Mapping[filters.Field, str]
"""Tables that have a field's ``kind`` and ``value``, in the place of the runs table."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement and its parameters."""

    text: str
    parameters: tuple[Any, ...] = ()

    def __add__(self, other: "Sql | str") -> "Sql":
        other = Sql(other) if isinstance(other, str) else other
        return Sql(self.text + other.text, self.parameters + other.parameters)

    def __radd__(self, other: str) -> "Sql":
        return Sql(other) + self


def where_sql(expression: filters.Expression, connection: sqlite3.Connection, tables: Tables | None = None) -> Sql:
    """The condition; functions that it calls are registered on the connection."""
    connection.create_function(PATTERN_FUNCTION, 2, _pattern_found, deterministic=True)
    if fits(expression):
        return Terms(tables or {}).condition(expression)
    connection.create_function(MATCH_FUNCTION, 1, lambda view: expression.matches(json.loads(view)))
    return Sql(f"{MATCH_FUNCTION}(view)")


def fits(expression: filters.Expression) -> bool:
    """Whether the filter is compiled, and needs no view."""
    return _nesting(expression) <= NESTING_MAX


def order_sql(orders: Sequence[filters.Order], tables: Tables | None = None) -> Sql:
    """What follows ORDER BY."""
    found, terms = Sql(""), Terms(tables or {})
    for order in orders or filters.DEFAULT_ORDER:
        if order.field.section in filters_tree.TIME_FIELDS:
            # Every run has them, and the index run_by_creation is in this order.
            found += f"{order.field.section} {'DESC' if order.descending else 'ASC'}, "
            continue
        kind, value = terms.kind(order.field), terms.value(order.field)
        number = " IN ('integer', 'real', 'true', 'false')"
        found += "CASE WHEN " + kind + number + " THEN 0 WHEN " + kind + " = 'text' THEN 1 WHEN " + kind
        found += " = 'null' THEN 3 ELSE 2 END, CASE WHEN " + kind + " NOT IN ('object', 'array', 'null') THEN "
        found += value + f" END {'DESC' if order.descending else 'ASC'}, "
    return found + "entity, project, run_id"


def fields_of(expression: filters.Expression) -> Iterator[filters.Field]:
    """The fields that a filter names."""
    if isinstance(expression, filters.Not):
        yield from fields_of(expression.term)
    elif isinstance(expression, filters.And | filters.Or):
        for term in expression.terms:
            yield from fields_of(term)
    else:
        yield expression.field


def _nesting(expression: filters.Expression) -> int:
    if isinstance(expression, filters.Not):
        return 1 + _nesting(expression.term)
    if isinstance(expression, filters.And | filters.Or):
        return 1 + max(map(_nesting, expression.terms), default=0)
    return 0


def _joined(operator: str, terms: list[Sql], empty: str) -> Sql:
    if not terms:
        return Sql(empty)
    joined = terms[0]
    for term in terms[1:]:
        joined += operator + term
    return "(" + joined + ")"


def kind_sql(field: filters.Field) -> Sql:
    """The value's JSON type in the runs table; 'null' when it is missing."""
    if field.section == "tags":
        return Sql("'array'")
    if field.section not in filters.SECTIONS:
        return Sql(f'typeof("{field.section}")')
    if _SIMPLE_KEY.fullmatch(field.key):
        return Sql(f"ifnull(json_type({field.section}, ?), 'null')", (f'$."{field.key}"',))
    return Sql(
        f"ifnull((SELECT type FROM json_each({field.section}) WHERE key = {_TEXT}), 'null')", (_text(field.key),)
    )


def value_sql(field: filters.Field) -> Sql:
    """The value in the runs table; of a list its JSON."""
    if field.section not in filters.SECTIONS:
        return Sql(f'"{field.section}"')
    if _SIMPLE_KEY.fullmatch(field.key):
        return Sql(f"json_extract({field.section}, ?)", (f'$."{field.key}"',))
    return Sql(f"(SELECT value FROM json_each({field.section}) WHERE key = {_TEXT})", (_text(field.key),))


_TEXT = "CAST(? AS TEXT)"


def _text(text: str) -> bytes:
    """A string as a parameter of ``_TEXT``: sqlite3 itself takes no lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def _equal_kind(value: Scalar) -> str:
    """The condition on the kind for equality with a value that is not None; for all but numbers and strings it is all."""
    if isinstance(value, bool):
        return f" = '{json.dumps(value)}'"
    if isinstance(value, str):
        return " = 'text'"
    if isinstance(value, float) and math.isnan(value):
        return " = 'object'"
    return f" IN {_NUMBER}"


def _literal(value: str | float) -> Sql:
    return Sql(_TEXT, (_text(value),)) if isinstance(value, str) else Sql("?", (filters.bounded(value),))


def _compared(kind: Sql, value: Sql, operator: str, literal: Any) -> Sql:
    """Both of one kind, and the operator holds between them."""
    condition = kind + _equal_kind(literal)
    if filters.kind(literal) in ("number", "string"):
        condition += " AND " + value + f" {operator} " + _literal(literal)
    return "ifnull(" + condition + ", 0)"


class Terms:
    """Compiles the terms of a filter."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def kind(self, field: filters.Field) -> Sql:
        """The value's JSON type."""
        return Sql(f"{self._tables[field]}.kind") if field in self._tables else kind_sql(field)

    def value(self, field: filters.Field) -> Sql:
        """The value."""
        return Sql(f"{self._tables[field]}.value") if field in self._tables else value_sql(field)

    def condition(self, expression: filters.Expression) -> Sql:
        """The condition, 0 or 1."""
        if isinstance(expression, filters.And):
            return _joined(" AND ", [self.condition(term) for term in expression.terms], "1")
        if isinstance(expression, filters.Or):
            return _joined(" OR ", [self.condition(term) for term in expression.terms], "0")
        if isinstance(expression, filters.Not):
            return "(NOT " + self.condition(expression.term) + ")"
        if isinstance(expression, filters.Comparison):
            return self._comparison(expression)
        if isinstance(expression, filters.OneOf):
            return self._one_of(expression.field, expression.values)
        if isinstance(expression, filters.Contains):
            return self._contains(expression.field, expression.value)
        return self._pattern(expression.field, expression.pattern)

    def _comparison(self, comparison: filters.Comparison) -> Sql:
        kind, value = self.kind(comparison.field), self.value(comparison.field)
        if comparison.value is None:
            return "(" + kind + (" = 'null')" if comparison.operator == "==" else " <> 'null')")
        if comparison.operator == "==":
            return _compared(kind, value, "=", comparison.value)
        if comparison.operator == "!=":
            return "(" + kind + " <> 'null' AND NOT " + _compared(kind, value, "=", comparison.value) + ")"
        if filters.kind(comparison.value) not in ("number", "string"):
            return Sql("0")
        return _compared(kind, value, comparison.operator, comparison.value)

    def _one_of(self, field: filters.Field, values: Sequence[Scalar]) -> Sql:
        return _joined(" OR ", [self._comparison(filters.Comparison(field, "==", value)) for value in values], "0")

    def _any_item(self, field: filters.Field, condition: Sql) -> Sql:
        """Whether the condition on ``item.type`` and ``item.value`` holds for an item of a list."""
        if field.section == "tags":
            items = Sql("tags")
        elif field.section in filters.SECTIONS:
            # A value that is no list would be its own item, or no JSON at all: the kind decides before the items are read.
            items = "CASE WHEN " + self.kind(field) + " = 'array' THEN " + self.value(field) + " ELSE '[]' END"
        else:
            return Sql("0")
        return "EXISTS (SELECT 1 FROM json_each(" + items + ") AS item WHERE " + condition + ")"

    def _contains(self, field: filters.Field, literal: str | float) -> Sql:
        found = self._any_item(field, _compared(Sql("item.type"), Sql("item.value"), "=", literal))
        if not isinstance(literal, str):
            return found
        within = " = 'text' AND instr(" + self.value(field) + ", " + _literal(literal) + ") > 0, 0)"
        return "(ifnull(" + self.kind(field) + within + " OR " + found + ")"

    def _pattern(self, field: filters.Field, pattern: str) -> Sql:
        call = Sql(f"{PATTERN_FUNCTION}(?, CAST(", (_text(pattern),))
        found = self._any_item(field, "item.type = 'text' AND " + call + "item.value AS BLOB))")
        own = call + self.value(field) + " AS BLOB))"
        return "((" + self.kind(field) + " = 'text' AND " + own + ") OR " + found + ")"


def _pattern_found(pattern: bytes, text: bytes | None) -> bool:
    return text is not None and filters.pattern_found(
        pattern.decode("utf-8", "surrogatepass"), text.decode("utf-8", "surrogatepass")
    )
