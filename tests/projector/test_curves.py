"""Curves: what a chart draws is what the rows say."""

import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from runwell.v1 import event_pb2
from runwell_projector.curves import Curve, Lens
from runwell_projector.query import Views
from runwell_projector.sealing import SealRule
from tests.core.run_streams import RUN, Batch, deliveries, runs
from tests.core.test_fold import SEEDS, referred, text
from tests.projector.stored import stored
from tests.projector.test_projection import projected

KEYS = ["a", "b", "x.a", "absent"]


def curves(views: Views, lens: Lens, keys: list[str] = KEYS, run: tuple[str, str, str] = RUN) -> dict[str, Curve]:
    """One run's curves by key."""
    return {key: curve for _, key, curve in views.curves([run], keys, lens)}


def points(curve: Curve) -> list[tuple[Any, Any]]:
    """A line's points."""
    return list(zip(curve.columns["x"].objects(), curve.columns["y"].objects(), strict=True))


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_of_few_points_are_the_history(tmp_path_factory: pytest.TempPathFactory, seed: int):
    """Along each axis and within any range all points are there, types included, whichever blocks they are in."""
    chance = Random(seed)
    batches = deliveries(chance, runs(chance), duplicates=True)
    data_dir = tmp_path_factory.mktemp("data")
    projected(data_dir, stored(batches), chance, SealRule(chance.randint(1, 6), chance.randint(1, 4)))
    reference = referred(batches)
    axis, name = chance.choice([("step", "_step"), ("time", "_timestamp"), ("relative", "_runtime")])
    bounds = sorted(chance.choice([0, 1, 3, 5.5, 1000, 1022]) for _ in range(2))
    least, most = (chance.choice([None, bound]) for bound in bounds)
    masked = chance.random() < 0.3
    with Views.open(data_dir) as views:
        found = curves(views, Lens(axis, least=least, most=most, masked=masked))
    for key in KEYS:
        rows = [(row[name], row[key]) for row in reference.history([key], masked=masked)]
        expected = [(x, y) for x, y in rows if (least is None or x >= least) and (most is None or x <= most) and x == x]
        assert (key in found) == bool(rows)
        if rows:
            assert text(points(found[key])) == text(sorted(expected, key=lambda point: point[0]))
            assert found[key].points == len(expected)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_metric_as_axis_is_joined_as_of_the_row(tmp_path_factory: pytest.TempPathFactory, seed: int):
    """A point's place is the metric's value at its step, else the latest before it; before the first there is none."""
    chance = Random(seed)
    batches = deliveries(chance, runs(chance, writers_max=1))
    data_dir = tmp_path_factory.mktemp("data")
    projected(data_dir, stored(batches), chance, SealRule(chance.randint(1, 6), chance.randint(1, 4)))
    expected, latest = [], None
    for row in referred(batches).history(["a", "b"]):
        told = row.get("b")
        if isinstance(told, int | float):
            latest = float(told)
        if "a" in row and latest is not None and latest == latest:
            expected.append((latest, row["a"]))
    with Views.open(data_dir) as views:
        found = curves(views, Lens("metric", "b"), ["a"])
    assert text(points(found["a"]) if "a" in found else []) == text(sorted(expected, key=lambda point: point[0]))


def long_run(rows: int, batch_rows: int, odd: bool, stride: int = 1) -> tuple[list[Batch], list[float]]:
    """A run of one key, "loss", and its values: a walk with one high and one low spike."""
    chance, value, values = Random(rows), 0.0, []
    for _ in range(rows):
        value += chance.gauss(0, 1)
        values.append(value)
    values[rows // 3], values[rows // 2] = 1e6, -1e6
    if odd:
        values[10:13] = [math.nan, math.inf, -math.inf]
    batches = []
    for start in range(0, rows, batch_rows):
        part = values[start : start + batch_rows]
        event = event_pb2.Event(time=1000.0)
        message = event.metric_logged
        message.rows = len(part)
        message.steps.extend(stride * step for step in range(start, start + len(part)))
        message.times.extend(1000.0 + step for step in range(start, start + len(part)))
        message.columns.add(key="loss").f64.values.extend(part)
        batches.append(Batch(b"w" * 16, start + 1, len(part), 3000.0, [event]))
    return batches, values


@pytest.mark.parametrize(("odd", "stride"), [(False, 1), (True, 1), (False, 7)])
def test_a_thinned_line_misses_no_spike(tmp_path: Path, odd: bool, stride: int):
    """Of 50,000 points at most so many as are asked for are kept, real ones, both ends and the spikes among them."""
    batches, values = long_run(50_000, 700, odd, stride)
    projected(tmp_path, stored(batches), Random(1), SealRule())
    everything = {(step * stride, value) for step, value in enumerate(values)}
    with Views.open(tmp_path) as views:
        for axis, samples in (("step", 1_000), ("step", 60), ("time", 60), ("relative", 1_000)):
            curve = curves(views, Lens(axis, samples=samples), ["loss"])["loss"]
            found = points(curve)
            assert curve.points == 50_000
            assert len(found) <= samples
            shift = {"step": 0, "time": 1000.0, "relative": 0}[axis]
            unit = 1 if axis == "step" else stride
            assert {((x - shift) * unit, y) for x, y in found} <= everything
            kept = {y for _, y in found}
            assert {values[0], values[-1], 1e6, -1e6} <= kept
            assert curve.odd == dict.fromkeys(("nan", "inf", "-inf"), int(odd))


@pytest.mark.parametrize(("least", "most"), [(None, None), (777, None), (4_000, 30_123.5), (12, 90), (60_000, None)])
@pytest.mark.parametrize("samples", [5, 50, 3_000])
def test_bands_are_exact_at_every_zoom(tmp_path: Path, least: float | None, most: float | None, samples: int):
    """Count, least, greatest and mean of each bucket are those of the rows between its bounds, and none is left out."""
    batches, values = long_run(50_000, 900, odd=True)
    projected(tmp_path, stored(batches), Random(1), SealRule())
    with Views.open(tmp_path) as views:
        curve = curves(views, Lens(least=least, most=most, samples=samples, bands=True), ["loss"])["loss"]
    inside = [step for step in range(50_000) if (least or 0) <= step <= (most or math.inf)]
    assert curve.points == len(inside)
    columns = {name: column.objects() for name, column in curve.columns.items()}
    bounds = list(zip(columns.get("x_min", []), columns.get("x_max", []), strict=True))
    assert len(bounds) <= samples
    covered = []
    for place, (start, stop) in enumerate(bounds):
        rows = [value for value in values[start : stop + 1] if math.isfinite(value)]
        covered += range(start, stop + 1)
        assert columns["count"][place] == len(rows)
        if not rows:
            continue
        assert [columns["min"][place], columns["max"][place]] == [min(rows), max(rows)]
        assert columns["mean"][place] == pytest.approx(math.fsum(rows) / len(rows), rel=1e-9, abs=1e-9)
    assert covered == inside


def test_integers_beyond_floats_stay_exact(tmp_path: Path):
    """Lines and bands of 64-bit integers are integers, also where they were taken from statistics."""
    event = event_pb2.Event(time=1.0)
    message = event.metric_logged
    message.rows = 30_000
    message.steps.extend(range(30_000))
    values = [(1 << 62) + (step * 7919) % 1_000_003 for step in range(30_000)]
    message.columns.add(key="tokens").i64.values.extend(values)
    projected(tmp_path, stored([Batch(b"w" * 16, 1, 30_000, 2.0, [event])]), Random(1), SealRule())
    with Views.open(tmp_path) as views:
        for samples in (20, 50, 40_000):
            line = curves(views, Lens(samples=samples), ["tokens"])["tokens"]
            assert all(values[x] == y for x, y in points(line))
            assert max(y for _, y in points(line)) == max(values)
            bands = curves(views, Lens(samples=samples, bands=True), ["tokens"])["tokens"]
            assert max(bands.columns["max"].objects()) == max(values)
            assert min(bands.columns["min"].objects()) == min(values)


def test_each_key_has_its_own_step_metric(tmp_path: Path):
    """Without a name the axis is what define_metric said, also after the rows; keys without one go by step."""
    batches, _ = long_run(10, 10, odd=False)
    message = batches[0].events[0].metric_logged
    message.columns.add(key="epoch").i64.values.extend(step // 2 for step in range(10))
    message.columns.add(key="other").f64.values.extend(range(10))
    definition = event_pb2.Event(time=2000.0)
    definition.metric_defined.name, definition.metric_defined.step_metric = "lo*", "epoch"
    batches.append(Batch(b"w" * 16, 11, 1, 3000.0, [definition]))
    projected(tmp_path, stored(batches), Random(1))
    with Views.open(tmp_path) as views:
        found = curves(views, Lens("metric"), ["loss", "other"])
    assert [found["loss"].axis, found["other"].axis] == ["epoch", "_step"]
    assert found["loss"].columns["x"].objects() == [step // 2 for step in range(10)]
    assert json.dumps(found["other"].columns["y"].objects()) == json.dumps([float(step) for step in range(10)])
