"""One segment's bytes, brought into memory window by window as the segment grows."""

from pathlib import Path

from runwell.core import frames
from runwell.forwarder.disk import Disk
from runwell.forwarder.segments import check_version, segment_path

WINDOW_BYTES = 1 << 20
"""Read from disk at a time: a few batches. A larger frame makes its window as large as itself."""

DAMAGE_SETTLES_S = 5.0
"""A writer notices a failed fsync within a second and needs one more write to repair it."""


class SegmentTail:
    """``window`` has bytes of the segment; the frames before ``position`` were used, which is the reader's to move."""

    def __init__(self, disk: Disk, directory: Path, number: int, offset: int = 0) -> None:
        """``offset``: where a frame begins, as ``offset`` gave it before; 0 for the segment's beginning."""
        self.number = number
        self.window = b""
        self.position = 0
        self._disk = disk
        self._directory = directory
        self._path = segment_path(directory, number)
        self.next_path = segment_path(directory, number + 1)
        self._window_offset = offset
        self._fruitless_bytes = 0
        self._suspected: tuple[int, int, float] | None = None

    @property
    def offset(self) -> int:
        """Where in the segment the next frame begins."""
        return self._window_offset + self.position

    def refill(self, *, growing: bool, now: float) -> bool:
        """Moves the window to the next whole frame that it does not have; False when there is none by now.

        ``growing``: the writer may still append here. Raises SpoolVersionError and OSError.
        """
        size = self._disk.size(self._path) or 0
        offset = self.offset
        if size < len(frames.SEGMENT_MAGIC) or size in (offset, self._fruitless_bytes):
            return False
        if offset == 0:
            offset = len(frames.SEGMENT_MAGIC)
            check_version(self._directory, self._disk.read(self._path, 0, offset))
        self._set_window(offset, self._disk.read(self._path, offset, WINDOW_BYTES))
        return frames.whole_frame(memoryview(self.window), 0) is not None or self._resync(size, growing, now)

    def _set_window(self, offset: int, window: bytes) -> None:
        self._window_offset, self.window, self.position = offset, window, 0

    def _resync(self, size: int, growing: bool, now: float) -> bool:
        """Looks for a whole frame in all that is left of the segment, where none begins at the window's start."""
        start = self._window_offset
        rest = self._disk.read(self._path, start, size - start)
        found = next(frames.scan(memoryview(rest), 0), None)
        self._set_window(start, b"")
        if found is None:
            self._fruitless_bytes = size
            return False
        if isinstance(found, frames.Frame):
            self._set_window(start, rest[: max(found.end, WINDOW_BYTES)])
            return True
        if growing and not self._settled(start, found.end, now):
            return False
        self._set_window(start + found.end, rest[found.end : found.end + WINDOW_BYTES])
        return True

    def _settled(self, start: int, end: int, now: float) -> bool:
        """Whether the same bytes have looked damaged for long enough."""
        if self._suspected is None or self._suspected[:2] != (start, end):
            self._suspected = (start, end, now)
        return now - self._suspected[2] >= DAMAGE_SETTLES_S
