"""A spool directory's segments: their order, their headers, and the version they are written in."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runwell.core import frames
from runwell.forwarder.disk import Disk

SUFFIX = ".seg"
WRITER_ID_BYTES = 16
HEADER_BYTES_MAX = 16 << 10
"""A header is a few hundred bytes; a first frame that is larger than this is not taken for one."""


class SpoolError(Exception):
    """A spool that cannot be read; the message says which, why and what to do. Other spools are not concerned."""


class SpoolVersionError(SpoolError):
    """A spool whose format is newer than this Runwell."""

    def __init__(self, directory: Path, version: int) -> None:
        super().__init__(
            f"{directory} is a spool of version {version}; this Runwell reads version {frames.VERSION}. "
            "Nothing of it was touched: upgrade runwell here (pip install -U runwell), then run `runwell sync`"
        )
        self.directory = directory
        self.version = version


class RunId(NamedTuple):
    """A run's identity."""

    entity: str
    project: str
    run_id: str

    def __str__(self) -> str:
        return "/".join(self)


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says of itself in its first frame."""

    writer: bytes
    run: RunId
    first_record: int
    offline: bool


def segment_numbers(disk: Disk, directory: Path) -> list[int]:
    """Numbers of the segments that are there, ascending."""
    stems = (name.removesuffix(SUFFIX) for name in disk.names(directory) if name.endswith(SUFFIX))
    return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit())


def segment_path(directory: Path, number: int) -> Path:
    """Where the segment of that number is."""
    return directory / f"{number:08d}{SUFFIX}"


def check_version(directory: Path, beginning: bytes) -> None:
    """Raises SpoolVersionError when a segment's first bytes tell a newer version. Any other difference is damage."""
    magic = frames.SEGMENT_MAGIC
    if beginning.startswith(magic[:-1]) and len(beginning) >= len(magic) and beginning[len(magic) - 1] > frames.VERSION:
        raise SpoolVersionError(directory, beginning[len(magic) - 1])


def read_header(disk: Disk, directory: Path, number: int) -> Header | None:
    """The segment's header; None when it is missing or damaged. Raises SpoolVersionError and OSError."""
    beginning = disk.read(segment_path(directory, number), 0, HEADER_BYTES_MAX)
    check_version(directory, beginning)
    frame = frames.whole_frame(memoryview(beginning), len(frames.SEGMENT_MAGIC))
    if frame is None or frame.kind != frames.Kind.HEADER:
        return None
    try:
        fields = json.loads(bytes(frame.payload))
        run = RunId(str(fields["entity"]), str(fields["project"]), str(fields["run_id"]))
        header = Header(bytes.fromhex(fields["writer"]), run, int(fields["first_record"]), bool(fields.get("offline")))
    except (ValueError, KeyError, TypeError):
        return None
    return header if len(header.writer) == WRITER_ID_BYTES and header.first_record > 0 else None
