"""Filters and orders in SQL mean what they mean in runwell.core.filters."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell.core import filters
from runwell_projector.choice import Choice, Chosen
from runwell_projector.filter_sql import NESTING_MAX, order_sql, where_sql
from runwell_projector.gauges import Gauges
from runwell_projector.leaves import section_texts
from runwell_projector.mirror import Mirror
from runwell_projector.runs import WRITE_RUN, run_row
from runwell_projector.schema import TABLES
from tests.core.filter_values import expressions, fields, views

DEFAULTS: dict[str, Any] = {
    "job_type": "",
    "notes": "",
    "user": "",
    "host": "",
    "updated_at": 0.0,
    "attempts": 1,
    "last_step": None,
    "sweep": "",
    "trial": None,
    "program": "",
    "python_version": "",
    "deleted": False,
    "edited_at": None,
    "records": {},
}


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(TABLES)
    made.execute("INSERT INTO checkpoint VALUES (1, 'log', 1, 0)")
    yield made
    made.close()


def numbered(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Views with all that a run has, and run ids of their own."""
    return [DEFAULTS | view | {"run_id": f"{view['run_id']}-{number}"} for number, view in enumerate(drawn)]


def write(connection: sqlite3.Connection, runs: list[dict[str, Any]]) -> None:
    connection.execute("PRAGMA query_only = 0")
    for (table,) in connection.execute("SELECT name FROM temp.sqlite_schema WHERE type = 'table'").fetchall():
        connection.execute(f"DROP TABLE temp.{table}")
    connection.execute("DELETE FROM run")
    connection.executemany(
        WRITE_RUN,
        [
            run_row(number, view, [], Gauges(0.0, 0, ""), *map(section_texts, (view["config"], view["summary"])))
            for number, view in enumerate(runs)
        ],
    )


def matching(connection: sqlite3.Connection, expression: filters.Expression) -> list[str]:
    """Of the runs table, and equally of its fields in memory."""
    where = where_sql(expression, connection)
    found = connection.execute(f"SELECT number, run_id FROM run WHERE {where.text} ORDER BY number", where.parameters)
    numbers, names = [], []
    for number, run_id in found:
        numbers.append((number,))
        names.append(run_id)
    chosen = Chosen(connection, Mirror(connection), Choice(where=expression))
    assert sorted(chosen.numbers(0, 1_000)) == numbers
    assert chosen.count() == len(numbers)
    return names


@given(st.lists(views, min_size=1, max_size=4), expressions)
@settings(max_examples=150, deadline=None)
def test_where_equals_matches(
    connection: sqlite3.Connection, drawn: list[dict[str, Any]], expression: filters.Expression
):
    """SQL chooses exactly the runs that the expression matches."""
    runs = numbered(drawn)
    write(connection, runs)
    assert matching(connection, expression) == [view["run_id"] for view in runs if expression.matches(view)]


@given(st.lists(views, min_size=1, max_size=6), st.lists(st.builds(filters.Order, fields, st.booleans()), max_size=3))
@settings(max_examples=100, deadline=None)
def test_order_equals_ordered(connection: sqlite3.Connection, drawn: list[dict[str, Any]], orders: list[filters.Order]):
    """SQL puts runs in the order that the reference gives them, missing values last."""
    runs = numbered(drawn)
    write(connection, runs)
    order = order_sql(orders)
    found = connection.execute(f"SELECT number, run_id FROM run ORDER BY {order.text}", order.parameters).fetchall()
    assert [run_id for _, run_id in found] == [view["run_id"] for view in filters.ordered(runs, orders)]
    numbers = Chosen(connection, Mirror(connection), Choice(order=orders)).numbers(0, 1_000)
    assert numbers == [(number,) for number, _ in found]


def test_a_filter_nested_too_deep_for_sqlite_still_works(connection: sqlite3.Connection):
    """Deep nesting is asked of the views themselves, and means the same."""
    runs = numbered([{**plain_view(), "config": {"lr": lr}} for lr in (0.1, 0.2)])
    write(connection, runs)
    expression: filters.Expression = filters.parse("config.lr < 0.15")
    nothing = filters.parse('state == "nothing"')
    for _ in range(30):
        expression = filters.Or((nothing, filters.Not(filters.And((filters.Not(expression), filters.Not(nothing))))))
    assert matching(connection, expression) == ["run-0"]


@pytest.mark.parametrize("depth", range(NESTING_MAX + 2))
def test_every_depth_fits_sqlite(connection: sqlite3.Connection, depth: int):
    """The widest term at every depth that is compiled fits SQLite's parser."""
    write(connection, numbered([plain_view()]))
    expression: filters.Expression = filters.parse(
        '("x" in config["q\\"uote"] or config["q\\"uote"] =~ "a") and tags =~ "b"'
    )
    for level in range(depth):
        both = (filters.Comparison(filters.Field("state"), "==", "nothing"), expression)
        expression = filters.Not(filters.Or(both)) if level % 2 else filters.And((expression, expression))
    assert matching(connection, expression) in ([], ["run-0"])


def test_many_terms_fit_sqlite(connection: sqlite3.Connection):
    """As many comparisons as a filter may have."""
    write(connection, numbered([plain_view()]))
    expression = filters.parse(" or ".join(f'config["k{number}"] != {number}' for number in range(400)))
    assert matching(connection, expression) == []


def plain_view() -> dict[str, Any]:
    view = {"entity": "e", "project": "p", "run_id": "run", "name": "n", "state": "running", "group": "", "tags": []}
    rest = {"created_at": 1.0, "duration_s": 1.0, "exit_code": None, "config": {}, "summary": {}, "git": None}
    assert json.dumps(rest)
    return view | rest
