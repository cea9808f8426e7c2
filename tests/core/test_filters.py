"""The filter language: what its text means, and that two readings of it agree."""

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runwell.core.filters import (
    And,
    Comparison,
    Contains,
    Field,
    FilterError,
    Not,
    OneOf,
    Or,
    Order,
    Pattern,
    ordered,
    parse,
    parse_order,
    rank,
)
from tests.core.filter_values import expressions, fields, naive_matches, naive_value, views

LR, LOSS, STATE = Field("config", "lr"), Field("summary", "loss"), Field("state")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", And(())),
        ("config.lr < 0.01", Comparison(LR, "<", 0.01)),
        ("0.01 > config.lr", Comparison(LR, "<", 0.01)),
        ("config.lr<-1e-3", Comparison(LR, "<", -0.001)),
        ("config['lr'] == 3", Comparison(LR, "==", 3)),
        ('config["weight.decay"] == null', Comparison(Field("config", "weight.decay"), "==", None)),
        ("summary.val/loss@5 >= inf", Comparison(Field("summary", "val/loss@5"), ">=", float("inf"))),
        ("state == 'finished'", Comparison(STATE, "==", "finished")),
        ("config.amp == True", Comparison(Field("config", "amp"), "==", True)),
        ('"baseline" in tags', Contains(Field("tags"), "baseline")),
        ('"x" not in tags', And((Comparison(Field("tags"), "!=", None), Not(Contains(Field("tags"), "x"))))),
        ("config.lr in [1, 2.5, null]", OneOf(LR, (1, 2.5, None))),
        (r'name =~ "res\d+"', Pattern(Field("name"), r"res\d+")),
        ("created_at > '2026-03-01'", Comparison(Field("created_at"), ">", 1772323200.0)),
        ("created_at > '2026-03-01T01:00:00+01:00'", Comparison(Field("created_at"), ">", 1772323200.0)),
        (
            "state == 'a' or state == 'b' and not summary.loss > 1",
            Or(
                (
                    Comparison(STATE, "==", "a"),
                    And((Comparison(STATE, "==", "b"), Not(Comparison(LOSS, ">", 1)))),
                )
            ),
        ),
        ("(true) and (false)", And((And(()), Or(())))),
        ("records.lost > 0", Comparison(Field("records", "lost"), ">", 0)),
        ("config.n == 99999999999999999999", Comparison(Field("config", "n"), "==", 1e20)),
    ],
)
def test_text_means(text, meaning):
    """A text is read as its author means it, with Python's precedence."""
    assert parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("config.lr <", 11, "expected a value to compare config.lr with"),
        ("config.lr = 3", 10, "use =="),
        ("a == 1 && b == 2", 0, "there is no field a"),
        ("stat == 'x'", 0, "did you mean state?"),
        ("state == finished", 9, 'a "string"'),
        ("(state == 'a'", 13, "expected and, or, or )"),
        ("state == 'a' state", 13, "expected and, or, or the end"),
        ("state == 'a", 9, "the string does not end"),
        ("config == 3", 0, "config needs a key"),
        ("name =~ 3", 8, "a regular expression in quotes"),
        ("name =~ '(a+)+'", 8, "can take for ever"),
        ("name =~ '['", 8, "unterminated"),
        ("state < null", 6, "null compares only"),
        ("created_at > 'soon'", 13, "expected a time"),
        ("state in 'a'", 9, "expected a list"),
        ("state in ['a'", 13, "expected , or ]"),
        ("state not 'a'", 10, "expected in"),
        ("'a' tags", 4, "expected an operator after the value"),
        ("3", 1, "expected an operator after the value"),
        ("null in tags", 0, "null is in nothing"),
        ("config.lr @ 3", 10, "is not understood here"),
        ("(" * 80 + "true" + ")" * 80, 64, "nested deeper"),
        ("not " * 80 + "true", 260, "nested deeper"),
        ("state == 'a'" + " or state == 'a'" * 500, 6400, "more than 400"),
        ("name == '" + "x" * 20_000 + "'", 0, "more than 16384"),
    ],
)
def test_errors_point_at_the_place(text, position, part):
    """What cannot be read is answered with the place and with what was expected there."""
    with pytest.raises(FilterError) as raised:
        parse(text)
    assert part in raised.value.problem
    assert raised.value.position == position
    *_, line, caret = str(raised.value).split("\n")
    if position < 60:
        assert caret.index("^") == position + 2
    assert len(line) < 90


@given(expressions)
@settings(deadline=None)
def test_printed_expressions_read_back(expression):
    """The text of an expression means that expression, whatever its keys and values contain."""
    assert repr(parse(str(expression))) == repr(expression)


@given(expressions, views)
@settings(deadline=None, max_examples=300)
def test_matches_equals_a_naive_reading(expression, view):
    """``matches`` agrees with an evaluator that was written apart from it."""
    assert expression.matches(view) == naive_matches(expression, view)


WORDS = ["config.a", "state", "(", ")", "[", "]", "==", "<", "in", "not", "and", "'x'", "1", ",", "=~", "\\", '"']


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS)).map(" ".join))
@example("config.\ud800 == 1")
@example("state == '\\ud800'")
@settings(deadline=None)
def test_any_text_is_read_or_refused(text):
    """No text does anything but parse or raise FilterError within the text."""
    for read in (parse, parse_order):
        refused = None
        try:
            read(text)
        except FilterError as error:
            refused = error
        assert refused is None or 0 <= refused.position <= len(text)


@pytest.mark.parametrize(
    ("pattern", "refused"),
    [
        ("res.*", False),
        (r"^[a-z]+-\d{1,3}$", False),
        (r"(foo|bar)?baz", False),
        (r"[(+*]+\(\+", False),
        ("(ab)+", False),
        ("(?i)(?:ab)+(?=c)(?P<x>d)", False),
        ("(?#(a+)x", False),
        ("(a+)+", True),
        ("(a|aa)*b", True),
        ("((a{1,30})x){2,30}", True),
        ("(?:a?){40}", True),
        (r"(a)\1", True),
        ("(?P<x>a)(?P=x)", True),
        (".*.*.*.*.*", True),
        ("a" * 600, True),
    ],
)
def test_patterns_that_could_take_for_ever_are_refused(pattern, refused):
    """A regular expression with nested repeats, back references or many repeats is refused before it is run."""
    text = f"name =~ '{pattern}'".replace("\\", "\\\\")
    if refused:
        with pytest.raises(FilterError, match="refused"):
            parse(text)
    else:
        assert parse(text) == Pattern(Field("name"), pattern)


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("", ()),
        ("-created_at, config.lr", (Order(Field("created_at"), True), Order(LR))),
        ("+created_at", (Order(Field("created_at")),)),
        ("-summary_metrics.loss", (Order(LOSS, True),)),
        ("config.lr.value", (Order(LR),)),
        ("heartbeat_at", (Order(Field("updated_at")),)),
        ("config['a,b'],name", (Order(Field("config", "a,b")), Order(Field("name")))),
        ('-config["x.value"]', (Order(Field("config", "x.value"), True),)),
    ],
)
def test_order_text_means(text, orders):
    """Orders are read in our names and in wandb's."""
    assert parse_order(text) == orders


@given(st.lists(st.builds(Order, fields, st.booleans()), max_size=3))
@settings(deadline=None)
def test_printed_orders_read_back(orders):
    """The text of orders means those orders."""
    assert parse_order(",".join(map(str, orders))) == tuple(orders)


@given(st.lists(views, max_size=6), fields, st.booleans(), st.integers())
@settings(deadline=None)
def test_order_puts_missing_last_and_does_not_depend_on_the_input_order(given_views, field, descending, seed):
    """Runs are ordered by rank, then value; missing fields are last; the order they came in does not matter."""
    named = [{**view, "run_id": str(place)} for place, view in enumerate(given_views)]
    shuffled = random.Random(seed).sample(named, len(named))
    result = ordered(shuffled, [Order(field, descending)])
    assert result == ordered(named, [Order(field, descending)])
    ranks = [rank(field.value(view)) for view in result]
    assert ranks == sorted(ranks)
    for earlier, later in itertools.pairwise(result):
        left, right = (naive_value(dict(view), field)[1] for view in (earlier, later))
        if rank(field.value(earlier)) == rank(field.value(later)) < 2:
            assert left >= right if descending else left <= right
