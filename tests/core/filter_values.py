"""Random run views and filters, and a second, slow reading of what a filter means, for tests of the filter language."""

import math
import re
from typing import Any

from hypothesis import strategies as st

from runwell.core.filters import And, Comparison, Contains, Field, Not, OneOf, Or, Pattern

LABELS = ("a", "b", "a.b", "val/loss", "weight decay", 'quo"te', "ünï", "value")
PLAIN_TEXT = ("name", "state", "group", "run_id")

integers = st.integers(-(2**63), 2**63 - 1)
numbers = integers | st.integers(-3, 3) | st.floats(allow_nan=True) | st.sampled_from([0.5, 1.0, math.inf])
texts = st.sampled_from(["", "a", "b", "abc", "Ab", "🏃", "a\nb", 'q"\\'])
scalars = st.none() | st.booleans() | numbers | texts
leaf_values = scalars | st.lists(scalars, max_size=3)
trees = st.recursive(
    st.dictionaries(st.sampled_from(LABELS), leaf_values, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(LABELS), leaf_values | inner, max_size=3),
    max_leaves=6,
)
views = st.fixed_dictionaries(
    {
        "entity": st.sampled_from(["e", "f"]),
        "project": st.sampled_from(["p", "q"]),
        "run_id": texts,
        "name": texts,
        "state": st.sampled_from(["running", "finished"]),
        "group": texts | st.none(),
        "tags": st.lists(texts, max_size=3),
        "created_at": st.floats(0, 2e9),
        "duration_s": numbers,
        "exit_code": st.none() | st.integers(0, 2),
        "config": trees,
        "summary": trees,
        "git": st.none() | st.fixed_dictionaries({"commit": texts, "dirty": st.booleans()}),
    }
)
keys = st.lists(st.sampled_from(LABELS), min_size=1, max_size=2).map(".".join)
fields = (
    st.builds(Field, st.sampled_from(("config", "summary")), keys)
    | st.sampled_from(
        [Field("git", "commit"), Field("git", "dirty"), Field("tags"), Field("duration_s"), Field("exit_code")]
    )
    | st.sampled_from(PLAIN_TEXT).map(Field)
)
comparisons = st.one_of(
    st.builds(Comparison, fields, st.sampled_from(["==", "!="]), scalars),
    st.builds(Comparison, fields, st.sampled_from(["<", "<=", ">", ">="]), st.booleans() | numbers | texts),
    st.builds(OneOf, fields, st.lists(scalars, max_size=3).map(tuple)),
    st.builds(Contains, fields, st.booleans() | numbers | texts),
    st.builds(Pattern, fields, st.sampled_from(["a", "^a", "b$", ".", "[A-Z]", "(a|b)c", r"\d", "(?i)AB"])),
)
expressions = st.recursive(
    comparisons,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


def naive_value(view: dict[str, Any], field: Field) -> tuple[str, Any]:
    """("missing" | "branch" | "value", the value): by writing out every leaf under its name with dots."""
    if field.section not in ("config", "summary", "git"):
        value = view.get(field.section)
        return ("missing", None) if value is None else ("value", value)
    best: dict[str, tuple[Any, Any]] = {}
    branches: set[str] = set()
    pending: list[tuple[tuple[str, ...], Any]] = [
        ((label,), value) for label, value in (view[field.section] or {}).items()
    ]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending += [((*path, label), inner) for label, inner in value.items()]
        elif value is not None:
            name = ".".join(path)
            if name not in best or (len(path), path) < best[name][0]:
                best[name] = ((len(path), path), value)
            branches |= {name[:place] for place, character in enumerate(name) if character == "."}
    if field.key in best:
        return "value", best[field.key][1]
    return ("branch", None) if field.key in branches else ("missing", None)


def same(left: Any, right: Any) -> bool:
    """Equality as the language has it."""
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool) and left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return (left != left and right != right) or left == right
    return isinstance(left, str) and isinstance(right, str) and left == right


def naive_matches(expression: Any, view: dict[str, Any]) -> bool:
    """The meaning of a filter, once more."""
    match expression:
        case Not(term):
            return not naive_matches(term, view)
        case And(terms):
            return False not in [naive_matches(term, view) for term in terms]
        case Or(terms):
            return True in [naive_matches(term, view) for term in terms]
    return naive_holds(expression, *naive_value(view, expression.field))


def naive_holds(expression: Any, kind: str, value: Any) -> bool:
    """One comparison with a field's value."""
    match expression:
        case Comparison(_, "==", None):
            return kind == "missing"
        case Comparison(_, "!=", None):
            return kind != "missing"
        case Comparison(_, "==", wanted):
            return kind == "value" and same(value, wanted)
        case Comparison(_, "!=", wanted):
            return kind == "branch" or (kind == "value" and not same(value, wanted))
        case Comparison(_, operator, wanted):
            return kind == "value" and ordered_so(value, operator, wanted)
        case OneOf(_, wanted):
            return any((kind == "missing") if one is None else (kind == "value" and same(value, one)) for one in wanted)
        case Contains(_, wanted) if isinstance(value, str):
            return isinstance(wanted, str) and value.find(wanted) >= 0
        case Contains(_, wanted):
            return isinstance(value, list) and any(same(item, wanted) for item in value)
        case Pattern(_, pattern):
            items = value if isinstance(value, list) else [value]
            return any(re.search(pattern, item) is not None for item in items if isinstance(item, str))
    raise AssertionError(expression)


def ordered_so(value: Any, operator: str, wanted: Any) -> bool:
    """An ordering between two numbers or two strings."""
    both = [value, wanted]
    texts_only = all(isinstance(one, str) for one in both)
    numbers_only = all(isinstance(one, int | float) and not isinstance(one, bool) for one in both)
    if not (texts_only or numbers_only):
        return False
    return {"<": value < wanted, "<=": value <= wanted, ">": value > wanted, ">=": value >= wanted}[operator]
