"""The data directory: one collector at a time, on a disk that can be trusted, and where others find it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runwell_collector.config import ConfigError

NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs"})
"""SQLite's write-ahead log needs shared memory and locks that these do not give, and they tell errors late."""


def free_bytes(path: Path) -> int:
    """What this process may still write under ``path``."""
    stated = os.statvfs(path)
    return stated.f_bavail * stated.f_frsize


def filesystem_type(path: Path, mounts: str) -> str:
    """The type of the file system that holds ``path``, an absolute one, by the text of /proc/mounts; "" if unknown."""
    found = ("", "")
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point, kind = fields[1].replace("\\040", " "), fields[2]
        if path.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]


def refuse_network_filesystem(path: Path, mounts_file: Path = Path("/proc/mounts")) -> None:
    """Raises ConfigError where ``path`` lies on a network file system. Does nothing where the system doesn't tell."""
    if not mounts_file.exists():
        return
    kind = filesystem_type(path.resolve(), mounts_file.read_text(errors="replace"))
    if kind in NETWORK_FILESYSTEMS:
        raise ConfigError(
            f"{path} is on {kind}, where an event log would not be safe: choose a directory on a local disk"
        )


@contextmanager
def sole_user(directory: Path) -> Iterator[None]:
    """Holds the lock of the log's directory. Raises ConfigError when another collector has it."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"{directory} is in use by another collector: stop that one, or choose a directory"
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def announced(data_dir: Path, component: dict[str, object]) -> Iterator[None]:
    """Says in D/components/collector.json where this process serves, as long as it does."""
    path = data_dir / "components" / "collector.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.new")
    unfinished.write_text(json.dumps(component))
    unfinished.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
