"""The canonical form of views: equal for equal contents, however they came about.

It holds what people can ask for, and neither numbers of runs and lanes nor offsets of batches; so it does not depend on
the sizes of transactions, on kills in between, or on the order in which different writers' batches arrived.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from runwell_projector.alerts import COLUMNS as ALERT_COLUMNS
from runwell_projector.codecs import Array, Values
from runwell_projector.schema import open_views
from runwell_projector.states import read_fold
from runwell_projector.strips import RunBlocks, read_strips


def digest(path: Path) -> str:
    """The SHA-256 of the dump, in hexadecimal digits."""
    sha256 = hashlib.sha256()
    connection = open_views(path)
    try:
        for line in dump_lines(connection):
            sha256.update(line.encode("utf-8", "surrogatepass") + b"\n")
    finally:
        connection.close()
    return sha256.hexdigest()


def dump_lines(connection: sqlite3.Connection) -> Iterator[str]:
    """One line of JSON for the checkpoint, each run, each row in order of record, each record of a sweep, what is saved, what is known
    of artifacts, and each batch in poison.
    """
    connection.execute("BEGIN")
    try:
        yield _line(
            "checkpoint", *connection.execute("SELECT fold_version, log_id, offset, rows FROM checkpoint").fetchone()
        )
        runs = connection.execute(
            "SELECT number, entity, project, run_id, view, lanes FROM run ORDER BY entity, project, run_id"
        )
        for number, *name, view, lanes in runs:
            entity, project, run_id = name
            fold, _ = read_fold(connection, number, (entity, project, run_id))
            yield _line("run", json.loads(view), fold.statistics())
            writers = [writer for writer, *_ in json.loads(lanes)]
            yield from _rows(connection, number, writers)
            lines = connection.execute(
                "SELECT lane, line, stderr, time, text, omitted FROM console WHERE run = ? ORDER BY lane, line",
                (number,),
            ).fetchall()
            for lane, *line in sorted(lines, key=lambda line: (writers[line[0]], line[1])):
                yield _line("console", writers[lane], *line)
        events = connection.execute(
            "SELECT entity, project, sweep_id, record, hex(event) FROM sweep JOIN sweep_event ON sweep = number ORDER BY 1, 2, 3, 4"
        )
        for event in events:
            yield _line("sweep", *event)
        for saved in connection.execute("SELECT * FROM saved ORDER BY entity, project, kind, id"):
            yield _line("saved", *saved)
        for alert in connection.execute(
            f"SELECT {ALERT_COLUMNS} FROM alert ORDER BY entity, project, run_id, writer, record"
        ):
            yield _line("alert", *alert)
        for table, key in (
            ("artifact_decision", "1, 2, 3"),
            ("artifact_logged", "1, 2, 3, 4"),
            ("artifact_used", "1, 2, 3, 4, 5, 6, 7"),
        ):
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY {key}"):
                yield _line(table, *(value.hex() if isinstance(value, bytes) else value for value in row))
        for poison in connection.execute(
            "SELECT offset, entity, project, run_id, hex(writer), error FROM poison ORDER BY 1"
        ):
            yield _line("poison", *poison)
    finally:
        connection.execute("COMMIT")


def _rows(connection: sqlite3.Connection, run: int, writers: list[str]) -> Iterator[str]:
    """The blocks of each lane: which rows are sealed together is part of it, and so are the columns' statistics."""
    stored = connection.execute("SELECT number, keys FROM key_set WHERE run = ?", (run,))
    blocks = RunBlocks(run, [], {key_set: json.loads(keys) for key_set, keys in stored}, narrowed=False)
    for lane in sorted(range(len(writers)), key=writers.__getitem__):
        found = connection.execute(
            "SELECT number, key_set, sealed, plain FROM block WHERE run = ? AND lane = ? ORDER BY first, number",
            (run, lane),
        ).fetchall()
        for number, key_set, sealed, plain in found:
            ((_, strip),) = read_strips(connection, blocks, [number], None)
            own = [_bits(array) for array in (strip.records, strip.steps, strip.times)]
            masks = None if strip.masks is None else _bits(strip.masks)
            columns = [(key, *_content(values)) for key, values in zip(strip.keys, strip.columns, strict=True)]
            stripes = _stripes(connection, (run, key_set, number)) if sealed else []
            yield _line("rows", writers[lane], len(strip), own, masks, columns, sealed, plain, stripes)


def _content(values: Values) -> tuple[str, object]:
    """A column's kind, and its values: of numbers the digest of their bits, since to write them would take most of a rebuild."""
    if values.kind == "json":
        return values.kind, values.array
    if values.kind == "mixed":
        return values.kind, [_bits(values.array), *map(_content, values.parts)]
    return values.kind, _bits(values.array)


def _bits(array: Array) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def _stripes(connection: sqlite3.Connection, block: tuple[int, int, int]) -> list[str | None]:
    found = connection.execute(
        "SELECT hex(stripes) FROM part WHERE run = ? AND key_set = ? AND block = ? ORDER BY place", block
    )
    return [stripes for (stripes,) in found]


def _line(kind: str, *content: object) -> str:
    return json.dumps([kind, *content], sort_keys=True, separators=(",", ":"))
