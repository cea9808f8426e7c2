"""wandb's filters, in MongoDB's language, mean the same here."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core.filters import FilterError, from_mongo, parse
from tests.core.filter_values import same

NAMES = {"config.a": "a", "config.b": "b", "config.a.value": "a"}
scalars = st.integers(-2, 2) | st.sampled_from([0.5, float("inf"), "x", "y", ""]) | st.booleans()
operators = st.one_of(
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), scalars),
    st.tuples(st.sampled_from(["$eq", "$ne"]), scalars | st.none()),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(scalars, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$regex"), st.sampled_from(["x", "^y", "."])),
)
conditions = scalars | st.none() | st.lists(operators, min_size=1, max_size=2).map(dict)
entries = st.dictionaries(
    st.sampled_from(list(NAMES)), conditions | conditions.map(lambda one: {"$not": {"$eq": 1}}), max_size=2
)
documents = st.recursive(
    entries,
    lambda inner: st.tuples(st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3)).map(
        lambda pair: dict([pair])
    ),
    max_leaves=4,
)


def met(value, operator, wanted):
    """One operator on one value, as MongoDB has it; None is a missing value."""
    if operator == "$not":
        return not all(met(value, *pair) for pair in wanted.items())
    if operator == "$eq":
        return value is None if wanted is None else value is not None and same(value, wanted)
    if operator == "$ne":
        return not met(value, "$eq", wanted)
    if operator in ("$in", "$nin"):
        return any(met(value, "$eq", one) for one in wanted) == (operator == "$in")
    if operator == "$exists":
        return (value is not None) == wanted
    if operator == "$regex":
        return isinstance(value, str) and bool(re.search(wanted, value))
    kinds = {bool if isinstance(one, bool) else str if isinstance(one, str) else float for one in (value, wanted)}
    if value is None or len(kinds) != 1 or bool in kinds:
        return False
    return {"$gt": value > wanted, "$gte": value >= wanted, "$lt": value < wanted, "$lte": value <= wanted}[operator]


def document_met(document, config):
    """A whole filter on a config, as MongoDB has it."""
    results = []
    for name, condition in document.items():
        if name in ("$and", "$or", "$nor"):
            inner = [document_met(term, config) for term in condition]
            results.append({"$and": all(inner), "$or": any(inner), "$nor": not any(inner)}[name])
        else:
            pairs = condition.items() if isinstance(condition, dict) else [("$eq", condition)]
            results.append(all(met(config.get(NAMES[name]), *pair) for pair in pairs))
    return all(results)


@given(documents, st.dictionaries(st.sampled_from(["a", "b"]), scalars))
@settings(deadline=None, max_examples=300)
def test_mongo_filters_mean_what_mongo_means(document, config):
    """A converted filter, also after a turn through our text, is true of the runs that MongoDB would find."""
    expression = from_mongo(document)
    view = {"config": config}
    assert expression.matches(view) == document_met(document, config)
    assert parse(str(expression)).matches(view) == document_met(document, config)


@pytest.mark.parametrize(
    ("mongo", "text"),
    [
        ({"display_name": "x"}, 'name == "x"'),
        ({"displayName": {"$regex": "^res"}}, 'name =~ "^res"'),
        ({"name": {"$in": ["abc", "def"]}}, 'run_id in ["abc", "def"]'),
        ({"tags": "a"}, '"a" in tags'),
        ({"tags": {"$in": ["a", "b"]}}, '("a" in tags) or ("b" in tags)'),
        ({"tags": {"$nin": ["a"]}}, 'not ("a" in tags)'),
        ({"summary_metrics.val/loss": {"$lt": 0.5}}, "summary.val/loss < 0.5"),
        ({"config.opt.value.lr": 1}, "config.opt.lr == 1"),
        ({"sweep": "s1"}, 'sweep == "s1"'),
        ({"jobType": "eval", "username": "u"}, '(job_type == "eval") and (user == "u")'),
        ({"createdAt": {"$gte": "2026-03-01T00:00:00"}}, "created_at >= 1772323200.0"),
        ({"duration": {"$gt": 60}}, "duration_s > 60"),
        ({"$not": {"state": "failed"}}, 'not (state == "failed")'),
        ({}, "true"),
    ],
)
def test_wandb_names(mongo, text):
    """wandb's field names, of which ``name`` is the run id, become ours."""
    assert str(from_mongo(mongo)) == text


@pytest.mark.parametrize(
    ("mongo", "part"),
    [
        ({"launch": "x"}, "there is no field 'launch'"),
        ({"config.a": {"$elemMatch": 1}}, "$elemMatch is not known"),
        ({"$or": {"a": 1}}, "$or takes a list"),
        ({"config.a": [1]}, "not [1]"),
        ({"config.a": {"$in": 3}}, "take a list"),
        ({"config.a": {"$gt": None}}, "null has no order"),
        ({"config.a": {"$regex": "(a+)+"}}, "refused"),
        ({"createdAt": "soon"}, "is not a time"),
        ({"config.a": {"$in": list(range(500))}}, "more than 400"),
    ],
)
def test_what_is_not_in_the_subset_is_named(mongo, part):
    """A filter beyond the subset raises FilterError that says which part."""
    with pytest.raises(FilterError) as raised:
        from_mongo(mongo)
    assert part in str(raised.value)


def test_deep_filters_are_refused():
    """Nesting beyond the limit is an error, not a crash."""
    document: dict[str, object] = {"state": "x"}
    for _ in range(200):
        document = {"$and": [document]}
    with pytest.raises(FilterError, match="nested deeper"):
        from_mongo(document)
