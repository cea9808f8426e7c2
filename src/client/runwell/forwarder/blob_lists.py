"""What a writer's list still has to send: a window on it, so that a list of a million blobs takes no more memory than a
thousand of them.
"""

import contextlib
import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from runwell.core.blobs import ACKED_NAME, DIRECTORY_NAME, LIST_NAME, SENT_NAME, Listed, read_list
from runwell.forwarder.disk import Disk

WINDOW_MAX = 2_000
"""Lines of one list in memory."""

CHUNK_BYTES = 64 << 10
SMALL_FILE_BYTES_MAX = 4 << 10


@dataclass(slots=True, eq=False)
class Entry:
    """A line of a list, and what has become of it."""

    listed: Listed
    directory: Path
    end: int
    """Where the line ends in the list."""
    asked: bool = False
    done: bool = False
    stored: bool = False
    """Done, and with the server rather than lost."""


class BlobList:
    """One writer's. ``log_id`` is that of the server that the window was read for."""

    def __init__(self, disk: Disk, directory: Path) -> None:
        self.directory = directory
        self.entries: deque[Entry] = deque()
        self._disk = disk
        self._path = directory / LIST_NAME
        self._sent: list[str] = []
        self._size = 0
        self._log_id, self._acked, self._acked_bytes = _read_acked(disk, directory)
        self._read_to = self._saved = self._acked

    @property
    def pending(self) -> bool:
        """Whether anything is left to send, as of the last look."""
        return bool(self.entries) or self._read_to < self._size

    def look(self) -> None:
        """Sees what was appended. Raises OSError."""
        self._size = self._disk.size(self._path) or 0
        while len(self.entries) < WINDOW_MAX and self._read_to < self._size:
            data = self._disk.read(self._path, self._read_to, CHUNK_BYTES)
            start = 0
            while (end := data.find(b"\n", start) + 1) > 0:
                listed, _ = read_list(data[start:end])
                # What cannot be understood is passed over with the line that follows it.
                if listed:
                    self.entries.append(Entry(listed[0], self.directory, self._read_to + end))
                start = end
            if start == 0:
                # A line that is being written, or was torn by a crash.
                self._size = self._read_to
            self._read_to += start

    def speak_to(self, log_id: str) -> bool:
        """What another log had, this one may not have. True when the list begins anew, for another server than before."""
        before, self._log_id = self._log_id, log_id
        if before in ("", log_id):
            return False
        self._acked = self._acked_bytes = self._read_to = 0
        self.entries.clear()
        return True

    def settle(self) -> None:
        """Goes past what is done."""
        while self.entries and self.entries[0].done:
            entry = self.entries.popleft()
            self._acked = entry.end
            self._acked_bytes += entry.listed.bytes
            if entry.stored and entry.listed.source:
                self._sent.append(entry.listed.sha256)

    def save(self) -> None:
        """Notes how far the list is with the server; a hint, so a disk that does not take it is no harm."""
        if self._saved == self._acked:
            return
        if self._sent:
            # Whoever logs the same files again need not copy them.
            with (
                contextlib.suppress(OSError),
                open(self.directory.parent.parent / DIRECTORY_NAME / SENT_NAME, "a") as file,
            ):
                file.write("".join(f"{sha256}\n" for sha256 in self._sent))
            self._sent.clear()
        fields = {"log_id": self._log_id, "offset": self._acked, "bytes": self._acked_bytes}
        with contextlib.suppress(OSError):
            self._disk.replace(self.directory / ACKED_NAME, json.dumps(fields).encode())
            self._saved = self._acked


def unsent(disk: Disk, directory: Path) -> list[Listed]:
    """All that a writer's list has beyond what is with a server. Raises OSError."""
    size = disk.size(directory / LIST_NAME) or 0
    _, acked, _ = _read_acked(disk, directory)
    return read_list(disk.read(directory / LIST_NAME, acked, size - acked))[0] if acked < size else []


def _read_acked(disk: Disk, directory: Path) -> tuple[str, int, int]:
    try:
        fields = json.loads(disk.read(directory / ACKED_NAME, 0, SMALL_FILE_BYTES_MAX))
        return str(fields["log_id"]), int(fields["offset"]), int(fields["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", 0, 0
