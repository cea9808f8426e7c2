"""``python -m runwell_projector``: follows the log; with ``rebuild``: makes new views from it, and ends; with ``settle``:
waits until nothing is under way, and ends."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runwell_projector.rebuild import RebuildError, rebuild
from runwell_projector.service import Settings, serve
from runwell_projector.settle import SettleError, settle

PLAIN_INTERVAL_S = 5.0


def main() -> int:
    """The exit status: 0, 1 when it could not be done, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m runwell_projector", description=__doc__)
    parser.add_argument("action", nargs="?", choices=["follow", "rebuild", "settle"], default="follow")
    parser.add_argument("--data-dir", type=Path, required=True, help="the server's data directory")
    parser.add_argument("--http", default="127.0.0.1:0", help="HOST:PORT of health and counters (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds that settle waits (default: %(default)s)")
    options = parser.parse_args()
    if options.action == "rebuild":
        return _rebuild(options.data_dir)
    if options.action == "settle":
        return _settle(options.data_dir, options.timeout)
    host, _, port = options.http.rpartition(":")
    if not host or not port.isdecimal():
        parser.error(f"--http: {options.http!r} is not HOST:PORT")
    return serve(Settings(options.data_dir, host.strip("[]"), int(port)))


def _rebuild(data_dir: Path) -> int:
    started = time.monotonic()
    try:
        with _progress() as progress:
            found = rebuild(data_dir, progress)
    except RebuildError as error:
        print(f"runwell: {error}", file=sys.stderr)
        return 1
    print(f"new views serve after {time.monotonic() - started:.1f} s, sha256 {found}")
    return 0


def _settle(data_dir: Path, timeout_s: float) -> int:
    try:
        found = settle(data_dir, timeout_s)
    except SettleError as error:
        print(f"runwell: {error}", file=sys.stderr)
        return 1
    print(
        f"settled at offset {found.offset:,}: {found.rows:,} rows, log {found.log_bytes:,} and views {found.views_bytes:,} bytes"
    )
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar in a terminal, a line now and then otherwise."""
    if not sys.stderr.isatty():
        yield _plain_progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("rebuilding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("batches"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("rebuild")
        yield lambda offset, end: bar.update(task, completed=offset, total=end)


def _plain_progress() -> Callable[[int, int], None]:
    said = time.monotonic()

    def progress(offset: int, end: int) -> None:
        nonlocal said
        if offset == end or time.monotonic() - said > PLAIN_INTERVAL_S:
            said = time.monotonic()
            print(f"runwell: rebuilding, {offset:,} of {end:,} batches", file=sys.stderr, flush=True)

    return progress


if __name__ == "__main__":
    sys.exit(main())
