"""Which runs are asked for, in which order, and how they are found."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runwell.core import filters
from runwell_projector.filter_sql import Sql, fields_of, fits, order_sql, where_sql
from runwell_projector.mirror import Mirror, Source


@dataclass(frozen=True, slots=True)
class Choice:
    """Runs of an entity and a project (None: of all) that match, without deleted ones or those alone."""

    entity: str | None = None
    project: str | None = None
    where: filters.Expression | None = None
    order: Sequence[filters.Order] = ()
    """None means the newest first."""
    deleted: bool = False

    def among(self) -> Sql:
        """The condition without the filter."""
        condition = Sql("deleted = ?", (self.deleted,))
        for column, value in (("entity", self.entity), ("project", self.project)):
            if value is not None:
                condition += Sql(f" AND {column} = ?", (value,))
        return condition


ALL_RUNS = Choice()


class Chosen:
    """The runs of a choice, to be counted, listed or measured within a read transaction."""

    def __init__(
        self, connection: sqlite3.Connection, mirror: Mirror, choice: Choice, fields: Sequence[filters.Field] = ()
    ) -> None:
        """``fields`` are those that are selected, besides those of the filter and the order."""
        self._connection = connection
        self._choice = choice
        self._source = _source(mirror, choice, fields)
        self._condition = choice.among()
        if choice.where is not None:
            self._condition += " AND " + where_sql(choice.where, connection, self._source.tables)

    def count(self) -> int:
        """How many there are."""
        ((count,),) = self._select(Sql("count(*)"), Sql(""))
        return int(count)

    def numbers(self, offset: int, limit: int) -> list[tuple[int]]:
        """The numbers of some of them, in order."""
        order = " ORDER BY " + order_sql(self._choice.order, self._source.tables)
        return self._select(Sql("number"), order + Sql(" LIMIT ? OFFSET ?", (limit, offset)))

    def values(self, fields: Sequence[filters.Field]) -> list[tuple[Any, ...]]:
        """Kind and value of each field, one after the other, of each run."""
        return self._select(self._pairs(fields), Sql(""))

    def frequent(self, field: filters.Field, limit: int) -> list[tuple[Any, ...]]:
        """Kind, value and number of runs of a field's most frequent values."""
        kind = self._source.kind(field)
        rest = " AND " + kind + " <> 'null' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT " + str(limit)
        return self._select(self._pairs([field]) + ", count(*)", rest)

    def _pairs(self, fields: Sequence[filters.Field]) -> Sql:
        columns = [column for field in fields for column in (self._source.kind(field), self._source.value(field))]
        found = columns[0]
        for column in columns[1:]:
            found += ", " + column
        return found

    def _select(self, columns: Sql, rest: Sql) -> list[tuple[Any, ...]]:
        found = "SELECT " + columns + f" FROM {self._source.text} WHERE " + self._condition + rest
        return self._connection.execute(found.text, found.parameters).fetchall()


def _source(mirror: Mirror, choice: Choice, fields: Sequence[filters.Field]) -> Source:
    """The runs table where an index of it has the order, or where the filter needs views."""
    if choice.where is None and not fields and tuple(choice.order) in ((), tuple(filters.DEFAULT_ORDER)):
        return Source()
    if choice.where is not None and not fits(choice.where):
        return Source()
    named = [] if choice.where is None else list(fields_of(choice.where))
    return mirror.source([*named, *(order.field for order in choice.order), *fields])
