"""The fields of all runs that filters and orders name, in memory, so that a question reads narrow columns of them.

A row of the runs table fills a page of the file, most of it the run's view: for a field of 100,000 runs SQLite would read
800 MB and parse as many JSON texts. So a reader keeps temporary tables on its own connection: one of the plain fields, and
one for each field of a section that was asked for lately. Each question first brings them up to date by the runs that
changed since the last one, of which ``change`` tells.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from runwell.core import filters
from runwell_projector.filter_sql import Sql, Tables, Terms, kind_sql, value_sql

PLAIN = tuple(name for name in filters.PLAIN_FIELDS if name != "notes")
"""Notes may be long, so they are taken in only when they are asked for."""

COLUMNS = ", ".join(f'"{name}"' for name in ("deleted", *PLAIN))
CELLS_MAX = 4_000_000
"""Values kept in all, 20 to 30 bytes each; of more the fields used longest ago leave."""

FIELDS_MAX = 32
"""Fields of one question: SQLite joins 64 tables."""

CHANGED = " WHERE number IN (SELECT run FROM change WHERE offset > ?)"


@dataclass(frozen=True, slots=True)
class Source:
    """Where to select runs from, and which tables fields have of their own."""

    text: str = "run"
    tables: Tables = field(default_factory=dict)

    def kind(self, named: filters.Field) -> Sql:
        """The SQL for a field's JSON type."""
        return Terms(self.tables).kind(named)

    def value(self, named: filters.Field) -> Sql:
        """The SQL for a field's value."""
        return Terms(self.tables).value(named)


class Mirror:
    """Belongs to one connection; asked within a read transaction of it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._offset: int | None = None
        self._fields: OrderedDict[filters.Field, str] = OrderedDict()
        self._made = 0

    def source(self, fields: Iterable[filters.Field]) -> Source:
        """What to select from so that the fields are at hand; the runs table itself when they are too many."""
        wanted = dict.fromkeys(named for named in fields if named.section not in PLAIN)
        if len(wanted) > FIELDS_MAX:
            return Source()
        self._connection.execute("PRAGMA query_only = 0")
        try:
            self._refresh()
            for named in wanted:
                self._load(named)
        except BaseException:
            self._offset = None
            raise
        finally:
            self._connection.execute("PRAGMA query_only = 1")
        tables = {named: self._fields[named] for named in wanted}
        joins = "".join(f" JOIN temp.{table} ON {table}.run = plain.number" for table in tables.values())
        return Source(f"temp.plain AS plain{joins}", tables)

    def _refresh(self) -> None:
        (offset,) = self._connection.execute("SELECT ifnull(max(offset), 0) FROM checkpoint").fetchone()
        if self._offset is None:
            for table in ("plain", *self._fields.values()):
                self._connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
            self._fields.clear()
            self._connection.execute(f"CREATE TEMP TABLE plain (number INTEGER PRIMARY KEY, {COLUMNS})")
            self._take(None)
        elif offset != self._offset:
            self._take(self._offset)
        self._offset = offset

    def _take(self, since: int | None) -> None:
        """Takes in all runs, or those that changed since an offset."""
        changed = Sql("") if since is None else Sql(CHANGED, (since,))
        self._write("plain", Sql(f"number, {COLUMNS}"), changed)
        for named, table in self._fields.items():
            self._write(table, _columns(named), changed)

    def _load(self, named: filters.Field) -> None:
        """Has a table for the field."""
        if named not in self._fields:
            self._make_room()
            self._made += 1
            table = f"field_{self._made}"
            self._connection.execute(f"CREATE TEMP TABLE {table} (run INTEGER PRIMARY KEY, kind, value)")
            self._write(table, _columns(named), Sql(""))
            self._fields[named] = table
        self._fields.move_to_end(named)

    def _write(self, table: str, columns: Sql, where: Sql) -> None:
        statement = f"INSERT OR REPLACE INTO temp.{table} SELECT " + columns + " FROM main.run" + where
        self._connection.execute(statement.text, statement.parameters)

    def _make_room(self) -> None:
        (runs,) = self._connection.execute("SELECT count(*) FROM temp.plain").fetchone()
        kept = max(FIELDS_MAX, CELLS_MAX // max(1, runs))
        while len(self._fields) >= kept:
            _, table = self._fields.popitem(last=False)
            self._connection.execute(f"DROP TABLE temp.{table}")


def _columns(named: filters.Field) -> Sql:
    return "number, " + kind_sql(named) + ", " + value_sql(named)
