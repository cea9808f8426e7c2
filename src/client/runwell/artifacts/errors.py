"""What artifacts raise besides ``runwell.errors``."""

from runwell.errors import UsageError


class ArtifactNotLoggedError(UsageError):
    """The artifact has no version yet."""


class ArtifactFinalizedError(UsageError):
    """The artifact was logged, so that nothing can be added to it."""


class ArtifactNotFoundError(UsageError):
    """There is no such version, here or on the server."""
