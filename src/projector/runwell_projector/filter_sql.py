"""Filters and orders as SQL over the ``run`` table; equal to ``matches`` and ``ordered`` of runwell.core.filters.

Each term becomes an expression that is 0 or 1, never NULL, so that NOT means not. How sections are stored is told in
``leaves``. A filter nested deeper than SQLite's parser bears is asked of each run's view instead.
"""

import json
import math
import re
import sqlite3
from collections.abc import Sequence
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


def where_sql(expression: filters.Expression, connection: sqlite3.Connection) -> Sql:
    """The condition; functions that it calls are registered on the connection."""
    connection.create_function(PATTERN_FUNCTION, 2, _pattern_found, deterministic=True)
    if _nesting(expression) <= NESTING_MAX:
        return _condition(expression)
    connection.create_function(MATCH_FUNCTION, 1, lambda view: expression.matches(json.loads(view)))
    return Sql(f"{MATCH_FUNCTION}(view)")


def order_sql(orders: Sequence[filters.Order]) -> Sql:
    """What follows ORDER BY."""
    terms = Sql("")
    for order in orders or filters.DEFAULT_ORDER:
        if order.field.section in filters_tree.TIME_FIELDS:
            # Every run has them, and the index run_by_creation is in this order.
            terms += f"{order.field.section} {'DESC' if order.descending else 'ASC'}, "
            continue
        kind, value = _kind(order.field), _value(order.field)
        number = " IN ('integer', 'real', 'true', 'false')"
        terms += "CASE WHEN " + kind + number + " THEN 0 WHEN " + kind + " = 'text' THEN 1 WHEN " + kind
        terms += " = 'null' THEN 3 ELSE 2 END, CASE WHEN " + kind + " NOT IN ('object', 'array', 'null') THEN "
        terms += value + f" END {'DESC' if order.descending else 'ASC'}, "
    return terms + "entity, project, run_id"


def _nesting(expression: filters.Expression) -> int:
    if isinstance(expression, filters.Not):
        return 1 + _nesting(expression.term)
    if isinstance(expression, filters.And | filters.Or):
        return 1 + max(map(_nesting, expression.terms), default=0)
    return 0


def _condition(expression: filters.Expression) -> Sql:
    if isinstance(expression, filters.And):
        return _joined(" AND ", [_condition(term) for term in expression.terms], "1")
    if isinstance(expression, filters.Or):
        return _joined(" OR ", [_condition(term) for term in expression.terms], "0")
    if isinstance(expression, filters.Not):
        return "(NOT " + _condition(expression.term) + ")"
    if isinstance(expression, filters.Comparison):
        return _comparison(expression)
    if isinstance(expression, filters.OneOf):
        return _one_of(expression.field, expression.values)
    if isinstance(expression, filters.Contains):
        return _contains(expression.field, expression.value)
    return _pattern(expression.field, expression.pattern)


def _joined(operator: str, terms: list[Sql], empty: str) -> Sql:
    if not terms:
        return Sql(empty)
    joined = terms[0]
    for term in terms[1:]:
        joined += operator + term
    return "(" + joined + ")"


def _kind(field: filters.Field) -> Sql:
    """The SQL for the value's JSON type; 'null' when it is missing."""
    if field.section == "tags":
        return Sql("'array'")
    if field.section not in filters.SECTIONS:
        return Sql(f'typeof("{field.section}")')
    if _SIMPLE_KEY.fullmatch(field.key):
        return Sql(f"ifnull(json_type({field.section}, ?), 'null')", (f'$."{field.key}"',))
    return Sql(
        f"ifnull((SELECT type FROM json_each({field.section}) WHERE key = {_TEXT}), 'null')", (_text(field.key),)
    )


def _value(field: filters.Field) -> Sql:
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


def _comparison(comparison: filters.Comparison) -> Sql:
    kind, value = _kind(comparison.field), _value(comparison.field)
    if comparison.value is None:
        return "(" + kind + (" = 'null')" if comparison.operator == "==" else " <> 'null')")
    if comparison.operator == "==":
        return _compared(kind, value, "=", comparison.value)
    if comparison.operator == "!=":
        return "(" + kind + " <> 'null' AND NOT " + _compared(kind, value, "=", comparison.value) + ")"
    if filters.kind(comparison.value) not in ("number", "string"):
        return Sql("0")
    return _compared(kind, value, comparison.operator, comparison.value)


def _one_of(field: filters.Field, values: Sequence[Scalar]) -> Sql:
    return _joined(" OR ", [_comparison(filters.Comparison(field, "==", value)) for value in values], "0")


def _items(field: filters.Field) -> Sql:
    """The items of a list field, as the table-valued function that yields ``type`` and ``value``."""
    if field.section == "tags":
        return Sql("json_each(tags)")
    # A value that is no list would be its own item, or no JSON at all: the kind decides before the items are read.
    return "json_each(CASE WHEN " + _kind(field) + " = 'array' THEN " + _value(field) + " ELSE '[]' END)"


def _contains(field: filters.Field, literal: str | float) -> Sql:
    item = _compared(Sql("item.type"), Sql("item.value"), "=", literal)
    found = "EXISTS (SELECT 1 FROM " + _items(field) + " AS item WHERE " + item + ")"
    if not isinstance(literal, str):
        return "(" + found + ")"
    inside = "ifnull(" + _kind(field) + " = 'text' AND instr(" + _value(field) + ", " + _literal(literal) + ") > 0, 0)"
    return "(" + inside + " OR " + found + ")"


def _pattern(field: filters.Field, pattern: str) -> Sql:
    call = Sql(f"{PATTERN_FUNCTION}(?, CAST(", (_text(pattern),))
    item = call + "item.value AS BLOB))"
    found = "EXISTS (SELECT 1 FROM " + _items(field) + " AS item WHERE item.type = 'text' AND " + item + ")"
    own = call + _value(field) + " AS BLOB))"
    return "((" + _kind(field) + " = 'text' AND " + own + ") OR " + found + ")"


def _pattern_found(pattern: bytes, text: bytes | None) -> bool:
    return text is not None and filters.pattern_found(
        pattern.decode("utf-8", "surrogatepass"), text.decode("utf-8", "surrogatepass")
    )
