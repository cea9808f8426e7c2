"""Looks whether the last segment is what was written, before anything is appended to it."""

import sqlite3
from pathlib import Path

from runwell_collector.log.batch import LogDamagedError
from runwell_collector.log.segment import BUSY_TIMEOUT_S, FORMAT, READ_BATCHES, stored_batches

TAIL_BATCHES = 1_000
"""What a crash can have torn was written last. Reading a whole segment at every start would take seconds."""


def verified_end(path: Path, first_offset: int) -> tuple[str, int, bool]:
    """The segment's log id, its greatest offset and whether it is closed. Raises LogDamagedError."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    try:
        return _verified(connection, path, first_offset)
    except UnicodeDecodeError as error:
        raise LogDamagedError(path, "it cannot be read (its schema is no text)") from error
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}:
            raise
        raise LogDamagedError(path, f"it cannot be read ({error})") from error
    finally:
        connection.close()


def _verified(connection: sqlite3.Connection, path: Path, first_offset: int) -> tuple[str, int, bool]:
    described = connection.execute("SELECT format, log_id, first_offset, end_offset FROM segment").fetchone()
    if described is None or described[0] != FORMAT:
        raise LogDamagedError(path, f"its format is {described and described[0]}, and this version writes {FORMAT}")
    _, log_id, described_first, closed_at = described
    if described_first != first_offset:
        raise LogDamagedError(path, f"it holds the offsets from {described_first}, not from {first_offset}")
    for table in ("segment", "writer", "position"):
        (found,) = connection.execute(f"PRAGMA quick_check('{table}')").fetchone()
        if found != "ok":
            raise LogDamagedError(path, f"table {table}: {found}")
    least, greatest, count = connection.execute(
        "SELECT min(log_offset), max(log_offset), count(*) FROM batch"
    ).fetchone()
    if count == 0:
        return log_id, first_offset - 1, closed_at is not None
    if least != first_offset or greatest - least + 1 != count:
        raise LogDamagedError(path, f"{count} batches do not fill the offsets {first_offset} to {greatest}")
    if closed_at not in {None, greatest}:
        raise LogDamagedError(path, f"it was closed at offset {closed_at} and ends at {greatest}")
    _verify_tail(connection, path, max(least - 1, greatest - TAIL_BATCHES))
    return log_id, greatest, closed_at is not None


def _verify_tail(connection: sqlite3.Connection, path: Path, after: int) -> None:
    tail = stored_batches(path, after, connection.execute(READ_BATCHES, (after, TAIL_BATCHES)))
    reached = {batch.writer: (batch.first + batch.count - 1, batch.offset) for batch in tail}
    positions = "SELECT durable FROM position JOIN writer ON writer.number = position.writer WHERE id = ?"
    for writer, (last, offset) in reached.items():
        row = connection.execute(positions, (writer,)).fetchone()
        if row != (last,):
            raise LogDamagedError(
                path, f"writer {writer.hex()} reaches {last} at offset {offset}, its position says {row}"
            )
