"""Charts of tables: ``run.log({"pr": runwell.plot.pr_curve(y_true, y_probas, labels=names)})``.

A chart is logged as its table, under the key with "_table" after it, whose value says how it is drawn. Tables that are
large are thinned to ``Table.MAX_ROWS`` points.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runwell.media.curves import precision_recall, roc
from runwell.media.table import Table
from runwell.media.values import Chart, Media

DIGITS = 3
"""After the point, of rates."""


class CustomChart(Chart):
    """A table and how it is drawn: ``panel`` names the kind of chart, ``fields`` its columns, ``strings`` its texts."""

    def __init__(self, panel: str, table: Table, fields: Mapping[str, Any], strings: Mapping[str, Any]) -> None:
        if not isinstance(table, Table):
            raise TypeError(f"a chart needs a runwell.Table, not {type(table).__name__}")
        self.panel, self.fields, self.strings = panel, dict(fields), dict(strings)
        self._table = table
        missing = [name for name in self.fields.values() if name is not None and name not in table.columns]
        if missing:
            raise ValueError(f"the table has no column {missing[0]!r}, only {table.columns}")

    def table(self, key: str) -> Media:
        return self._table.drawn({"key": key, "panel": self.panel, "fields": self.fields, "strings": self.strings})


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """A chart of a kind that the pages know by its name, such as "wandb/line/v0"; ``split_table`` changes nothing."""
    return CustomChart(vega_spec_name, data_table, fields, string_fields or {})


def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str = "", split_table: bool = False
) -> CustomChart:
    """A line through points; one for each value of the column ``stroke``."""
    return CustomChart("wandb/line/v0", table, {"x": x, "y": y, "stroke": stroke}, {"title": title})


def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Points."""
    return CustomChart("wandb/scatter/v0", table, {"x": x, "y": y}, {"title": title})


def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """A bar for each row."""
    return CustomChart("wandb/bar/v0", table, {"label": label, "value": value}, {"title": title})


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """How often values of a column occur."""
    return CustomChart("wandb/histogram/v0", table, {"value": value}, {"title": title})


def line_series(
    xs: Sequence[Any],
    ys: Sequence[Iterable[Any]],
    keys: Sequence[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Several lines: of the same ``xs``, or each with its own."""
    curves = [_listed(values) for values in ys]
    each = _listed(xs)
    axes = [_listed(values) for values in each] if each and _is_series(each[0]) else [each] * len(curves)
    if len(axes) != len(curves):
        raise ValueError(f"Number of x-series ({len(axes)}) must match y-series ({len(curves)}).")
    names = [f"line_{number}" for number in range(len(curves))] if keys is None else list(keys)
    if len(names) != len(curves):
        raise ValueError(f"Number of keys ({len(names)}) must match y-series ({len(curves)}).")
    rows = [
        [x, name, y]
        for name, axis, curve in zip(names, axes, curves, strict=True)
        for x, y in zip(axis, curve, strict=False)
    ]
    table = Table(columns=["step", "lineKey", "lineVal"], data=_thinned(rows))
    fields = {"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"}
    return CustomChart("wandb/lineseries/v0", table, fields, {"title": title, "xname": xname})


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """How often each class was taken for which: of predictions, or of the probabilities of each class."""
    if (probs is None) == (preds is None):
        raise ValueError("either `probs` or `preds` must be given, and not both")
    if y_true is None:
        raise ValueError("`y_true` must be given")
    actual = _listed(y_true)
    predicted = _listed(preds) if probs is None else [_greatest(_listed(row)) for row in _listed(probs)]
    if len(actual) != len(predicted):
        raise ValueError("The number of predictions and true labels must be equal.")
    found = set(actual) | set(predicted)
    if class_names is None:
        classes = sorted(found)
        names = [f"Class_{number + 1}" for number in range(len(classes))]
    else:
        names = list(class_names)
        classes = list(range(len(names)))
        if not found <= set(classes):
            raise ValueError(
                f"there are {len(names)} class names, and labels beyond: {sorted(found - set(classes))[:5]}"
            )
    place = {value: number for number, value in enumerate(classes)}
    counts = [[0.0] * len(classes) for _ in classes]
    for truth, guess in zip(actual, predicted, strict=True):
        counts[place[truth]][place[guess]] += 1
    rows = [
        [names[truth], names[guess], counts[truth][guess]]
        for truth in range(len(classes))
        for guess in range(len(classes))
    ]
    columns = ["Actual", "Predicted", "nPredictions"]
    table = Table(columns=columns, data=rows)
    return CustomChart("wandb/confusion_matrix/v1", table, dict(zip(columns, columns, strict=True)), {"title": title})


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart:
    """Precision over recall of each class, at ``interp_size`` even recalls; precision is made monotonous."""
    rows: list[list[Any]] = []
    for name, truths, scores in _by_class(y_true, y_probas, labels, classes_to_plot):
        rows += [[name, *point] for point in precision_recall(truths, scores, interp_size)]
    table = Table(columns=["class", "precision", "recall"], data=_thinned(_rounded(rows)), allow_mixed_types=True)
    return _area(table, {"x": "recall", "y": "precision", "class": "class"}, title, "Recall", "Precision")


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart:
    """True over false positive rate of each class."""
    rows: list[list[Any]] = []
    for name, truths, scores in _by_class(y_true, y_probas, labels, classes_to_plot):
        rows += [[name, *point] for point in roc(truths, scores)]
    table = Table(columns=["class", "fpr", "tpr"], data=_thinned(_rounded(rows)), allow_mixed_types=True)
    return _area(table, {"x": "fpr", "y": "tpr", "class": "class"}, title, "False positive rate", "True positive rate")


def visualize(id: str, value: Table) -> CustomChart:  # noqa: A002  wandb's name
    """A chart of a kind that the pages know by its name, of a table whose columns have the names that it wants."""
    return CustomChart(id, value, {str(name): name for name in value.columns}, {})


def _area(table: Table, fields: dict[str, str], title: str, x_title: str, y_title: str) -> CustomChart:
    strings = {"title": title, "x-axis-title": x_title, "y-axis-title": y_title}
    return CustomChart("wandb/area-under-curve/v0", table, fields, strings)


def _by_class(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, chosen: Sequence[Any] | None
) -> Iterable[tuple[Any, list[bool], list[float]]]:
    """Of each class its name, which rows are of it, and its probabilities."""
    if y_true is None or y_probas is None:
        raise ValueError("y_true and y_probas must be given")
    actual, scores = _listed(y_true), [_listed(row) for row in _listed(y_probas)]
    if len(actual) != len(scores):
        raise ValueError(f"there are {len(actual)} labels and {len(scores)} rows of probabilities")
    for place, value in enumerate(sorted(set(actual))):
        if chosen is not None and value not in chosen:
            continue
        if any(place >= len(row) for row in scores):
            raise ValueError(f"y_probas must have a column for each class, and class {value!r} has none")
        name = labels[value] if labels is not None and isinstance(value, int) else value
        yield name, [each == value for each in actual], [float(row[place]) for row in scores]


def _rounded(rows: list[list[Any]]) -> list[list[Any]]:
    return [[name, *(round(number, DIGITS) for number in numbers)] for name, *numbers in rows]


def _thinned(rows: list[list[Any]]) -> list[list[Any]]:
    """Evenly spaced rows, the first and the last among them, when there are too many to draw."""
    if len(rows) <= Table.MAX_ROWS:
        return rows
    return [rows[place * (len(rows) - 1) // (Table.MAX_ROWS - 1)] for place in range(Table.MAX_ROWS)]


def _listed(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _is_series(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def _greatest(row: list[Any]) -> int:
    return max(range(len(row)), key=row.__getitem__)
