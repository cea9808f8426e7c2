"""What log() makes of every kind of value, and what it refuses, by name."""

import dataclasses
import datetime as dt
import enum
import json
import math
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runwell
from runwell.core import keys, limits
from tests.client.spool_reading import read_rows, read_spool, untimed


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Point:
    x: float
    y: float


class FakeTensor:
    """Looks as a tensor of torch does: `size` is a method, numbers come out by item() and tolist()."""

    dtype = "float32"

    def __init__(self, *numbers: float) -> None:
        self.numbers = list(numbers)

    def numel(self) -> int:
        return len(self.numbers)

    def size(self) -> tuple[int, ...]:
        return (len(self.numbers),)

    def item(self) -> float:
        assert len(self.numbers) == 1
        return self.numbers[0]

    def tolist(self) -> list[float]:
        return self.numbers


VALUES: list[tuple[Any, Any]] = [
    (1.5, 1.5),
    (-0.0, -0.0),
    (5e-324, 5e-324),
    (math.inf, math.inf),
    (-math.inf, -math.inf),
    ((1 << 53) + 1, (1 << 53) + 1),
    ((1 << 63) - 1, (1 << 63) - 1),
    (-(1 << 63), -(1 << 63)),
    (1 << 63, 1 << 63),
    (1 << 200, 1 << 200),
    (True, True),
    ("text", "text"),
    ("käse \U0001f9c0", "käse \U0001f9c0"),
    ("lone \udc80", "lone \\udc80"),
    (None, None),
    ([1, 2.5, "x", None, [True]], [1, 2.5, "x", None, [True]]),
    ((1, 2), [1, 2]),
    ({3, 1, 2}, [1, 2, 3]),
    (b"bytes", "bytes"),
    (b"\xff", "\\xff"),
    (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05Z"),
    (dt.date(2026, 1, 2), "2026-01-02"),
    (Colour.RED, 1),
    (Level.HIGH, 3),
    (Path("a/b"), "a/b"),
    (math.sqrt, "math.sqrt"),
    (np.float32(0.1), 0.10000000149011612),
    (np.float64(0.1), 0.1),
    (np.int64(7), 7),
    (np.bool_(True), True),
    (np.str_("s"), "s"),
    (np.array([2.5]), 2.5),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (FakeTensor(0.5), 0.5),
    (FakeTensor(0.5, 1.5), [0.5, 1.5]),
    ([{"a": Point(1.0, 2.0)}], [{"a": {"x": 1.0, "y": 2.0}}]),
    (type("MyFloat", (float,), {})(2.5), 2.5),
    (type("MyText", (str,), {})("t"), "t"),
]


@pytest.mark.parametrize(("given", "kept"), VALUES, ids=lambda value: ascii(value)[:30])
def test_a_value_is_kept_exactly(given: Any, kept: Any, offline: runwell.Run):
    """Every kind of value comes back as its JSON form, bit by bit, with its type."""
    offline.log({"value": given})
    ((_, row),) = read_rows(offline.spool)
    assert repr(row["value"]) == repr(kept)
    assert (offline.summary.get("value") == kept) if kept is not None else "value" not in offline.summary


def test_not_a_number_is_a_value(offline: runwell.Run):
    """NaN is kept on the fast path and beside text."""
    offline.log({"a": math.nan})
    offline.log({"a": math.nan, "b": "text"})
    assert all(math.isnan(row["a"]) for _, row in read_rows(offline.spool))


def test_shapes_alternate_on_the_fast_path(offline: runwell.Run):
    """Rows of several shapes in turn, the same keys with other types among them, keep values and types apart."""
    rows: list[dict[str, Any]] = [{"a": 1.0}, {"a": 1}, {"b": 2.0, "a": 1.0}, {"a": True}, {"a": 1.0, "b": 2.0}, {}]
    for row in rows * 3:
        offline.log(row)
    assert [repr(row) for _, row in read_rows(offline.spool)] == [repr(row) for row in rows * 3]


def test_nested_values_are_paths(offline: runwell.Run):
    """A dot in a key is not a level, inner keys become strings, an empty dict vanishes, dataclasses are dicts."""
    offline.log({"dot.key": 1, "dot": {"key": 2, 3: 4.0, None: 5, "empty": {}}, "point": Point(1.0, 2.0)})
    (record,) = [record for record in read_spool(offline.spool) if record.event is None]
    path = keys.PATH_SEPARATOR.join
    assert record.values == {
        "dot.key": 1,
        path(["dot", "key"]): 2,
        path(["dot", "3"]): 4.0,
        path(["dot", "None"]): 5,
        path(["point", "x"]): 1.0,
        path(["point", "y"]): 2.0,
    }


def test_a_large_array_becomes_a_histogram(offline: runwell.Run):
    """More than 32 elements are kept as 32 bins over the finite ones."""
    offline.log({"weights": np.append(np.arange(100.0), [math.nan, math.inf])})
    ((_, row),) = read_rows(offline.spool)
    assert row["weights"]["_type"] == "histogram"
    assert (len(row["weights"]["values"]), len(row["weights"]["bins"])) == (32, 33)
    assert sum(row["weights"]["values"]) == 100


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"leaf": 1}
    for _ in range(levels):
        value = {"level": value}
    return value


def cyclic_dict() -> dict[str, Any]:
    value: dict[str, Any] = {"fine": 1}
    value["again"] = value["once more"] = value
    return value


def cyclic_list() -> list[Any]:
    value: list[Any] = [1]
    value += [value, value]
    return value


REFUSED: dict[str, tuple[Any, str]] = {
    "long text": ("x" * (limits.STRING_BYTES_MAX + 1), "is a string of 1,048,577 bytes"),
    "long text in other letters": ("ä" * (limits.STRING_BYTES_MAX // 2 + 1), "is a string of 1,048,578 bytes"),
    "long bytes": (b"x" * (limits.STRING_BYTES_MAX + 1), "is a string of 1,048,577 bytes"),
    "deep dict": (nested(40), "is nested deeper than 32 levels"),
    "deep list": (json.loads("[" * 40 + "]" * 40), "is nested deeper than 32 levels"),
    "list of itself": (cyclic_list(), "contains itself"),
    "huge integer": (1 << 20_000, "is an integer of 20,001 bits"),
    "number beyond floats": (Fraction(10**400), "is no number of 64 bits"),
    "signalling NaN": (Decimal("sNaN"), "is no number of 64 bits"),
    "array of neighbours": (
        np.array([1.0, np.nextafter(1.0, 2.0)] * 20),
        "is an array that numpy makes no histogram of",
    ),
    "array of both ends": (np.array([-1.7e308, 1.7e308] * 20), "is an array that numpy makes no histogram of"),
    "array of nothing finite": (np.full(40, math.nan), "is an array without a finite number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_value_leaves_the_rest(name: str, offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """A value beyond a limit is left out with one warning that names its key; the rest of the row is kept."""
    value, words = REFUSED[name]
    for _ in range(2):
        offline.log({"good": 1.0, "bad": value})
    assert read_rows(offline.spool) == [(0, {"good": 1.0}), (1, {"good": 1.0})]
    warning = capsys.readouterr().err
    assert warning.count(words) == 1
    assert "'bad" in warning


def test_a_dict_of_itself_keeps_what_is_finite(offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """A cycle is cut where it closes."""
    offline.log({"top": cyclic_dict()})
    assert read_rows(offline.spool) == [(0, {"top.fine": 1})]
    assert "contains itself" in capsys.readouterr().err


def test_a_string_of_a_gigabyte_costs_nothing(offline: runwell.Run):
    """Its length is enough to refuse it: it is neither copied nor encoded."""
    text = "x" * (1 << 30)
    tracemalloc.start()
    offline.log({"text": text, "loss": 0.5})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert read_rows(offline.spool) == [(0, {"loss": 0.5})]


def test_a_long_key_leaves_the_rest(offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """A key of more than 512 bytes is left out with a warning, one of 512 is kept, on its own and nested."""
    kept = "k" * limits.KEY_BYTES_MAX
    offline.log({kept: 1.0, kept + "x": 2.0, "nested": {kept: 3.0}})
    assert read_rows(offline.spool) == [(0, {kept: 1.0})]
    assert "more than 512 bytes" in capsys.readouterr().err


def test_surrogates_in_keys_are_escaped(offline: runwell.Run):
    """A key that no UTF-8 reader could read is kept under its escaped form, every time."""
    for _ in range(2):
        offline.log({"bad\ud800": 1.0})
    assert read_rows(offline.spool) == [(0, {"bad\\ud800": 1.0}), (1, {"bad\\ud800": 1.0})]


def test_a_row_of_100_000_keys_is_kept(offline: runwell.Run):
    """The widest row that is allowed comes back whole, also from the fast path."""
    row = {f"metric/{number}": float(number) for number in range(limits.ROW_KEYS_MAX)}
    offline.log(row)
    offline.log(row)
    assert read_rows(offline.spool) == [(0, row), (1, row)]


def test_a_row_that_is_too_wide_is_refused_whole(offline: runwell.Run):
    """One key more raises, says the limit, writes nothing and leaves the step."""
    row = {f"metric/{number}": float(number) for number in range(limits.ROW_KEYS_MAX + 1)}
    with pytest.raises(runwell.RowTooLargeError, match="100,000"):
        offline.log(row)
    assert offline.step == 0
    assert not read_rows(offline.spool)


def test_a_row_that_is_too_long_is_refused_whole(offline: runwell.Run):
    """Strings that are allowed one by one but not together raise, and the step stays."""
    text = "x" * limits.STRING_BYTES_MAX
    with pytest.raises(runwell.RowTooLargeError, match="16,777,216"):
        offline.log({f"text{number}": text for number in range(17)})
    assert offline.step == 0
    offline.log({"a": 1.0})
    assert read_rows(offline.spool) == [(0, {"a": 1.0})]


def test_more_shapes_than_schemas_are_kept(offline: runwell.Run, monkeypatch: pytest.MonkeyPatch):
    """Beyond the limit of schemas rows carry their keys themselves."""
    monkeypatch.setattr(limits, "WRITER_SCHEMAS_MAX", 3)
    for number in range(6):
        offline.log({f"key{number}": number})
    assert read_rows(offline.spool) == [(number, {f"key{number}": number}) for number in range(6)]
    assert untimed(offline.summary) == {f"key{number}": number for number in range(6)}
