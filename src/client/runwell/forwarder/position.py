"""What the forwarder keeps beside a spool's segments: how far it is acked, and under which ids it goes on.

Both files are hints that may be lost: where a writer stands is what the collector says when the writer is opened.
``acked`` saves reading a whole spool again to compare its past with the collector's, and tells others how far it is.
``forks`` must be written before the first record is sent under a new id, so that every restart goes on with that id.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runwell.forwarder.disk import Disk

ACKED_NAME = "acked"
FORKS_NAME = "forks"
SMALL_FILE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Acked:
    """The collector with that log has records up to ``durable`` (of the spool), whose chain there is ``chain``.

    ``ended``: the writer is gone, nothing more will come and the collector knows. ``writer`` is the id in force.
    ``end`` is the spool's end at that time: number and size of its last segment.
    """

    log_id: str
    durable: int
    chain: int
    ended: bool
    time: float
    writer: bytes
    end: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Records of a spool that are sent under one writer id: those after ``after``, up to ``until`` when it is not the last.

    A part that is not the first begins on the wire with a WriterAttached record of its own, which the spool does not have.
    """

    writer: bytes
    parent: bytes | None = None
    after: int = 0
    until: int | None = None

    def on_wire(self, record: int) -> int:
        """The number on the wire of a record of the spool; 0 when it comes before this part."""
        return record if self.parent is None else max(record - self.after + 1, 0)

    def in_spool(self, number: int) -> int:
        """The spool's record of a number on the wire."""
        return number if self.parent is None else max(number - 1, 0) + self.after


def read_acked(disk: Disk, directory: Path, writer: bytes) -> Acked | None:
    """The spool's ``acked`` file; None when it is missing or unreadable. ``writer`` stands in where the file names none."""
    fields = _read(disk, directory / ACKED_NAME)
    try:
        owner = bytes.fromhex(fields["writer"]) if "writer" in fields else writer
        numbers = int(fields["durable"]), int(fields["chain"])
        segment, size = fields.get("end") or (0, 0)
        end = (int(segment), int(size)) if segment else None
        return Acked(str(fields["log_id"]), *numbers, bool(fields["ended"]), float(fields["time"]), owner, end)
    except (KeyError, TypeError, ValueError):
        return None


def write_acked(disk: Disk, directory: Path, acked: Acked) -> None:
    """Raises OSError."""
    fields = {
        "log_id": acked.log_id,
        "durable": acked.durable,
        "chain": acked.chain,
        "ended": acked.ended,
        "time": acked.time,
        "writer": acked.writer.hex(),
        "end": acked.end,
    }
    disk.replace(directory / ACKED_NAME, json.dumps(fields).encode())


def read_parts(disk: Disk, directory: Path, writer: bytes) -> list[Part]:
    """The ids under which a spool is sent, in order; one unless its past was found to differ from the collector's."""
    parts = [Part(writer)]
    forks = _read(disk, directory / FORKS_NAME).get("forks", [])
    try:
        for fork in forks:
            parts = forked(parts, bytes.fromhex(fork["writer"]), int(fork["after"]))
    except (KeyError, TypeError, ValueError):
        return parts
    return parts


def write_parts(disk: Disk, directory: Path, parts: list[Part]) -> None:
    """Raises OSError."""
    forks = [{"writer": part.writer.hex(), "after": part.after} for part in parts[1:]]
    disk.replace(directory / FORKS_NAME, json.dumps({"forks": forks}).encode(), sync=True)


def forked(parts: list[Part], writer: bytes, after: int) -> list[Part]:
    """The parts with a new last one: records after ``after`` go under the id ``writer`` from now on."""
    last = parts[-1]
    after = max(after, last.after)
    return [*parts[:-1], Part(last.writer, last.parent, last.after, after), Part(writer, last.writer, after)]


def _read(disk: Disk, path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(disk.read(path, 0, SMALL_FILE_BYTES_MAX))
    except (OSError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}
