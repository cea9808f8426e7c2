"""``python -m runwell_collector.tools``: checks, compresses and archives the event log, also while the collector runs."""

import argparse
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runwell_collector.compression import ToolError, archive_log, compress_log
from runwell_collector.log import LogDamagedError
from runwell_collector.log.files import segment_files
from runwell_collector.verify import Findings, verify_log

PLAIN_INTERVAL_S = 5.0
NICENESS = 15
"""Below the collector, which shares the machine."""

Progress = Callable[[int, int], None]


def main() -> int:
    """The exit status: 0, 1 when something is damaged or could not be done, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m runwell_collector.tools", description=__doc__)
    parser.add_argument("action", choices=["verify", "compress", "archive"])
    parser.add_argument("--data-dir", type=Path, required=True, help="the server's data directory")
    parser.add_argument("--archive", type=Path, help="folder of archived segments")
    parser.add_argument("--beside", action="store_true", help="end when standard input does")
    options = parser.parse_args()
    log_dir = options.data_dir / "log"
    os.nice(NICENESS)
    if options.beside:
        threading.Thread(target=_end_with_standard_input, daemon=True).start()
    try:
        if options.action == "verify":
            return _verify(log_dir, options.archive)
        _compress(log_dir)
        if options.action == "archive":
            if options.archive is None:
                parser.error("archive needs --archive FOLDER")
            _archive(log_dir, options.archive)
    except (ToolError, LogDamagedError, OSError, sqlite3.Error) as error:
        print(f"runwell: {error}", file=sys.stderr)
        return 1
    return 0


def _end_with_standard_input() -> None:
    """A collector that was killed leaves nothing behind that works on. What is half done the next call removes."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def _verify(log_dir: Path, archive: Path | None) -> int:
    if not segment_files(log_dir, archive):
        raise ToolError(f"there is no event log in {log_dir.parent}; is it the server's data directory?")
    with _progress("verifying", "batches") as progress:
        found = verify_log(log_dir, archive, progress)
    for line in found.damages:
        print(line)
    if found.damages_untold:
        print(f"and {found.damages_untold} more")
    print(_summary(found))
    return int(bool(found.damages))


def _summary(found: Findings) -> str:
    damages = len(found.damages) + found.damages_untold
    verdict = f"{damages} damages" if damages else "whole"
    lost = f"; {found.lost:,} records were lost before they reached the log, and say so" if found.lost else ""
    return (
        f"{verdict}: {found.batches:,} batches with {found.records:,} records of {found.writers:,} writers in {found.runs:,} "
        f"runs, {found.segments} segments ({found.compressed} compressed){lost}"
    )


def _compress(log_dir: Path) -> None:
    with _progress("compressing", "segments") as progress:
        size = compress_log(log_dir, progress)
    if size.before:
        print(f"compressed {size.before:,} bytes to {size.after:,}")
    else:
        print("nothing to compress: every closed segment is compressed, and the last one is open")


def _archive(log_dir: Path, folder: Path) -> None:
    with _progress("archiving", "segments") as progress:
        moved = archive_log(log_dir, folder, progress)
    print(f"{moved} segments moved to {folder.absolute()}; readers look for them there")


@contextmanager
def _progress(doing: str, unit: str) -> Iterator[Progress]:
    """A bar in a terminal, a line now and then otherwise."""
    if not sys.stderr.isatty():
        yield _plain_progress(doing, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(doing)
        yield lambda done, end: bar.update(task, completed=done, total=end)


def _plain_progress(doing: str, unit: str) -> Progress:
    said = time.monotonic()

    def progress(done: int, end: int) -> None:
        nonlocal said
        if time.monotonic() - said > PLAIN_INTERVAL_S:
            said = time.monotonic()
            print(f"runwell: {doing}, {done:,} of {end:,} {unit}", file=sys.stderr, flush=True)

    return progress


if __name__ == "__main__":
    sys.exit(main())
