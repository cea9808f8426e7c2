"""What is recorded of the process that trains."""

import functools
import os
import sys
from typing import Any

from runwell._settings import user_name


def process_fields(client_version: str) -> dict[str, Any]:
    """The event's Process. Command lines may hold what their user put there; nothing of the environment is taken."""
    host, operating_system, cpu_count = _machine()
    return {
        "host": host,
        "user": user_name(),
        "pid": os.getpid(),
        "command": list(sys.orig_argv),
        "program": program(),
        "working_directory": working_directory(),
        "python_version": sys.version.partition(" ")[0],
        "operating_system": operating_system,
        "client_version": client_version,
        "cpu_count": cpu_count,
    }


@functools.cache
def _machine() -> tuple[str, str, int]:
    """Host name, operating system and number of processors."""
    system = os.uname()
    return system.nodename, f"{system.sysname} {system.release} {system.machine}", os.cpu_count() or 0


def program() -> str:
    """The script; nothing when there is none."""
    main = sys.modules.get("__main__")
    return str(getattr(main, "__file__", None) or (sys.argv[0] if sys.argv else ""))


def working_directory() -> str:
    """Where the process is; nothing when that was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""
