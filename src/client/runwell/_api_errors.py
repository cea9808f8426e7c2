"""What ``runwell.Api`` raises besides ServerUnreachableError."""

from runwell.errors import Error


class ApiError(Error):
    """Reading failed; the message says what to do."""


class NotFoundError(ApiError):
    """There is no such run."""


class RequestRefusedError(ApiError):
    """The question cannot be right, such as a filter that is not understood."""
