"""A file system of its own whose power can be cut: what no sync has made safe is gone after the next mount.

ext4 in a file, mounted through a loop device. The ioctl ends the file system at once and throws away its journal's
unwritten part, which is what a power cut leaves of it. The method needs root.
"""

import array
import fcntl
import os
import subprocess
from pathlib import Path

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
SIZE_BYTES = 5 << 30
"""Sparse. Collector and projector want three gigabytes free."""


class CuttableDisk:
    """Mounted at ``path``."""

    def __init__(self, directory: Path) -> None:
        self._image = directory / "disk.img"
        self.path = directory / "disk"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(SIZE_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(self._image))
        self._mount()

    def cut_power(self) -> None:
        """From now on every access fails; nothing that was not synced reaches the disk."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, array.array("I", [NO_LOG_FLUSH]))
        finally:
            os.close(directory)

    def power_up(self) -> None:
        """Mounts it again, which replays the journal. Whoever used it must have ended."""
        _run("umount", str(self.path))
        self._mount()

    def close(self) -> None:
        """Unmounts it for good."""
        _run("umount", str(self.path))
        self._image.unlink()

    def _mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.path))


def _run(*command: str) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"{command}: {finished.stderr}"
