"""What log() makes of every kind of value (WANDB_SEMANTICS 1.1, value conversion)."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import math
import pathlib
import types
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tests.differential.stage import note, note_raised, scene, start


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Word(enum.StrEnum):
    HELLO = "hello"


class Bits(enum.Flag):
    ONE = 1
    TWO = 2


@dataclasses.dataclass
class Point:
    x: float
    y: float


class Pair(NamedTuple):
    left: int
    right: int


class OwnInt(int):
    pass


class OwnFloat(float):
    pass


class OwnText(str):
    __slots__ = ()


class OwnDict(dict[str, Any]):
    pass


class Plain:
    pass


class FloatLike:
    def __float__(self) -> float:
        return 2.5


class Encoding:
    def json_encode(self) -> list[int]:
        return [1, 2]


class Called:
    def __call__(self) -> None: ...

    def __repr__(self) -> str:
        return "called"


def function() -> None: ...


def log_each(run_id: str, makers: dict[str, Callable[[], Any]]) -> None:
    """Each value in a row of its own, under its own key."""
    run = start(run_id)
    for step, (name, make) in enumerate(makers.items()):
        row = {name: make()}
        note_raised(name, lambda row=row, step=step: run.log(row, step=step, commit=True))  # type: ignore[misc]
    note("step", run.step)


@scene
def numbers() -> None:
    log_each(
        "numbers",
        {
            "zero": lambda: 0,
            "minus zero": lambda: -0.0,
            "a tenth": lambda: 0.1,
            "three tenths": lambda: 0.1 + 0.2,
            "a third": lambda: 1 / 3,
            "pi": lambda: math.pi,
            "least": lambda: 5e-324,
            "least normal": lambda: 2.2250738585072014e-308,
            "greatest": lambda: 1.7976931348623157e308,
            "whole": lambda: 3.0,
            "large whole": lambda: 1e15,
            "larger whole": lambda: 1e22,
            "beyond 53 bits": lambda: 9007199254740993.0,
            "small": lambda: 1e-7,
            "integer beyond 53 bits": lambda: (1 << 53) + 1,
            "greatest of 64 bits": lambda: (1 << 63) - 1,
            "least of 64 bits": lambda: -(1 << 63),
            "2 to the 63": lambda: 1 << 63,
            "2 to the 64": lambda: 1 << 64,
            "2 to the 200": lambda: 1 << 200,
            "true": lambda: True,
            "false": lambda: False,
            "none": lambda: None,
            "complex": lambda: 1 + 2j,
            "own int": lambda: OwnInt(7),
            "own float": lambda: OwnFloat(2.5),
            "like a float": FloatLike,
        },
    )


@scene
def not_finite() -> None:
    run = start("not_finite")
    run.log({"nan": math.nan, "inf": math.inf, "-inf": -math.inf})
    run.log({"nested": {"nan": math.nan}, "list": [math.nan, math.inf, -math.inf, 1.5]})
    run.log({"numpy": np.float64("nan"), "numpy inf": np.float32("inf"), "text": "beside a text"})
    run.log({"array": np.array([math.nan, 1.0, math.inf]), "one": np.array([math.nan])})


@scene
def texts() -> None:
    log_each(
        "texts",
        {
            "empty": lambda: "",
            "plain": lambda: "plain",
            "other letters": lambda: "käse \U0001f9c0 日本",
            "control characters": lambda: "a\tb\nc\rd\0e\x1b[0m",
            "separators": lambda: "\u2028\u2029\x85",
            "html": lambda: "<b>&amp;</b>",
            "a number as text": lambda: "1e5",
            "a word of json": lambda: "null",
            "own text": lambda: OwnText("own"),
            "bytes": lambda: b"bytes",
            "bytes that are no text": lambda: b"\xff\xfe",
            "bytearray": lambda: bytearray(b"ab"),
            "memoryview": lambda: memoryview(b"ab"),
            "100 kB": lambda: "x" * 100_000,
        },
    )


@scene
def a_surrogate() -> None:
    run = start("a_surrogate")
    note_raised("in a value", lambda: run.log({"lone": "x\ud800y"}))
    run.log({"after": 1})


@scene
def containers() -> None:
    log_each(
        "containers",
        {
            "list": lambda: [1, 2.5, "x", None, True],
            "empty list": list,
            "nested list": lambda: [[1, [2]], [3]],
            "long list": lambda: list(range(100)),
            "tuple": lambda: (1, 2),
            "empty tuple": tuple,
            "named tuple": lambda: Pair(1, 2),
            "set of one": lambda: {1},
            "frozenset of one": lambda: frozenset({1}),
            "empty set": set,
            "range": lambda: range(3),
            "deque": lambda: collections.deque([1, 2]),
            "generator": lambda: (number for number in [1]),
            "dict in a list": lambda: [{"a": 1, "b": {"c": 2}}, {}],
            "dict": lambda: {"a": [1, {"b": 2}]},
            "ordered dict": lambda: collections.OrderedDict(a=1),
            "default dict": lambda: collections.defaultdict(int, a=1),
            "counter": lambda: collections.Counter("aab"),
            "own dict": lambda: OwnDict(a=1),
            "mapping that is no dict": lambda: types.MappingProxyType({"a": 1}),
            "simple namespace": lambda: types.SimpleNamespace(a=1),
            "dataclass": lambda: Point(1.5, 2.5),
            "dataclass in a list": lambda: [Point(1.5, 2.5)],
            "set in a list": lambda: [{1}],
            "dict with a type": lambda: {"_type": "mine", "x": 1},
        },
    )


@scene
def objects() -> None:
    log_each(
        "objects",
        {
            "decimal": lambda: decimal.Decimal("1.5"),
            "fraction": lambda: fractions.Fraction(1, 4),
            "datetime": lambda: dt.datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=dt.UTC),
            "naive datetime": lambda: dt.datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001
            "date": lambda: dt.date(2026, 1, 2),
            "time": lambda: dt.time(3, 4, 5),
            "timedelta": lambda: dt.timedelta(hours=1, seconds=1.5),
            "enum": lambda: Colour.RED,
            "int enum": lambda: Level.HIGH,
            "str enum": lambda: Word.HELLO,
            "flag": lambda: Bits.ONE,
            "flags": lambda: Bits(3),
            "enum in a list": lambda: [Colour.RED, Level.HIGH],
            "path": lambda: pathlib.PurePosixPath("a/b"),
            "path of this system": lambda: pathlib.Path("a/b"),
            "uuid": lambda: uuid.UUID(int=5),
            "function": lambda: function,
            "builtin": lambda: math.sqrt,
            "lambda": lambda: lambda: None,
            "class": lambda: Plain,
            "method": lambda: "x".upper,
            "partial": lambda: functools.partial(int, "1"),
            "callable object": Called,
            "module": lambda: math,
            "object": object,
            "instance": Plain,
            "object in a list": lambda: [object()],
            "exception": lambda: ValueError("text"),
            "ellipsis": lambda: ...,
            "slice": lambda: slice(1, 2),
            "json_encode": Encoding,
        },
    )


@scene
def numpy_scalars() -> None:
    log_each(
        "numpy_scalars",
        {
            "float16": lambda: np.float16(0.1),
            "float32": lambda: np.float32(0.1),
            "float64": lambda: np.float64(0.1),
            "longdouble": lambda: np.longdouble("0.1"),
            "whole float32": lambda: np.float32(2),
            "int8": lambda: np.int8(-7),
            "int64": lambda: np.int64(-7),
            "uint8": lambda: np.uint8(200),
            "uint64": lambda: np.uint64((1 << 64) - 1),
            "bool": lambda: np.bool_(True),
            "str": lambda: np.str_("s"),
            "bytes": lambda: np.bytes_(b"s"),
            "complex64": lambda: np.complex64(1 + 2j),
            "datetime64 of seconds": lambda: np.datetime64("2026-01-02T03:04:05"),
            "datetime64 of days": lambda: np.datetime64("2026-01-02"),
            "datetime64 of nanoseconds": lambda: np.datetime64("2026-01-02T03:04:05.000000006"),
            "timedelta64": lambda: np.timedelta64(90, "s"),
            "not a time": lambda: np.datetime64("NaT"),
        },
    )


@scene
def numpy_arrays() -> None:
    log_each(
        "numpy_arrays",
        {
            "0 dimensions": lambda: np.array(2.5),
            "0 dimensions of an integer": lambda: np.array(7),
            "one": lambda: np.array([2.5]),
            "one by one": lambda: np.array([[7]]),
            "empty": lambda: np.array([]),
            "empty of shape": lambda: np.zeros((0, 3)),
            "two by two": lambda: np.array([[1, 2], [3, 4]]),
            "32": lambda: np.arange(32),
            "33": lambda: np.arange(33),
            "33 equal": lambda: np.ones(33),
            "100 floats": lambda: np.linspace(0.0, 1.0, 100),
            "8 by 8 of float32": lambda: np.arange(64, dtype=np.float32).reshape(8, 8) / 3,
            "40 booleans": lambda: np.arange(40) % 3 == 0,
            "40 with nan": lambda: np.append(np.arange(39.0), math.nan),
            "40 with inf": lambda: np.append(np.arange(39.0), math.inf),
            "booleans": lambda: np.array([True, False]),
            "texts": lambda: np.array(["a", "b"]),
            "40 texts": lambda: np.array(["a", "b"] * 20),
            "objects": lambda: np.array([1, "x", None], dtype=object),
            "float16": lambda: np.array([0.1, 0.2], dtype=np.float16),
            "complex": lambda: np.array([1 + 2j, 3]),
            "times": lambda: np.array(["2026-01-02", "2026-01-03"], dtype="datetime64[D]"),
            "structure": lambda: np.array([(1, 2.5), (3, 4.5)], dtype=[("a", int), ("b", float)]),
            "masked": lambda: np.ma.array([1, 2, 3], mask=[False, True, False]),
            "matrix": lambda: np.asmatrix([[1, 2]]),
            "in a list": lambda: [np.float32(0.1), np.arange(3), np.array(5)],
            "in a dict": lambda: {"a": np.int64(1), "b": np.arange(2)},
            "many in a list": lambda: [np.arange(40)],
        },
    )


@scene
def numpy_keys() -> None:
    run = start("numpy_keys")
    note_raised("outer", lambda: run.log({np.str_("outer"): 1}))
    note_raised("an integer", lambda: run.log({np.int64(3): 1}))
    note_raised("inner", lambda: run.log({"x": {np.int64(3): 1, np.str_("s"): 2}}))


@scene
def pandas_objects() -> None:
    log_each(
        "pandas_objects",
        {
            "timestamp": lambda: pd.Timestamp("2026-01-02T03:04:05Z"),
            "timedelta": lambda: pd.Timedelta(hours=1),
            "not a time": lambda: pd.NaT,
            "missing": lambda: pd.NA,
            "series of one": lambda: pd.Series([2.5]),
            "series": lambda: pd.Series([1, 2, 3]),
            "an element": lambda: pd.Series([1.5, 2.5])[1],
            "a mean": lambda: pd.Series([1, 2]).mean(),
            "index": lambda: pd.Index([1, 2]),
            "categorical": lambda: pd.Categorical(["a", "b"]),
            "period": lambda: pd.Period("2026-01"),
            "values of a frame": lambda: pd.DataFrame({"a": [1, 2]}).to_numpy(),
            "a row as a dict": pd.DataFrame({"a": [1], "b": [2.5]}).iloc[0].to_dict,
        },
    )
