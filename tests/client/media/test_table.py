"""Tables, charts and histograms."""

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import runwell
from runwell.media.histogram import plain_histogram
from tests.client.media.reading import content, logged, media

Table = runwell.Table


def kept(run: runwell.Run, table: Any) -> Any:
    """The table as its file has it."""
    value, data = logged(run, table)
    found = json.loads(data)
    assert (value["_type"], value["nrows"], value["ncols"]) == ("table-file", len(found["data"]), len(found["columns"]))
    return found


@pytest.mark.parametrize(
    ("table", "columns", "rows"),
    [
        (Table, ["Input", "Output", "Expected"], []),
        (lambda: Table(columns=["a", "b"], data=[[1, "x"], [2.5, None]]), ["a", "b"], [[1, "x"], [2.5, None]]),
        (lambda: Table(columns=["a"], rows=[[True]]), ["a"], [[True]]),
        (lambda: Table(data=np.arange(4).reshape(2, 2), columns=["p", "q"]), ["p", "q"], [[0, 1], [2, 3]]),
        (lambda: Table(dataframe=pd.DataFrame({"x": [1, 2], "y": ["a", None]})), ["x", "y"], [[1, "a"], [2, None]]),
        (lambda: pd.DataFrame({"x": [1.5]}), ["x"], [[1.5]]),
        (
            lambda: Table(columns=["a"], data=[[np.float32(0.5)], [np.int64(3)], [4]]),
            ["a"],
            [[0.5], [3], [4]],
        ),
        (
            lambda: Table(
                columns=["t"], data=[[dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], [pd.Timestamp(1.5, unit="s")]]
            ),
            ["t"],
            [[1577836800000], [1500]],
        ),
        (lambda: Table(columns=["l"], data=[[[1, 2]], [[]], [(3,)]]), ["l"], [[[1, 2]], [[]], [[3]]]),
        (
            lambda: Table(columns=["m"], data=[[1], ["x"], [{"a": np.arange(2)}]], allow_mixed_types=True),
            ["m"],
            [[1], ["x"], [{"a": [0, 1]}]],
        ),
        (lambda: Table(columns=["odd\ud800"], data=[["\ud800"]]), ["odd\\ud800"], [["\\ud800"]]),
    ],
)
def test_tables_keep_their_cells(offline: runwell.Run, table: Any, columns: list[str], rows: list[Any]):
    """Of lists, arrays and data frames; numbers of numpy are numbers, times milliseconds."""
    assert kept(offline, table()) == {"columns": columns, "data": rows}


def test_media_in_cells(offline: runwell.Run):
    """An image in a cell is the JSON form of an image, and its file is kept."""
    table = Table(columns=["image", "label"])
    table.add_data(runwell.Image(np.zeros((2, 2), np.uint8)), 3)
    offline.log({"t": table})
    offline.finish()
    assert offline.spool is not None
    (_, found) = media(offline.spool).popitem()
    ((image, label),) = json.loads(content(offline.spool.parents[1], found["sha256"]))["data"]
    assert (image["_type"], label) == ("image-file", 3)
    assert content(offline.spool.parents[1], image["sha256"]).startswith(b"\x89PNG")


def test_each_log_keeps_what_there_is_then(offline: runwell.Run):
    """Rows and columns that are added later are in the next value, and in none before."""
    table = Table(columns=["a"], data=[[1]])
    offline.log({"t": table})
    table.add_data(2)
    table.add_column("b", ["x", "y"])
    table.add_computed_columns(lambda number, row: {"c": row["a"] * 10 + number})
    offline.log({"t": table})
    table.data[0][0] = 99
    offline.finish()
    assert offline.spool is not None
    found = media(offline.spool)
    texts = [content(offline.spool.parents[1], found["t", step]["sha256"]) for step in (0, 1)]
    assert [json.loads(text)["data"] for text in texts] == [[[1]], [[1, "x", 10], [2, "y", 21]]]
    assert table.get_column("c") == [10, 21]
    assert table.get_column("a", convert_to="numpy").tolist() == [99, 2]
    assert list(table.get_dataframe().columns) == ["a", "b", "c"]
    assert list(table.iterrows())[1] == (1, [2, "y", 21])


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Table(columns=["a"]).add_data(1, 2), ValueError),
        (lambda: Table(columns=["a"], data=[[1], ["x"]]), TypeError),
        (lambda: Table(columns=["a"], data=[[1], [True]]), TypeError),
        (lambda: Table(columns=["a"], data=[[[1]], [2]]), TypeError),
        (lambda: Table(columns=["a"], data=[[None]], optional=False), TypeError),
        (lambda: Table(columns="ab"), TypeError),
        (lambda: Table(data="ab"), TypeError),
        (lambda: Table(log_mode="SOMETIMES"), ValueError),
        (lambda: Table(columns=["a"], data=[[1]]).add_column("b", [1, 2]), ValueError),
        (lambda: Table(columns=["a"]).get_column("b"), KeyError),
        (lambda: Table(data=np.zeros(3)), ValueError),
        (lambda: runwell.plot.line(Table(columns=["x"]), "x", "y"), ValueError),
        (lambda: runwell.plot.scatter([[1, 2]], "x", "y"), TypeError),
        (lambda: runwell.plot.confusion_matrix(y_true=[0], preds=[0, 1]), ValueError),
        (lambda: runwell.plot.confusion_matrix(y_true=[0], preds=[5], class_names=["a"]), ValueError),
        (lambda: runwell.plot.pr_curve([0, 1], [[1.0], [0.0]]), ValueError),
        (lambda: runwell.Histogram([float("nan"), float("inf")]), ValueError),
        (lambda: runwell.Histogram([]), ValueError),
        (lambda: runwell.Histogram(["a"]), TypeError),
        (lambda: runwell.Histogram([1.0], num_bins=513), ValueError),
        (lambda: runwell.Histogram(np_histogram=([1], [1])), ValueError),
    ],
)
def test_what_does_not_fit_is_refused_where_it_is_given(make: Any, error: type[Exception]):
    """The call raises, and says what is wrong."""
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value)


TRUTH = [0, 1, 1, 2, 2, 2]
SCORES = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.3, 0.5, 0.2], [0.2, 0.2, 0.6]]


@pytest.mark.parametrize(
    ("chart", "panel", "columns", "first", "rows"),
    [
        (lambda t: runwell.plot.line(t, "x", "y"), "wandb/line/v0", ["x", "y"], [1, 2], 2),
        (lambda t: runwell.plot.scatter(t, "x", "y", title="T"), "wandb/scatter/v0", ["x", "y"], [1, 2], 2),
        (lambda t: runwell.plot.bar(t, "x", "y"), "wandb/bar/v0", ["x", "y"], [1, 2], 2),
        (lambda t: runwell.plot.histogram(t, "x"), "wandb/histogram/v0", ["x", "y"], [1, 2], 2),
        (
            lambda _: runwell.plot.line_series(range(3), [[1, 2, 3], np.arange(3)], keys=["a", "b"]),
            "wandb/lineseries/v0",
            ["step", "lineKey", "lineVal"],
            [0, "a", 1],
            6,
        ),
        (
            lambda _: runwell.plot.confusion_matrix(y_true=TRUTH, probs=np.array(SCORES), class_names=["a", "b", "c"]),
            "wandb/confusion_matrix/v1",
            ["Actual", "Predicted", "nPredictions"],
            ["a", "a", 1.0],
            9,
        ),
        (
            lambda _: runwell.plot.pr_curve(TRUTH, SCORES, labels=["a", "b", "c"]),
            "wandb/area-under-curve/v0",
            ["class", "precision", "recall"],
            ["a", 1.0, 1.0],
            63,
        ),
        (
            lambda _: runwell.plot.roc_curve(np.array(TRUTH), np.array(SCORES), classes_to_plot=[1]),
            "wandb/area-under-curve/v0",
            ["class", "fpr", "tpr"],
            [1, 0.0, 0.0],
            6,
        ),
    ],
)
def test_a_chart_is_its_table(
    offline: runwell.Run, chart: Any, panel: str, columns: list[str], first: list[Any], rows: int
):
    """It is logged under the key with ``_table``, and its value says how it is drawn."""
    offline.log({"chart": chart(Table(columns=["x", "y"], data=[[1, 2], [3, 4]])), "loss": 0.5})
    offline.finish()
    assert offline.spool is not None
    value = media(offline.spool)["chart_table", 0]
    assert (value["chart"]["key"], value["chart"]["panel"]) == ("chart", panel)
    found = json.loads(content(offline.spool.parents[1], value["sha256"]))
    assert (found["columns"], found["data"][0], len(found["data"])) == (columns, first, rows)


def test_curves_equal_those_of_scikit_learn():
    """On labels and scores with ties, as the library that everybody uses computes them."""
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn comes with the demo's packages")
    from runwell.media.curves import precision_recall, roc

    random = np.random.default_rng(3)
    for _ in range(20):
        truths, scores = random.random(60) < 0.4, np.round(random.random(60), 1)
        wrong, right, _ = metrics.roc_curve(truths, scores)
        assert roc(truths.tolist(), scores.tolist()) == list(zip(wrong.tolist(), right.tolist(), strict=True))
        precision, recall, _ = metrics.precision_recall_curve(truths, scores)
        for best, at in precision_recall(truths.tolist(), scores.tolist(), 21):
            # The best with at least that recall.
            assert best == max(precision[recall >= at - 1e-12])


def test_histograms(offline: runwell.Run):
    """Of a sequence, of numpy's histogram, without NaN; the row holds them itself."""
    values = [0.5, 1.0, 1.0, float("nan"), 3.0]
    run = offline
    run.log(
        {"a": runwell.Histogram(values, num_bins=4), "b": runwell.Histogram(np_histogram=np.histogram([1, 2], bins=2))}
    )
    assert run.summary["a"] == {"_type": "histogram", "values": [3, 0, 0, 1], "bins": [0.5, 1.125, 1.75, 2.375, 3.0]}
    assert run.summary["b"]["values"] == [1, 1]


def test_a_histogram_without_numpy_equals_that_with_it():
    """Whoever has no numpy gets the same counts and edges."""
    random = np.random.default_rng(5)
    for size in (1, 2, 100):
        values = np.round(random.normal(size=size), 2).tolist()
        counts, edges = plain_histogram(values, 16)
        expected, expected_edges = np.histogram(values, bins=16)
        assert np.allclose(edges, expected_edges)
        assert sum(counts) == size
        assert np.abs(np.array(counts) - expected).sum() <= 2
