"""New views from the whole log, beside the ones that serve; they take over when they have caught up."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from runwell.core import limits
from runwell_collector.log import open_log_reader
from runwell_projector.dump import digest
from runwell_projector.files import AlreadyRunningError, ViewFiles, remove_views
from runwell_projector.projection import Projection
from runwell_projector.schema import create_views

CHUNK_BATCHES_MAX = 16_000
CHUNK_BYTES_MAX = 32 << 20
"""One transaction. Larger than while somebody reads: a run's row is written once for many batches."""


class RebuildError(Exception):
    """The rebuild could not be done; the views that serve were not touched."""


def rebuild(data_dir: Path, progress: Callable[[int, int], None]) -> str:
    """Rebuilds and swaps; returns the canonical digest of the new views.

    ``progress`` is told the offset reached and the log's end. A running projector goes on in the new file. Raises
    RebuildError.
    """
    files = ViewFiles(data_dir)
    try:
        with files.locked("building"):
            path = files.new_path()
            if serving := files.serving():
                files.remove_others(serving)
            try:
                _build(data_dir, path, progress)
                found = digest(path)
            except BaseException:
                remove_views(path)
                raise
            files.publish(path)
    except AlreadyRunningError:
        raise RebuildError("new views are being built already") from None
    return found


def _build(data_dir: Path, path: Path, progress: Callable[[int, int], None]) -> None:
    with (
        closing(open_log_reader(data_dir)) as log,
        closing(create_views(path)) as connection,
    ):
        # Nobody reads the file yet, and after a kill nobody will: nothing has to be written twice, nor synced before it is published.
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        projection = Projection(connection)
        if log.log_id is None:
            raise RebuildError(f"there is no event log in {data_dir}; is it the server's data directory?")
        projection.begin_log(log.log_id)
        while batches := log.read(projection.offset, CHUNK_BATCHES_MAX, CHUNK_BYTES_MAX):
            if shutil.disk_usage(path.parent).free < limits.VIEWS_FREE_BYTES_MIN:
                raise RebuildError(
                    f"less than {limits.VIEWS_FREE_BYTES_MIN >> 30} GiB are free on the disk of {path.parent}"
                )
            projection.apply(batches)
            progress(projection.offset, max(projection.offset, log.end()))
        connection.execute("PRAGMA journal_mode = WAL")
