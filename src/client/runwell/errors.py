"""What Runwell raises. Everything derives from ``Error``."""


class Error(Exception):
    """Base of Runwell's errors."""


class UsageError(Error):
    """The call cannot be right, now or later; the message says what to do instead."""


class ConfigError(Error):
    """A config value would change, or be too large, without permission."""


class RowTooLargeError(UsageError):
    """A row that ``log()`` cannot take whole. Nothing of it was written and the step did not advance."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(
            f"the row has {size:,} {what}, and the limit is {limit:,}: log it in several calls with the same step="
        )
        self.size = size
        self.limit = limit


class CommError(Error):
    """wandb's name for what goes wrong between client and server."""


class ServerUnreachableError(CommError):
    """``resume`` needs the server's word, and none came."""


class SpoolFullError(Error):
    """The spool cannot take the row, and ``spool_full="raise"`` was asked for."""
