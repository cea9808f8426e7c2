"""Finds spools and reads what is in them.

``list_writers(spool_root)`` gives a ``WriterSpool`` for every spool under ``ROOT/spool`` with ``writer`` (16 bytes),
``run`` (entity, project, run_id), ``live`` and ``directory``; ``WriterSpool.batches()`` reads all that is there now as
``CutBatch`` (first, count, chain_before, chain, events: a ``runwell.v1.Events``). What cannot be read raises
``SpoolError`` or ``OSError`` when it comes to it; ``discover`` reports instead of passing over what is no spool.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runwell.core.limits import BATCH_BYTES_TARGET, BATCH_RECORDS_MAX
from runwell.forwarder.cutter import CutBatch, cut
from runwell.forwarder.disk import Disk, LocalDisk
from runwell.forwarder.reader import SpoolReader
from runwell.forwarder.segments import RunId, SpoolError, read_header, segment_numbers, segment_path

LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True)
class WriterSpool:
    """One writer's spool."""

    writer: bytes
    run: RunId
    directory: Path
    disk: Disk
    offline: bool = False
    """Whether it waits for `runwell sync`, rather than being sent by a forwarder."""

    @property
    def live(self) -> bool:
        """Whether another process that writes it is alive. Never ask for a spool that this very process writes: closing
        the lock file after a look at it would release the lock.
        """
        return self.disk.locked(self.directory / LOCK_NAME)

    def end(self) -> tuple[int, int] | None:
        """Number and size of the last segment; None when there is none. Raises OSError."""
        numbers = segment_numbers(self.disk, self.directory)
        return (numbers[-1], self.disk.size(segment_path(self.directory, numbers[-1])) or 0) if numbers else None

    def batches(self) -> Iterator[CutBatch]:
        """All whole records that are there now, in order. Raises SpoolVersionError and OSError."""
        reader = SpoolReader(self.disk, self.directory)
        chain, first = 0, 1
        limits = {"bytes_max": BATCH_BYTES_TARGET, "records_max": BATCH_RECORDS_MAX}
        while records := reader.take(live=False, now=0.0, **limits):
            batch = cut(records, first, chain, reader.schema)
            chain, first = batch.chain, batch.last + 1
            yield batch


@dataclass(frozen=True, slots=True)
class SpoolProblem:
    """A directory entry that looks like a spool and cannot be used."""

    directory: Path
    message: str


def discover(disk: Disk, spool_root: Path) -> tuple[list[WriterSpool], list[SpoolProblem]]:
    """The spools under ``spool_root``, by name, and what could not be read. Names that begin with a dot are not looked at."""
    try:
        names = names_of_spools(disk, spool_root)
    except OSError as error:
        return [], [SpoolProblem(spool_root, f"{spool_root} cannot be listed: {error.strerror}")]
    spools: list[WriterSpool] = []
    problems: list[SpoolProblem] = []
    for name in names:
        opened = open_spool(disk, spool_root / name)
        if isinstance(opened, WriterSpool):
            spools.append(opened)
        elif opened is not None:
            problems.append(opened)
    return spools, problems


def names_of_spools(disk: Disk, spool_root: Path) -> list[str]:
    """Names under ``spool_root`` that do not begin with a dot, sorted; none when it does not exist. Raises OSError."""
    try:
        return sorted(name for name in disk.names(spool_root) if not name.startswith("."))
    except FileNotFoundError:
        return []


def open_spool(disk: Disk, directory: Path) -> WriterSpool | SpoolProblem | None:
    """The spool in that directory, identified by the first segment with a readable header; None when there are no segments."""
    try:
        numbers = segment_numbers(disk, directory)
        headers = (read_header(disk, directory, number) for number in numbers)
        header = next((header for header in headers if header is not None), None)
    except NotADirectoryError:
        return None
    except SpoolError as error:
        return SpoolProblem(directory, str(error))
    except OSError as error:
        return SpoolProblem(directory, f"{directory} cannot be read: {error.strerror}")
    if header is not None:
        return WriterSpool(header.writer, header.run, directory, disk, header.offline)
    if not numbers:
        return None
    return SpoolProblem(
        directory, f"{directory} has no segment with a readable header, so its run is not known; it is left as it is"
    )


def list_writers(spool_root: Path) -> list[WriterSpool]:
    """The spools under ``ROOT/spool`` on this machine's disk that can be read."""
    return discover(LocalDisk(), spool_root)[0]
