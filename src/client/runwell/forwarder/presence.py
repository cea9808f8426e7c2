"""One forwarder for each user, host, spool directory and server: the lock that says so, and how to reach who holds it.

The standard library only, since training processes use it. The lock file is in ``.forwarder`` under the spool directory
and names the socket, which is in a temporary directory, since a socket's path must be short.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

DIRECTORY_NAME = ".forwarder"
SOCKET_PATH_BYTES_MAX = 100
"""Linux takes 107 bytes, macOS 103."""


def with_scheme(base_url: str) -> str:
    """The address of a server in one form, whether or not it was given with ``http://`` and a slash at its end."""
    address = base_url.rstrip("/")
    return address if "//" in address else f"http://{address}"


class Presence:
    """The place where the forwarder of a spool directory and a server is announced."""

    def __init__(self, spool_directory: Path, base_url: str) -> None:
        server = hashlib.sha256(with_scheme(base_url).encode()).hexdigest()[:12]
        name = f"{socket.gethostname()}-{os.getuid()}-{server}"
        self.directory = spool_directory / DIRECTORY_NAME
        self.lock_path = self.directory / f"{name}.lock"
        self.log_path = self.directory / f"{name}.log"
        self._key = hashlib.sha256(str(self.lock_path.absolute()).encode()).hexdigest()[:16]
        self._file: int | None = None

    def acquire(self) -> bool:
        """Becomes the one forwarder; False when there is one. Held until ``release`` or the process ends. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            held = True
        except OSError:
            # A file system without locks: what the file says must do. Two forwarders at once would only fence each other.
            held = self._holder_lives()
        else:
            held = False
        if held:
            os.close(self._file)
            self._file = None
        return not held

    def announce(self, socket_path: Path | None) -> None:
        """Says in the lock file who holds it. Raises OSError."""
        assert self._file is not None
        holder = {"pid": os.getpid(), "boot_id": boot_id(), "socket": str(socket_path) if socket_path else None}
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(holder).encode(), 0)

    def release(self) -> None:
        """Makes room for the next one."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def held(self) -> bool:
        """Whether a forwarder is there. Not for the process that is the forwarder."""
        try:
            file = os.open(self.lock_path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        except OSError:
            return self._holder_lives()
        finally:
            os.close(file)
        return False

    def socket_path(self) -> Path | None:
        """Where the forwarder listens; None while it has not said so."""
        path = self._holder().get("socket")
        return Path(path) if isinstance(path, str) else None

    def new_socket_path(self) -> Path | None:
        """A short path for the forwarder's socket in a directory that is this user's alone; None when there is none."""
        directory = private_directory()
        return directory / f"{self._key}.sock" if directory else None

    def _holder(self) -> dict[str, Any]:
        try:
            holder = json.loads(self.lock_path.read_bytes())
        except (OSError, ValueError):
            return {}
        return holder if isinstance(holder, dict) else {}

    def _holder_lives(self) -> bool:
        holder = self._holder()
        pid = holder.get("pid")
        if holder.get("boot_id") != boot_id() or not isinstance(pid, int):
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return pid != os.getpid()


def private_directory() -> Path | None:
    """A temporary directory of this user that others cannot enter, with a path short enough for sockets."""
    for parent in (tempfile.gettempdir(), "/tmp"):
        directory = Path(parent) / f"runwell-{os.getuid()}"
        with contextlib.suppress(OSError):
            directory.mkdir(mode=0o700, exist_ok=True)
            status = directory.lstat()
            private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
            if private and len(os.fsencode(directory)) + 40 <= SOCKET_PATH_BYTES_MAX:
                return directory
    return None


def boot_id() -> str:
    """Tells this boot of the machine from every other; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
