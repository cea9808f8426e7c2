"""What people and other programs send as text: filters, parameters, cursors, settings. Odd ones are refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from runwell._api_columns import decode_series
from runwell._settings import resolve
from runwell.core.filters import FilterError, from_mongo, parse, parse_order
from runwell.errors import Error
from runwell.forwarder.address import local_server
from runwell_dashboard import parameters
from runwell_dashboard.answers import RequestError
from runwell_dashboard.columns import encode
from runwell_projector.codecs import Values
from runwell_projector.pages import decode_cursor, encode_cursor
from runwell_projector.series import Series
from tests.core.filter_values import views

WORDS = [
    "config",
    "summary",
    ".",
    "a",
    '"',
    "'",
    "==",
    "=~",
    "<",
    "in",
    "not",
    "and",
    "or",
    "(",
    ")",
    "[",
    "]",
    "null",
    "-",
]
WORDS += ["1e9999", "1", "name", "tags", ",", "\\", "\x00", "\ud800", "(?P<", "*", "true", "ü", " "]
filters = st.text(max_size=40) | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["$and", "$or", "$in", "$gt", "$regex", "$not", "$exists"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(filters, views)
@settings(max_examples=300, deadline=None)
def test_any_text_may_be_a_filter(text: str, view: dict[str, Any]):
    """A text is a filter that says yes or no of every run, or is refused with the place of what is wrong."""
    try:
        assert parse(text).matches(view) in (True, False)
    except FilterError as error:
        assert str(error)  # noqa: PT017 - most are refused


@given(json_values, views)
@settings(max_examples=200, deadline=None)
def test_any_json_may_be_a_filter_of_the_other_kind(value: Any, view: dict[str, Any]):
    """Any JSON value is a filter, or is refused by name."""
    try:
        assert from_mongo(value).matches(view) in (True, False)
    except FilterError as error:
        assert str(error)  # noqa: PT017 - most are refused


NAMES = ["limit", "offset", "masked", "keys", "key", "filter", "order", "stream", "min_step", "after"]
queries = st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=25) | filters), max_size=6)


@given(queries)
@settings(max_examples=300, deadline=None)
def test_any_query_is_understood_or_refused(query: list[tuple[str, str]]):
    """Each parameter is read, or refused with status 400 and its name."""
    given = QueryParams(query)
    readers = [
        lambda: parameters.integer(given, "limit", 50, 1, 1000),
        lambda: parameters.whole(given, "min_step"),
        lambda: parameters.flag(given, "masked"),
        lambda: parameters.keys(given),
        lambda: parameters.stream(given),
        lambda: parameters.where(given),
        lambda: parameters.order(given),
    ]
    for read in readers:
        try:
            read()
        except RequestError as error:
            assert error.status == 400  # noqa: PT017 - many are fine


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_may_be_a_cursor_or_an_order(text: str):
    """A cursor that nobody gave is refused by ValueError, an order that names nothing by FilterError."""
    try:
        assert decode_cursor(encode_cursor(decode_cursor(text)))
    except ValueError as error:
        assert str(error)  # noqa: PT017 - nearly all are refused
    try:
        parse_order(text)
    except FilterError as error:
        assert str(error)  # noqa: PT017 - nearly all are refused


setting_names = st.sampled_from(
    ["mode", "durability", "when_full", "finish_timeout_s", "spool_bytes_max", "dir", "x", "entity"]
)


@given(st.dictionaries(setting_names, json_values, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_settings_are_taken_or_refused(given_settings: dict[str, Any]):
    """Settings of any types are taken, or refused by UsageError before anything is made."""
    try:
        resolve(given_settings, {})
    except (Error, TypeError) as error:
        assert str(error)  # noqa: PT017 - some are fine


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=100, deadline=None)
def test_any_bytes_may_announce_a_server(tmp_path_factory: Any, data: bytes):
    """A server.json that is none is as if there was no server."""
    root = Path(tmp_path_factory.getbasetemp()) / "announcing"
    (root / "server").mkdir(parents=True, exist_ok=True)
    (root / "server" / "server.json").write_bytes(data)
    assert isinstance(local_server(root), dict)


points = st.lists(
    st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.text(max_size=4) | st.none(), max_size=9
)


@given(st.dictionaries(st.text(max_size=6), points, max_size=3))
@settings(max_examples=200, deadline=None)
def test_columns_can_be_read_back(values: dict[str, list[Any]]):
    """Whatever a series holds, the client reads it from the binary form, types included."""
    series = {}
    for key, held in values.items():
        steps, none = np.arange(len(held)), np.empty(0)
        texts = Values("json", [json.dumps(value) for value in held])
        numbers = set(map(type, held)) <= {float}
        column = Values("f64", np.asarray(held, np.float64)) if numbers and held else texts
        series[key] = Series(none, none, steps, 0.5 * steps, column)
    for axis, unit in (("_step", 1), ("_timestamp", 0.5)):
        found = decode_series(encode(series), axis)
        assert list(found) == list(values)
        for key, (x, held) in found.items():
            assert json.dumps(x) == json.dumps([unit * step for step in range(len(held))])
            assert json.dumps(held) == json.dumps(values[key])
