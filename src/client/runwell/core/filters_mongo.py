"""Filters in the subset of MongoDB's language that wandb's ``Api.runs(filters=)`` takes, with wandb's field names."""

from collections.abc import Callable, Mapping
from typing import Any

from runwell.core.filters_parser import COMPARISONS_MAX, DEPTH_MAX, named_field, timestamp
from runwell.core.filters_pattern import pattern_fault
from runwell.core.filters_tokens import FilterError
from runwell.core.filters_tree import TIME_FIELDS, And, Comparison, Contains, Expression, Field, Not, OneOf, Or, Pattern

_NAMES = {
    "display_name": "name",
    "displayName": "name",
    "name": "run_id",
    "id": "run_id",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
    "jobType": "job_type",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "heartbeat_at": "updated_at",
    "heartbeatAt": "updated_at",
    "username": "user",
    "duration": "duration_s",
}
_ORDERINGS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def from_mongo(filters: Mapping[str, Any]) -> Expression:
    """The same filter in our terms. As in MongoDB, ``$ne`` and ``$nin`` are true of a missing field.

    Raises FilterError for what is not in the subset, naming it.
    """
    return _Converter(filters).document(filters, 0)


class _Converter:
    def __init__(self, filters: Mapping[str, Any]) -> None:
        self._text = repr(filters)
        self._comparisons = 0

    def _error(self, problem: str) -> FilterError:
        return FilterError(self._text, 0, problem)

    def document(self, document: object, depth: int) -> Expression:
        if not isinstance(document, Mapping):
            raise self._error(f"expected a dict of filters, not {document!r}")
        if depth > DEPTH_MAX:
            raise self._error(f"the filter is nested deeper than {DEPTH_MAX}")
        return _all([self._entry(name, condition, depth) for name, condition in document.items()])

    def _entry(self, name: object, condition: object, depth: int) -> Expression:
        if name == "$not":
            return Not(self.document(condition, depth + 1))
        if name in ("$and", "$or", "$nor"):
            if not isinstance(condition, list | tuple):
                raise self._error(f"{name} takes a list of filters")
            terms = [self.document(term, depth + 1) for term in condition]
            return _all(terms) if name == "$and" else _any(terms) if name == "$or" else Not(_any(terms))
        field = self._field(name)
        if isinstance(condition, Mapping):
            return _all([self._operator(field, str(key), value, depth) for key, value in condition.items()])
        return self._equals(field, condition)

    def _field(self, name: object) -> Field:
        labels = str(name).split(".")
        labels[0] = _NAMES.get(labels[0], labels[0])
        if labels[0] == "config" and labels[2:3] == ["value"]:
            del labels[2]
        field = named_field(labels)
        if field is None:
            raise self._error(
                f"there is no field {name!r}; there are config.KEY, summary_metrics.KEY, state, tags, display_name, name"
            )
        return field

    def _operator(self, field: Field, operator: str, value: Any, depth: int) -> Expression:
        if operator in _ORDERINGS:
            return Comparison(field, _ORDERINGS[operator], self._scalar(field, value, null=False))  # type: ignore[arg-type]
        simple: dict[str, Callable[[], Expression]] = {
            "$eq": lambda: self._equals(field, value),
            "$ne": lambda: Not(self._equals(field, value)),
            "$in": lambda: self._one_of(field, value),
            "$nin": lambda: Not(self._one_of(field, value)),
            "$exists": lambda: Comparison(field, "!=" if value else "==", None),
            "$regex": lambda: self._pattern(field, value),
            "$not": lambda: self._not(field, value, depth),
        }
        if operator not in simple:
            raise self._error(f"{operator} is not known; there are {', '.join((*_ORDERINGS, *simple))}")
        return simple[operator]()

    def _not(self, field: Field, condition: Any, depth: int) -> Expression:
        if depth > DEPTH_MAX:
            raise self._error(f"the filter is nested deeper than {DEPTH_MAX}")
        if not isinstance(condition, Mapping):
            raise self._error("$not takes a dict of operators")
        return Not(_all([self._operator(field, str(key), value, depth + 1) for key, value in condition.items()]))

    def _equals(self, field: Field, value: Any) -> Expression:
        scalar = self._scalar(field, value)
        if field.section == "tags" and scalar is not None:
            return Contains(field, scalar)
        return Comparison(field, "==", scalar)

    def _one_of(self, field: Field, values: Any) -> Expression:
        if not isinstance(values, list | tuple | set | frozenset):
            raise self._error("$in and $nin take a list")
        if field.section == "tags":
            return _any([self._equals(field, value) for value in values])
        return OneOf(field, tuple(self._scalar(field, value) for value in values))

    def _pattern(self, field: Field, pattern: Any) -> Expression:
        fault = pattern_fault(pattern) if isinstance(pattern, str) else "it is not a string"
        if fault is not None:
            raise self._error(f"the regular expression {pattern!r} is refused: {fault}")
        return Pattern(field, pattern)

    def _scalar(self, field: Field, value: Any, null: bool = True) -> Any:
        self._comparisons += 1
        if self._comparisons > COMPARISONS_MAX:
            raise self._error(f"the filter has more than {COMPARISONS_MAX} comparisons")
        if value is None and not null:
            raise self._error(f"null has no order; {field} was compared with it")
        if field.section in TIME_FIELDS and isinstance(value, str):
            try:
                return timestamp(value)
            except ValueError:
                raise self._error(f"{value!r} is not a time for {field}") from None
        if not isinstance(value, str | int | float | bool | None):
            raise self._error(f"{field} can be compared with a string, a number, a boolean or None, not {value!r}")
        return value


def _all(terms: list[Expression]) -> Expression:
    return terms[0] if len(terms) == 1 else And(tuple(terms))


def _any(terms: list[Expression]) -> Expression:
    return terms[0] if len(terms) == 1 else Or(tuple(terms))
