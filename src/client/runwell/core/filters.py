"""The language of filters and orders, the same in the HTTP API, ``runwell.Api`` and the command line; docs/filters.md."""

from runwell.core.filters_mongo import from_mongo
from runwell.core.filters_order import DEFAULT_ORDER, Order, ordered, rank
from runwell.core.filters_parser import parse, parse_order
from runwell.core.filters_pattern import pattern_fault, pattern_found
from runwell.core.filters_tokens import FilterError
from runwell.core.filters_tree import (
    BRANCH,
    PLAIN_FIELDS,
    SECTIONS,
    And,
    Comparison,
    Contains,
    Expression,
    Field,
    Not,
    OneOf,
    Or,
    Pattern,
    bounded,
    equal,
    kind,
    leaves,
)

__all__ = [
    "BRANCH",
    "DEFAULT_ORDER",
    "PLAIN_FIELDS",
    "SECTIONS",
    "And",
    "Comparison",
    "Contains",
    "Expression",
    "Field",
    "FilterError",
    "Not",
    "OneOf",
    "Or",
    "Order",
    "Pattern",
    "bounded",
    "equal",
    "from_mongo",
    "kind",
    "leaves",
    "ordered",
    "parse",
    "parse_order",
    "pattern_fault",
    "pattern_found",
    "rank",
]
