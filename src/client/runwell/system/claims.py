"""Once per machine: whichever process of a run comes first tells of the machine, or of one of its GPUs.

A claim is a lock on one byte of a file for the machine, so that nothing is left behind however a process ends, and
another one of the run goes on where it did.
"""

import errno
import fcntl
import os
from pathlib import Path

_TAKEN = (errno.EACCES, errno.EAGAIN)

_files: dict[Path, int] = {}
"""Open for the life of the process, since closing a file once would give back all locks that the process has on it."""


class Claims:
    """What this process tells of, for one run. ``directory`` is shared by the processes of a machine."""

    def __init__(self, directory: Path, host: str, run: str) -> None:
        """Raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{host.replace('/', '_')}.lock"
        if path not in _files:
            _files[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._file = _files[path]
        self._run = run
        self._held: dict[str, int] = {}

    def holds(self, what: str) -> bool:
        """Whether it is for this process to tell of ``what``: it has claimed it, or could now."""
        if what in self._held:
            return True
        # Here rather than above, since it takes a twentieth of `import runwell`.
        from hashlib import blake2b

        place = int.from_bytes(blake2b(f"{self._run}\0{what}".encode(), digest_size=7).digest(), "little")
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError as error:
            # On a file system without locks figures come several times rather than never.
            return error.errno not in _TAKEN
        self._held[what] = place
        return True

    def release(self) -> None:
        """Lets other processes of the run tell of everything."""
        while self._held:
            _, place = self._held.popitem()
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)
