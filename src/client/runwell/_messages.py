"""What Runwell says to people: lines on standard error. Standard output belongs to the training script."""

import sys

_silent = _quiet = False


def set_silent(silent: bool, *, quiet: bool = False) -> None:
    """Turns all messages off, or with ``quiet`` all but warnings, or on again."""
    global _silent, _quiet
    _silent, _quiet = silent, quiet


def say(text: str) -> None:
    """One line. Never raises: a closed terminal must not end a training job."""
    if not _quiet:
        _write(text)


def warn(text: str) -> None:
    """One line that asks for attention."""
    _write(f"warning: {text}")


def _write(text: str) -> None:
    if _silent or sys.stderr is None:
        return
    try:
        sys.stderr.write(f"runwell: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, RuntimeError):
        # RuntimeError: a signal handler's line came in the middle of another.
        return
