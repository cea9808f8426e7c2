"""Tables as files, made piece by piece: CSV, JSON lines and Parquet."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from runwell_dashboard.answers import encoded

TYPES = ("number", "integer", "boolean", "string", "json")
"""What a column holds; "json" is anything, in Parquet as JSON text."""

Columns = Mapping[str, Sequence[Any]]
"""Some rows: of each column a value a row, None where there is none."""


class Format(Protocol):
    """A kind of file. ``types`` says what the columns are, in their order."""

    media_type: str

    def begin(self, types: Mapping[str, str]) -> bytes:
        """The file's beginning."""
        ...

    def add(self, columns: Columns) -> bytes:
        """More rows."""
        ...

    def end(self) -> bytes:
        """The file's end."""
        ...


class Csv:
    """Comma-separated values as RFC 4180 has them, in UTF-8; texts as they are, everything else as JSON, nothing for None."""

    media_type = "text/csv; charset=utf-8"

    def begin(self, types: Mapping[str, str]) -> bytes:
        """The names of the columns."""
        return _lines([list(types)])

    def add(self, columns: Columns) -> bytes:
        """More rows."""
        return _lines(zip(*(map(_cell, values) for values in columns.values()), strict=True))

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _lines(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    return json.dumps(value)


class Lines:
    """One JSON object a row, without the values that it does not have."""

    media_type = "application/x-ndjson"

    def begin(self, types: Mapping[str, str]) -> bytes:
        """Nothing."""
        return b""

    def add(self, columns: Columns) -> bytes:
        """More rows."""
        rows = zip(*columns.values(), strict=True)
        found = ({name: value for name, value in zip(columns, row, strict=True) if value is not None} for row in rows)
        return b"".join(encoded(row) + b"\n" for row in found)

    def end(self) -> bytes:
        """Nothing."""
        return b""


class Parquet:
    """Apache Parquet, compressed by zstd. Raises ImportError where pyarrow is not installed: the extra ``parquet``."""

    media_type = "application/vnd.apache.parquet"

    def __init__(self) -> None:
        import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]
        import pyarrow.parquet as pq  # type: ignore[import-untyped,import-not-found,unused-ignore]

        self._pa, self._pq = pa, pq
        self._sink = io.BytesIO()

    def begin(self, types: Mapping[str, str]) -> bytes:
        """The file's beginning."""
        pa = self._pa
        found = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
        self._types = dict(types)
        self._schema = pa.schema([(name, found.get(kind, pa.string())) for name, kind in types.items()])
        self._writer = self._pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        return self._taken()

    def add(self, columns: Columns) -> bytes:
        """More rows: a row group."""
        arrays = [
            self._pa.array(
                [_fitting(value, self._types[name]) for value in columns[name]], self._schema.field(name).type
            )
            for name in self._types
        ]
        self._writer.write_table(self._pa.table(arrays, schema=self._schema))
        return self._taken()

    def end(self) -> bytes:
        """The directory of the file."""
        self._writer.close()
        return self._taken()

    def _taken(self) -> bytes:
        """What was written since the last time."""
        data = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return data


def _fitting(value: Any, kind: str) -> Any:
    """The value for a Parquet column; None for what came in between and is of another kind."""
    if value is None:
        return None
    if kind == "string" and isinstance(value, str):
        # Neither Parquet nor UTF-8 has lone surrogates.
        return value.encode("utf-8", "replace").decode()
    if kind in ("json", "string"):
        return json.dumps(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if not isinstance(value, int | float):
        return None
    return float(value) if kind == "number" else value if -(2**63) <= value < 2**63 else None


FORMATS: Mapping[str, type[Format]] = {"csv": Csv, "ndjson": Lines, "parquet": Parquet}
