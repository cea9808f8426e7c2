"""Query parameters, each checked and bounded."""

from starlette.datastructures import QueryParams

from runwell.core.filters import Expression, FilterError, Order, parse, parse_order
from runwell.core.system import STREAMS
from runwell_dashboard.answers import RequestError

RUNS_LIMIT = 50
RUNS_LIMIT_MAX = 1_000
"""Runs of one answer; a larger limit is refused, the next page begins at an offset."""

ROWS_LIMIT = 1_000
ROWS_LIMIT_MAX = 10_000
"""Rows of one answer; a larger limit is refused, the next page begins at a cursor."""

COLUMN_ROWS_MAX = 100_000
COLUMN_VALUES_MAX = 2_000_000
"""Rows of one answer in binary columns, and about so many values: of rows with many keys there are fewer."""

KEYS_MAX = 1_000
"""Keys of one question."""

INTEGER_MAX = 2**63 - 1


def integer(parameters: QueryParams, name: str, default: int, least: int, most: int) -> int:
    """A whole number within bounds."""
    value = whole(parameters, name)
    if value is None:
        return default
    if not least <= value <= most:
        raise invalid(name, f"it is {value}, and must be {least} to {most}")
    return value


def whole(parameters: QueryParams, name: str) -> int | None:
    """A whole number of 64 bits, None when it is not given."""
    text = parameters.get(name)
    if not text:
        return None
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19) or abs(int(text)) > INTEGER_MAX:
        raise invalid(name, f"{text[:40]!r} is not a whole number")
    return int(text)


def flag(parameters: QueryParams, name: str, default: bool = False) -> bool:
    """A switch: 1 and true, or 0 and false."""
    text = parameters.get(name)
    if text is None or text == "":
        return default
    if text.lower() not in ("0", "1", "true", "false"):
        raise invalid(name, f"{text[:40]!r} is neither 0 nor 1")
    return text.lower() in ("1", "true")


def keys(parameters: QueryParams) -> list[str] | None:
    """Keys from ``keys=a,b`` and from each ``key=``, which may contain commas; None when none is given."""
    given = [key for text in parameters.getlist("keys") for key in text.split(",") if key]
    given += parameters.getlist("key")
    if len(given) > KEYS_MAX:
        raise invalid("key", f"{len(given)} keys are more than {KEYS_MAX}")
    return list(dict.fromkeys(given)) or None


def stream(parameters: QueryParams) -> str:
    """Which of a run's histories: what it logged, or samples of its machines and processes."""
    name = parameters.get("stream") or STREAMS[0]
    if name not in STREAMS:
        raise invalid("stream", f"{name[:40]!r} is none of {', '.join(STREAMS)}")
    return name


def where(parameters: QueryParams) -> Expression | None:
    """The filter."""
    text = parameters.get("filter", "")
    try:
        return parse(text) if text.strip() else None
    except FilterError as error:
        raise RequestError(400, "invalid_filter", str(error)) from None


def order(parameters: QueryParams) -> tuple[Order, ...]:
    """The order of runs."""
    try:
        return parse_order(parameters.get("order", ""))
    except FilterError as error:
        raise RequestError(400, "invalid_order", str(error)) from None


def invalid(name: str, problem: str) -> RequestError:
    """The error for a parameter that cannot be understood."""
    return RequestError(400, "invalid_parameter", f"parameter {name}: {problem}")
