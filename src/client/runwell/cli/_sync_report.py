"""Sending in the foreground: a bar while it goes on, a line for each run, and one that says what is missing and why."""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from runwell.forwarder.courier import Courier, State
from runwell.forwarder.errand import Errand
from runwell.forwarder.forwarder import Forwarder
from runwell.forwarder.segments import RunId, segment_numbers, segment_path


def send(errand: Errand) -> int:
    """Sends what is there; the exit status."""
    with _progress() as progressed:
        forwarder = asyncio.run(_run(errand, progressed))
    couriers = sorted(forwarder.session.couriers, key=_run_of)
    for run, of_run in itertools.groupby(couriers, key=_run_of):
        print(_run_line(run, list(of_run)))
    if not couriers:
        print(f"nothing to send in {', '.join(map(str, [*errand.places, *errand.spools]))}")
    return _missing(forwarder, couriers, errand)


async def _run(errand: Errand, progressed: Callable[[Forwarder], None]) -> Forwarder:
    forwarder = Forwarder(errand, None, progressed)
    await forwarder.run()
    return forwarder


def _run_of(courier: Courier) -> RunId:
    return courier.spool.run


def _run_line(run: RunId, couriers: list[Courier]) -> str:
    sent = sum(courier.records_sent for courier in couriers)
    refused = sum(len(courier.refused) for courier in couriers)
    parts = [f"{run}: {sent:,} records sent" if sent else f"{run}: nothing new"]
    if refused:
        parts.append(f"{refused:,} of them refused by the server")
    if not all(courier.caught_up for courier in couriers):
        parts.append("NOT complete")
    elif any(courier.live and courier.state is not State.DONE for courier in couriers):
        parts.append("still running")
    else:
        parts.append("complete")
    return ", ".join(parts)


def _missing(forwarder: Forwarder, couriers: list[Courier], errand: Errand) -> int:
    """Says what could not be sent, each reason once; 1 if there is anything."""
    left = [courier for courier in couriers if not courier.caught_up]
    reasons = [forwarder.problem or courier.problem or "the server did not confirm it in time" for courier in left]
    for reason in dict.fromkeys(reasons):
        runs = {str(courier.spool.run) for courier, its in zip(left, reasons, strict=True) if its == reason}
        what = runs.pop() if len(runs) == 1 else f"{len(runs)} runs"
        again = "It stays in the spool: run `runwell sync` again when that is mended"
        print(f"runwell: {what} could not be sent to {errand.base_url}: {reason}. {again}", file=sys.stderr)
    for problem in forwarder.lookout.problems.values():
        print(f"runwell: {problem.message}", file=sys.stderr)
    return 1 if left or forwarder.lookout.problems or _missing_blobs(forwarder, errand) else 0


def _missing_blobs(forwarder: Forwarder, errand: Errand) -> bool:
    """Says which files could not be sent; whether there are any."""
    blobs = forwarder.blobs
    if blobs is None:
        return False
    if blobs.pending:
        reason = blobs.problem or forwarder.problem or "the server did not take them in time"
        again = "They stay in the spool: run `runwell sync` again when that is mended"
        print(f"runwell: not all files were sent to {errand.base_url}: {reason}. {again}", file=sys.stderr)
    for sha256, reason in blobs.lost.items():
        print(f"runwell: the file with SHA-256 {sha256} could not be sent: {reason}", file=sys.stderr)
    return blobs.pending or bool(blobs.lost)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Forwarder], None]]:
    """A bar on a terminal; nothing elsewhere, where only the lines at the end count."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sending", total=None)
        sizes: dict[Path, int] = {}

        def progressed(forwarder: Forwarder) -> None:
            couriers = list(forwarder.session.couriers)
            total = sum(_size(courier, sizes) for courier in couriers)
            left = sum(_size(courier, sizes) - _done(courier, sizes) for courier in couriers)
            bar.update(task, total=total, completed=total - left, description=forwarder.problem or "sending")

        yield progressed


def _size(courier: Courier, sizes: dict[Path, int]) -> int:
    """Bytes of a spool's segments as of the first look."""
    directory = courier.spool.directory
    if directory not in sizes:
        sizes[directory] = 0
        with contextlib.suppress(OSError):
            for number in segment_numbers(courier.spool.disk, directory):
                path = segment_path(directory, number)
                sizes[path] = courier.spool.disk.size(path) or 0
                sizes[directory] += sizes[path]
    return sizes[directory]


def _done(courier: Courier, sizes: dict[Path, int]) -> int:
    """Bytes of a spool that were read and, but for the last few, acked."""
    total = sizes[courier.spool.directory]
    if courier.state in (State.DONE, State.FAILED):
        return total
    segment, offset = courier.place
    before = sum(sizes.get(segment_path(courier.spool.directory, number), 0) for number in range(1, segment))
    return min(before + offset, total)
