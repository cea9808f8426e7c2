"""Where the segments of a log are, as SQLite files, compressed, or in an archive; and how any of them is read."""

import json
import os
import re
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Protocol

from runwell_collector.log.batch import LogDamagedError
from runwell_collector.log.compressed import SUFFIX, CompressedSegment
from runwell_collector.log.segment import (
    BUSY_TIMEOUT_S,
    FORMAT,
    READ_BATCHES,
    READ_WRITERS,
    BatchRow,
    WriterRow,
    first_offsets,
    segment_path,
    sync_directory,
)

ARCHIVE_NOTE = "archive.json"
COMPRESSED_NAME = re.compile(rf"(\d{{16}})\{SUFFIX}")


class SegmentFile(Protocol):
    """A segment of either form."""

    @property
    def end_offset(self) -> int | None:
        """The last offset of a closed segment; None of one that is open."""
        ...

    @property
    def writers(self) -> list[WriterRow]:
        """All writers with their positions at the segment's end."""
        ...

    def rows(self, after: int, batches_max: int) -> Generator[BatchRow, None, None]:
        """The batches after that offset, in order."""
        ...

    def close(self) -> None: ...


class SqliteSegment:
    """A segment that may still be appended to by another process. Raises LogDamagedError and sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self.connection = _opened(path)

    @property
    def writers(self) -> list[WriterRow]:
        return list(self.connection.execute(READ_WRITERS))

    @property
    def end_offset(self) -> int | None:
        """The last offset of a closed segment; None of one that is open."""
        row = self.connection.execute("SELECT end_offset FROM segment").fetchone()
        return None if row[0] is None else int(row[0])

    def rows(self, after: int, batches_max: int) -> Generator[BatchRow, None, None]:
        cursor = self.connection.execute(READ_BATCHES, (after, batches_max))
        try:
            yield from cursor
        finally:
            cursor.close()

    def close(self) -> None:
        self.connection.close()


def open_segment(path: Path) -> SegmentFile:
    """Raises LogDamagedError, FileNotFoundError and sqlite3.Error."""
    return CompressedSegment(path) if path.suffix == SUFFIX else SqliteSegment(path)


def segment_files(directory: Path, archive: Path | None = None) -> dict[int, Path]:
    """The files of all segments by first offset, ascending: a compressed one before its SQLite file.

    The archive is ``archive`` or what the log's own note names. Only what comes before the segments here is taken from
    it: the rest is of a log that was restored from a backup since, or is still on its way.
    """
    # In the order in which segments move, so that one that moves meanwhile is seen at one place at least.
    here = {first: segment_path(directory, first) for first in first_offsets(directory)}
    here |= {first: directory / f"{first:016d}{SUFFIX}" for first in compressed_offsets(directory)}
    folder = archive or archive_folder(directory)
    archived = compressed_offsets(folder) if folder else []
    before = {
        first: folder / f"{first:016d}{SUFFIX}" for first in archived if folder and first < min(here, default=first + 1)
    }
    return before | dict(sorted(here.items()))


def compressed_offsets(directory: Path) -> list[int]:
    """The first offsets of the compressed segments in a folder; none when it isn't there."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for name in names if (match := COMPRESSED_NAME.fullmatch(name)))


def archive_folder(directory: Path) -> Path | None:
    """Where segments of this log were moved to; None when none were."""
    try:
        return Path(json.loads((directory / ARCHIVE_NOTE).read_text())["folder"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LogDamagedError(directory / ARCHIVE_NOTE, f"it does not name a folder ({error})") from error


def note_archive(directory: Path, folder: Path) -> None:
    """Says where segments are moved to; durable on return."""
    unfinished = directory / f".{ARCHIVE_NOTE}.new"
    with unfinished.open("w") as file:
        file.write(json.dumps({"folder": str(folder)}))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(directory / ARCHIVE_NOTE)
    sync_directory(directory)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,
    )
    try:
        row = connection.execute("SELECT format FROM segment").fetchone()
    except UnicodeDecodeError as error:
        # SQLite says what is wrong with the schema in the schema's own, damaged words.
        connection.close()
        raise LogDamagedError(path, "it is no segment of an event log (its schema is no text)") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN and not path.exists():
            raise FileNotFoundError(path) from error
        if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN}:
            raise
        raise LogDamagedError(path, f"it is no segment of an event log ({error})") from error
    if row != (FORMAT,):
        connection.close()
        raise LogDamagedError(path, f"its format is {row and row[0]}, and this version reads {FORMAT}")
    return connection
