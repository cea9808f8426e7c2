"""The JSON forms of single values that are neither containers nor arrays: those that wandb's client writes."""

import os
from typing import Any

from runwell._events import clean
from runwell.core import limits

INTEGER_BITS_MAX = 14_000
"""Python refuses to write integers of more than 4,300 decimal digits, which is a little more than this."""

MODULES_OF_TEXTS = frozenset({"uuid", "ipaddress"})
"""Whose objects are kept as their text."""


class RefusedError(Exception):
    """This one value cannot be kept; the rest of the row is. The message completes "the value of KEY …"."""


def integer(value: int) -> int:
    """The integer; raises RefusedError when it is beyond the limit."""
    if value.bit_length() > INTEGER_BITS_MAX:
        raise RefusedError(f"is an integer of {value.bit_length():,} bits, and {INTEGER_BITS_MAX:,} is the limit")
    return value


def text(value: str) -> str:
    """The text without lone surrogates; raises RefusedError when it is beyond the limit."""
    size = len(value)
    if size <= limits.STRING_BYTES_MAX:
        value = clean(value)
        size = len(value) if value.isascii() else len(value.encode())
    if size > limits.STRING_BYTES_MAX:
        raise RefusedError(
            f"is a string of {size:,} bytes or more, and {limits.STRING_BYTES_MAX:,} is the limit: write it to a file"
        )
    return value


def scalar(value: Any) -> Any:
    """The JSON form. Raises TypeError for what has none, and RefusedError."""
    # Members of enumerations of numbers and texts are what they enumerate.
    if isinstance(value, int):
        return integer(int(value))
    if isinstance(value, str):
        return text(str.__str__(value))
    if isinstance(value, float) or (hasattr(value, "__float__") and not callable(value)):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise RefusedError(f"is no number of 64 bits ({error})") from None
    if isinstance(value, bytes | bytearray):
        return text(bytes(value[: limits.STRING_BYTES_MAX + 1]).decode("utf-8", "backslashreplace"))
    written = _written(value)
    if written is None:
        raise TypeError(
            f"Object of type {type(value).__name__} is not JSON serializable: "
            "log numbers, strings, booleans, None, arrays, or lists and dicts of them"
        )
    return text(written)


def _written(value: Any) -> str | None:
    """The text that stands for an object; None when none does."""
    if isinstance(value, complex):
        return str(value).strip("()")
    if hasattr(value, "total_seconds") and value == value:
        return _duration(value)
    if hasattr(value, "isoformat"):
        return _utc_by_letter(str(value.isoformat()))
    if isinstance(value, os.PathLike) or type(value).__module__ in MODULES_OF_TEXTS:
        return str(value)
    if callable(value):
        named = hasattr(value, "__qualname__") and hasattr(value, "__module__")
        return f"{value.__module__}.{value.__qualname__}" if named else str(value)
    return None


def _utc_by_letter(time: str) -> str:
    return f"{time.removesuffix('+00:00')}Z" if time.endswith("+00:00") else time


def _duration(value: Any) -> str:
    """A timedelta as ISO 8601 has it, in years of 365 days."""
    size = abs(value)
    years, days = divmod(size.days, 365)
    hours, seconds = divmod(size.seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    fraction = f".{size.microseconds:06}".rstrip("0") if size.microseconds else ""
    date = "".join(f"{count}{unit}" for count, unit in ((years, "Y"), (days, "D")) if count)
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    if seconds or fraction:
        time += f"{seconds}{fraction}S"
    if not date and not time:
        time = "0S"
    return f"{'-' if value.days < 0 else ''}P{date}{'T' if time else ''}{time}"
