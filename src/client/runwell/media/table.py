"""``runwell.Table``."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from runwell._events import json_bytes
from runwell._messages import warn
from runwell.media.cells import cell_form, cell_kind, fits
from runwell.media.figures import is_array, is_dataframe
from runwell.media.libraries import library
from runwell.media.values import Batch, BlobStore, Files, Inline, Media

ROWS_MAX = 200_000
"""Of a table that is logged; further rows are left out with a warning. Pages read a table whole."""

LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
DEFAULT_COLUMNS = ("Input", "Output", "Expected")


class Table(Media):
    """Rows of cells: numbers, texts, lists, dicts, arrays, times and media.

    Of ``columns`` and rows (``data``), of a data frame, or of a numpy array. A column's first value decides its type; a
    value of another raises TypeError, unless ``allow_mixed_types``. Each ``log()`` keeps the rows that there are then,
    whatever ``log_mode`` says. Raises ValueError for a row that has not as many values as there are columns.
    """

    MAX_ROWS = 10_000
    MAX_ARTIFACT_ROWS = ROWS_MAX

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Sequence[Sequence[Any]] | None = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | Sequence[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = "IMMUTABLE",
    ) -> None:
        if log_mode not in (None, *LOG_MODES):
            raise ValueError(f"Invalid log_mode: {log_mode}. Must be one of {', '.join(LOG_MODES)}")
        if columns is not None and (isinstance(columns, str) or not isinstance(columns, Sequence)):
            raise TypeError(f"columns must be a list of names, not {type(columns).__name__}")
        self.log_mode = log_mode or "IMMUTABLE"
        self.allow_mixed_types = allow_mixed_types
        self.columns, found = _read(columns, data if data is not None else rows, dataframe)
        self._optional = [optional] * len(self.columns) if isinstance(optional, bool) else list(optional)
        self._kinds: list[str | None] = [None] * len(self.columns)
        self.data: list[list[Any]] = []
        self._chart: dict[str, Any] | None = None
        for row in found:
            self.add_data(*row)

    # ---- Making it

    def add_data(self, *data: Any) -> None:
        """Adds a row."""
        if len(data) != len(self.columns):
            raise ValueError(f"This table expects {len(self.columns)} columns: {self.columns}, found {len(data)}")
        if not self.allow_mixed_types:
            kinds = [self._kind_with(place, value) for place, value in enumerate(data)]
            self._kinds = kinds
        self.data.append(list(data))

    def add_row(self, *row: Any) -> None:
        """``add_data`` under its old name."""
        self.add_data(*row)

    def add_column(self, name: Any, data: Any, optional: bool = False) -> None:
        """Adds a column with a value for each row; of an empty table with new rows."""
        values = list(data)
        if name in self.columns:
            raise ValueError(f"there is a column {name!r} already")
        if self.columns and self.data and len(values) != len(self.data):
            raise ValueError(f"a column of this table has {len(self.data)} values, not {len(values)}")
        rows = [[*row, value] for row, value in zip(self.data or [[] for _ in values], values, strict=True)]
        self.columns.append(name)
        self._optional.append(optional or None in values)
        self._kinds.append(None)
        if not self.allow_mixed_types:
            for value in values:
                self._kinds[-1] = self._kind_with(len(self.columns) - 1, value)
        self.data = rows

    def add_computed_columns(self, fn: Callable[[int, dict[Any, Any]], Mapping[Any, Any]]) -> None:
        """Adds what the function returns for each row, of its number and its values by column."""
        found: dict[Any, list[Any]] = {}
        for number, row in self.iterrows():
            for name, value in fn(number, dict(zip(self.columns, row, strict=True))).items():
                found.setdefault(name, []).append(value)
        for name, values in found.items():
            self.add_column(name, values)

    def cast(self, col_name: Any, dtype: Any, optional: bool = False) -> None:
        """Takes values of any type in that column from now on; types are only checked here, never changed."""
        self._kinds[self._place(col_name)] = "any"

    def _kind_with(self, place: int, value: Any) -> str | None:
        known = self._kinds[place]
        if value is None:
            if not self._optional[place]:
                raise TypeError(f"column {self.columns[place]!r} takes no None")
            return known
        kind = cell_kind(value)
        if not fits(known, kind):
            raise TypeError(
                f"Data row contained incompatible types: column {self.columns[place]!r} has values of type {known}, and "
                f"{value!r:.60} is of type {kind}. Use allow_mixed_types=True to take any"
            )
        return kind if known is None else known

    # ---- Reading it

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """A column's values, as a list, or as a numpy array with ``convert_to="numpy"``."""
        if convert_to not in (None, "numpy"):
            raise ValueError(f"convert_to must be None or 'numpy', not {convert_to!r:.40}")
        place = self._place(name)
        values = [row[place] for row in self.data]
        return values if convert_to is None else library("numpy", "a column as an array").array(values)

    def get_index(self) -> list[int]:
        """The numbers of the rows."""
        return list(range(len(self.data)))

    def get_dataframe(self) -> Any:
        """The table as a pandas data frame."""
        return library("pandas", "a data frame").DataFrame.from_records(self.data, columns=self.columns)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Number and values of each row."""
        yield from enumerate(self.data)

    def index_ref(self, index: int) -> dict[Any, Any]:
        """A row's values by column."""
        return dict(zip(self.columns, self.data[index], strict=True))

    def _place(self, name: Any) -> int:
        try:
            return self.columns.index(name)
        except ValueError:
            raise KeyError(f"there is no column {name!r}, only {self.columns}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.columns == other.columns and self.data == other.data

    __hash__ = None  # type: ignore[assignment]

    # ---- Logging it

    @property
    def held_bytes(self) -> int:
        # A guess: cells are small objects, but for media.
        own = len(self.data) * len(self.columns) * 64
        return own + sum(cell.held_bytes for row in self.data for cell in row if isinstance(cell, Media))

    def drawn(self, chart: dict[str, Any]) -> "Table":
        """This table, drawn as a chart."""
        made = copy.copy(self)
        made._chart = chart
        return made

    def frozen(self, blobs: BlobStore) -> "Table":
        made = copy.copy(self)
        if len(self.data) > ROWS_MAX:
            warn(f"a table of {len(self.data):,} rows is logged, of which the first {ROWS_MAX:,} are kept")
        made.data = [
            [cell.frozen(blobs) if isinstance(cell, Media) else cell for cell in row] for row in self.data[:ROWS_MAX]
        ]
        return made

    def form(self, files: Files) -> dict[str, Any]:
        rows = [[self._cell(cell, files) for cell in row] for row in self.data]
        text = json_bytes({"columns": [str(name) for name in self.columns], "data": rows})
        form = {
            "_type": "table-file",
            **files.add("table", text, ".table.json"),
            "ncols": len(self.columns),
            "nrows": len(rows),
            "log_mode": self.log_mode,
        }
        return form if self._chart is None else form | {"chart": self._chart}

    @staticmethod
    def _cell(cell: Any, files: Files) -> Any:
        if isinstance(cell, Media):
            return cell.form(files)
        if isinstance(cell, list | tuple) and any(isinstance(item, Media) for item in cell):
            return Batch(cell).form(files)
        return cell.to_json() if isinstance(cell, Inline) else cell_form(cell)


def _read(columns: Sequence[Any] | None, data: Any, dataframe: Any) -> tuple[list[Any], list[Sequence[Any]]]:
    """Columns and rows, of whichever form they were given in."""
    if dataframe is None and is_dataframe(data):
        dataframe = data
    if dataframe is not None:
        if not is_dataframe(dataframe):
            raise TypeError(f"dataframe must be a data frame, not {type(dataframe).__name__}")
        return _of_dataframe(dataframe)
    if data is None:
        return list(DEFAULT_COLUMNS if columns is None else columns), []
    if is_array(data):
        if data.ndim != 2:
            raise ValueError(f"a table is made of an array of shape (rows, columns), not {tuple(data.shape)}")
        names = [f"col_{place}" for place in range(data.shape[1])] if columns is None else list(columns)
        return names, data.tolist()
    if isinstance(data, str | Mapping) or not isinstance(data, Sequence):
        raise TypeError(f"data must be a list of rows, a data frame or an array, not {type(data).__name__}")
    return list(DEFAULT_COLUMNS if columns is None else columns), list(data)


def _of_dataframe(frame: Any) -> tuple[list[Any], list[Sequence[Any]]]:
    columns = list(frame.columns)
    if hasattr(frame, "rows"):
        return columns, [list(row) for row in frame.rows()]
    series = [frame.iloc[:, place] for place in range(len(columns))]
    values = [[_present(cell, each.dtype.kind) for cell in each.tolist()] for each in series]
    return columns, [list(row) for row in zip(*values, strict=True)]


def _present(cell: Any, kind: str) -> Any:
    """pandas has marks of its own for a value that is missing; among floats NaN is a number."""
    if type(cell).__name__ in ("NAType", "NaTType"):
        return None
    return None if kind != "f" and isinstance(cell, float) and math.isnan(cell) else cell
