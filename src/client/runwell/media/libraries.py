"""Libraries that a script may have; nothing here needs one of them to be imported."""

import importlib
from typing import Any

from runwell.errors import UsageError


def library(name: str, why: str) -> Any:
    """The module. Raises UsageError, which says what it is for, when it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = {"PIL": "pillow"}.get(name.partition(".")[0], name.partition(".")[0])
        raise UsageError(f"{why} needs {package}: install it with `pip install {package}`") from None


def optional(name: str) -> Any:
    """The module, or None when it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
