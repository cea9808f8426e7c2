"""Sealed columns: exact to the last bit, with statistics that are those of their rows."""

import json
import math
import struct
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runwell_projector import codecs, statistics
from runwell_projector.codecs import Values
from runwell_projector.dump import dump_lines
from runwell_projector.projection import Projection
from runwell_projector.query import Views
from runwell_projector.schema import create_views
from runwell_projector.sealing import SEALED_ROWS, SealRule
from tests.projector.stored import simple_run
from tests.projector.test_projection import projected

BITS = st.integers(0, 2**64 - 1)
COLUMNS = st.one_of(
    st.lists(BITS).map(lambda bits: Values("f64", np.array(bits, np.uint64).view(np.float64))),
    st.lists(st.integers(-(2**63), 2**63 - 1)).map(lambda values: Values("i64", np.array(values, np.int64))),
    st.lists(st.booleans()).map(lambda values: Values("bools", np.array(values, np.bool_))),
    st.lists(st.text().map(json.dumps)).map(lambda texts: Values("json", texts)),
)


def exactly(values: Values) -> list[Any]:
    """The values with all bits of their floats."""
    objects = values.objects()
    return [struct.pack("<d", value) if isinstance(value, float) else (type(value), value) for value in objects]


@given(st.lists(COLUMNS, min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_columns_come_back_to_the_last_bit(pieces: list[Values]):
    """Whatever kinds a column's rows are of: NaN's payloads, the sign of zero, integers of 64 bits, texts."""
    column = codecs.joined(pieces)
    found = codecs.decode(column.kind, codecs.encode(column))
    expected = [value for piece in pieces for value in exactly(piece)]
    assert exactly(found) == expected
    places = np.arange(len(expected))[::-3]
    assert exactly(found.chosen(places)) == [expected[place] for place in places]
    assert exactly(found.chosen(np.arange(len(expected)) % 2 == 0)) == expected[::2]


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_statistics_are_those_of_the_rows(seed: int):
    """Count, least, greatest, total, first, last and the numbers that are not finite, stripe by stripe."""
    chance = Random(seed)
    rows = chance.choice([1, 2, statistics.STRIPE_ROWS, chance.randint(1, 2_000)])
    if chance.random() < 0.5:
        odd = chance.choice([[], [math.nan], [math.nan, math.inf, -math.inf]])
        drawn: list[Any] = [chance.choice([*odd, chance.gauss(0, 3), -0.0]) for _ in range(rows)]
        values = Values("f64", np.array(drawn))
    else:
        drawn = [chance.choice([2**63 - 1, -(2**63), chance.randint(-9, 9)]) for _ in range(rows)]
        values = Values("i64", np.array(drawn, np.int64))
    stripes = statistics.stripes_of(values)
    assert stripes is not None
    found = statistics.read_stripes(values.kind, stripes)
    for place, stripe in enumerate(found):
        part = drawn[place * statistics.STRIPE_ROWS :][: statistics.STRIPE_ROWS]
        finite = [value for value in part if math.isfinite(value)]
        assert stripe["count"] == len(finite)
        odd_counts = [sum(math.isnan(value) for value in part), part.count(math.inf), part.count(-math.inf)]
        assert [stripe["nan"], stripe["inf"], stripe["minus_inf"]] == odd_counts
        assert [repr(stripe[end].item()) for end in ("first", "last")] == [repr(part[0]), repr(part[-1])]
        assert stripe["total"] == pytest.approx(
            math.fsum(finite) if values.kind == "f64" else sum(finite), rel=1e-12, abs=1e-9
        )
        if finite:
            assert (stripe["least"], stripe["greatest"]) == (min(finite), max(finite))
            assert part[stripe["least_at"]] == min(finite)
            assert part[stripe["greatest_at"]] == max(finite)
    assert len(found) == -(-rows // statistics.STRIPE_ROWS)


def blocks(path: Path) -> list[tuple[int, int]]:
    """Which blocks are sealed, and their rows."""
    with closing(create_views(path)) as connection:
        return connection.execute("SELECT sealed, rows FROM block ORDER BY number").fetchall()


@pytest.mark.parametrize("rows", [64, 1_000, 9_000])
def test_rows_are_sealed_by_the_log_alone(tmp_path: Path, rows: int):
    """Blocks have 4,096 rows, a writer's first one fewer, whatever the batches; what is left is sealed when the lane ends."""
    batches = simple_run("run", 1, batches=10_000 // rows + 1, rows=rows)
    total = (10_000 // rows + 1) * rows
    path = projected(tmp_path, batches[:-1], Random(rows), SealRule())
    first_rows = SealRule().first_rows_of(2, (b"\x01" * 16).hex())
    sealed = [size for is_sealed, size in blocks(path) if is_sealed]
    assert sealed == [first_rows, *[SEALED_ROWS] * ((total - first_rows) // SEALED_ROWS)]
    assert sum(size for _, size in blocks(path)) == total
    dumps = set()
    for seed in range(3):
        path = projected(tmp_path / str(seed), batches, Random(seed), SealRule())
        assert blocks(path)[-1] == (1, (total - first_rows) % SEALED_ROWS)
        assert all(is_sealed for is_sealed, _ in blocks(path))
        with closing(create_views(path)) as connection:
            dumps.add("".join(dump_lines(connection)))
    assert len(dumps) == 1
    with Views.open(tmp_path / "0") as views:
        series = views.series("team", "digits", "run", ["key1"])["key1"]
        assert series["steps"] == list(range(2, total + 2))
        assert series["values"] == [step / 2 for step in series["steps"]]


def test_wide_rows_are_sealed_earlier(tmp_path: Path):
    """Rows of many keys make blocks of about as many values."""
    batches = simple_run("run", 1, batches=4, rows=10)
    with closing(create_views(tmp_path / "views.db")) as connection:
        Projection(connection, rule=SealRule(rows=1_000, rows_min=5, values_max=40)).apply(batches[:-1])
    assert blocks(tmp_path / "views.db") == [(1, 10), (1, 20), (0, 10)]


def test_processes_that_began_together_are_not_sealed_together():
    """First blocks have all sizes, none more often than twice as often as on average, and none of more rows than others."""
    chance = Random(1)
    sizes = Counter(SealRule().first_rows_of(100, chance.randbytes(16).hex()) for _ in range(1_600))
    assert set(sizes) == set(range(256, SEALED_ROWS + 1, 256))
    assert max(sizes.values()) < 200
