"""What Runwell says to people: lines on standard error. Standard output belongs to the training script."""

import sys

_silent = False


def set_silent(silent: bool) -> None:
    """Turns all messages off, or on again."""
    global _silent
    _silent = silent


def say(text: str) -> None:
    """One line. Never raises: a closed terminal must not end a training job."""
    if _silent or sys.stderr is None:
        return
    try:
        sys.stderr.write(f"runwell: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, RuntimeError):
        # RuntimeError: a signal handler's line came in the middle of another.
        return


def warn(text: str) -> None:
    """One line that asks for attention."""
    say(f"warning: {text}")
