"""The runs table: some fields of many runs, without reading the rest of their views."""

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from runwell.core import filters, filters_tree
from runwell.core.keys import shown
from runwell_projector.filter_sql import Sql
from runwell_projector.leaves import INFINITE

HEAD = ("entity", "project", "run_id", "name", "state", "created_at", "updated_at", "duration_s")
"""What each row tells besides the fields that were asked for."""

FIELD_RUNS_MAX = 2_000
"""Fields are gathered from that many of the newest runs: reading all names of all runs would take seconds."""

Decoded = dict[str, Any]


def read_rows(
    connection: sqlite3.Connection, numbers: Sequence[tuple[int]], fields: Sequence[filters.Field]
) -> list[dict[str, Any]]:
    """``HEAD`` and "values", in the order of the fields, of each of the runs that there still is; a missing value is None."""
    sections = [name for name in filters_tree.SECTIONS if any(field.section == name for field in fields)]
    plain = [field.section for field in fields if field.section not in filters_tree.SECTIONS]
    columns = list(dict.fromkeys([*HEAD, *plain, *sections]))
    quoted = ", ".join(f'"{name}"' for name in columns)
    statement = f"SELECT {quoted} FROM run WHERE number = ?"
    readers = [_reader(field) for field in fields]
    rows = []
    for number in numbers:
        row = connection.execute(statement, number).fetchone()
        if row is None:
            continue
        found = dict(zip(columns, row, strict=True))
        for section in (*sections, *(("tags",) if "tags" in found else ())):
            found[section] = json.loads(found[section])
        rows.append({**{name: found[name] for name in HEAD}, "values": [read(found) for read in readers]})
    return rows


def _reader(field: filters.Field) -> Callable[[Decoded], Any]:
    if field.section not in filters_tree.SECTIONS:
        return lambda row: row[field.section]
    return lambda row: plain_value(row[field.section].get(field.key))


def plain_value(value: Any) -> Any:
    """A value as it was before ``leaves`` wrote it as strict JSON."""
    if value == {}:
        return math.nan
    if isinstance(value, int) and abs(value) >= INFINITE:
        return math.inf if value > 0 else -math.inf
    return value


def read_fields(connection: sqlite3.Connection, condition: Sql) -> list[dict[str, Any]]:
    """``{"field", "runs", "types"}`` of every config and summary key of the newest runs; types are JSON's.

    A name that only begins others is none, though ``leaves`` writes it down.
    """
    newest = condition + Sql(" ORDER BY created_at DESC LIMIT ?", (FIELD_RUNS_MAX,))
    return [
        {"field": str(field), "runs": sum(kinds.values()), "types": sorted(kinds)}
        for field, kinds in _types_of(connection, newest).items()
    ]


def read_field_types(connection: sqlite3.Connection, numbers: Sequence[tuple[int]]) -> dict[filters.Field, set[str]]:
    """The types of every config and summary key of some runs."""
    among = Sql("number IN (SELECT value FROM json_each(?))", (json.dumps([number for (number,) in numbers]),))
    return {field: set(kinds) for field, kinds in _types_of(connection, among).items()}


def _types_of(connection: sqlite3.Connection, condition: Sql) -> dict[filters.Field, Counter[str]]:
    fields: dict[filters.Field, Counter[str]] = {}
    for section in ("config", "summary"):
        found = connection.execute(
            f"SELECT key, type, count(*) FROM (SELECT {section} AS leaves FROM run WHERE {condition.text}), "
            "json_each(leaves) GROUP BY key, type ORDER BY key",
            condition.parameters,
        )
        by_key: dict[str, Counter[str]] = {}
        for key, kind, runs in found:
            by_key.setdefault(str(key), Counter())[_TYPES.get(kind, str(kind))] += runs
        for key, kinds in by_key.items():
            if not (kinds.keys() == {"array"} and any(name.startswith(f"{key}.") for name in by_key)):
                fields[filters.Field(section, key)] = kinds
    return fields


_TYPES = {
    "integer": "number",
    "real": "number",
    "object": "number",
    "true": "boolean",
    "false": "boolean",
    "text": "string",
}
"""An object is how ``leaves`` writes NaN."""


PROJECTS = """
SELECT entity, project, count(*), sum(state = 'running'), sum(state IN ('failed', 'crashed')), min(created_at),
    max(updated_at) AS updated_at, json_group_array(DISTINCT user)
FROM {runs} WHERE NOT deleted GROUP BY entity, project ORDER BY updated_at DESC, entity, project
"""
DAYS = """
SELECT entity, project, CAST(created_at / 86400 AS INTEGER) AS day, count(*) FROM {runs} WHERE NOT deleted
GROUP BY entity, project, day ORDER BY day
"""
DAYS_SHOWN = 30


def read_projects(connection: sqlite3.Connection, runs: str) -> list[dict[str, Any]]:
    """``{"entity", "project", "runs", "running", "failed", "created_at", "updated_at", "users", "activity"}`` each.

    Activity is ``[day, runs made]`` of the last days on which runs were made, in days since 1970. ``runs`` is the table to read.
    """
    names = ("entity", "project", "runs", "running", "failed", "created_at", "updated_at", "users")
    projects: list[dict[str, Any]] = [
        dict(zip(names, row, strict=True)) for row in connection.execute(PROJECTS.format(runs=runs))
    ]
    activity: dict[tuple[str, str], list[list[int]]] = {}
    for entity, project, day, made in connection.execute(DAYS.format(runs=runs)):
        activity.setdefault((entity, project), []).append([day, made])
    for found in projects:
        found["users"] = sorted(user for user in json.loads(found["users"]) if user)
        found["activity"] = activity[found["entity"], found["project"]][-DAYS_SHOWN:]
    return projects


KEYS = """
SELECT DISTINCT key_set.keys FROM run JOIN key_set ON key_set.run = run.number
WHERE run.entity = ? AND run.project = ? AND key_set.stream = ? AND run.run_id IN (SELECT value FROM json_each(?))
"""


INHERITED_KEYS = """
WITH RECURSIVE ancestor (number, origin, depth) AS (
    SELECT run.number, lineage.origin, 0 FROM run JOIN lineage ON lineage.run = run.number
    WHERE run.entity = ? AND run.project = ? AND run.run_id IN (SELECT value FROM json_each(?))
    UNION
    SELECT run.number, lineage.origin, depth + 1 FROM ancestor JOIN run ON run.entity = ancestor.origin ->> 0
    AND run.project = ancestor.origin ->> 1 AND run.run_id = ancestor.origin ->> 2
    LEFT JOIN lineage ON lineage.run = run.number WHERE depth < 100
)
SELECT DISTINCT key_set.keys FROM ancestor JOIN key_set ON key_set.run = ancestor.number
WHERE key_set.stream = 'default'
"""


def read_keys(
    connection: sqlite3.Connection, entity: str, project: str, run_ids: Sequence[str], stream: str, match: str | None
) -> list[str]:
    """The keys, as shown, of all rows of some runs of a project; those that are logged are the ones that charts are of.

    With ``match`` those in which the regular expression is found.
    """
    found = connection.execute(KEYS, (entity, project, stream, json.dumps(list(run_ids)))).fetchall()
    if stream == "default":
        names = json.dumps(list(run_ids))
        found += connection.execute(INHERITED_KEYS, (entity, project, names)).fetchall()
    keys = {shown(path) for (paths,) in found for path in json.loads(paths)}
    return sorted(keys if match is None else [key for key in keys if filters.pattern_found(match, key)])
