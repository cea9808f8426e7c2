"""The root directory of this machine's runs: the one that was asked for, else the user's own, else a temporary one."""

import os
from pathlib import Path

from runwell._messages import warn
from runwell.errors import UsageError

DEFAULT_ROOT = "~/.runwell"


def root_directory(asked_for: str | os.PathLike[str] | None) -> Path:
    """An absolute path. Raises UsageError when none can be had.

    What was asked for is taken as it is. The default is not a directory that nobody can write to: a container without a
    home of its own, or with a read-only one, trains all the same, and is told where its runs are.
    """
    try:
        root = Path(asked_for or DEFAULT_ROOT).expanduser().absolute()
    except (OSError, RuntimeError) as error:
        if asked_for:
            raise UsageError(f"no root directory: {error}. Give one that is absolute, by RUNWELL_DIR or dir=") from None
        return _temporary("this user has no home directory")
    return root if asked_for or _writable(root) else _temporary(f"{root} cannot be written to")


def _writable(directory: Path) -> bool:
    """Whether it is, or can be made."""
    nearest = next((path for path in (directory, *directory.parents) if os.path.exists(path)), directory)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _temporary(reason: str) -> Path:
    # Only here is it needed, and it would cost every start some milliseconds.
    from runwell.forwarder.presence import private_directory

    directory = private_directory()
    if directory is None:
        raise UsageError(f"no root directory: {reason}, and there is no temporary one. Give one by RUNWELL_DIR or dir=")
    warn(
        f"{reason}: runs are kept in {directory}, which may not last. Give a lasting directory by RUNWELL_DIR, or send what "
        f"is there with `runwell sync {directory}`"
    )
    return directory
