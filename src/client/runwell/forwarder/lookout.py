"""Notices spools as they appear."""

from collections.abc import Sequence
from pathlib import Path

from runwell.forwarder.disk import Disk
from runwell.forwarder.spools import SpoolProblem, WriterSpool, names_of_spools, open_spool

PROBLEM_INTERVAL_S = 10.0
"""What could not be read is tried again this often: a directory may become readable, a header be repaired."""


class Lookout:
    """``places`` are directories that hold spools, ``spools`` are some themselves. Offline runs are passed over unless asked for.

    ``problems`` has what is there and cannot be read, by directory.
    """

    def __init__(
        self, disk: Disk, places: Sequence[Path], spools: Sequence[Path] = (), *, offline: bool = True
    ) -> None:
        self.problems: dict[Path, SpoolProblem] = {}
        self._disk = disk
        self._places = places
        self._spools = spools
        self._offline = offline
        self._known: set[Path] = set()
        self._problems_tried_at = float("-inf")

    def look(self, now: float) -> list[WriterSpool]:
        """The spools that were not there, or not readable, when last looked."""
        if now - self._problems_tried_at >= PROBLEM_INTERVAL_S:
            self._problems_tried_at = now
            self._known -= self.problems.keys()
            self.problems.clear()
        directories = [*self._spools, *(directory for place in self._places for directory in self._entries(place))]
        return [spool for directory in directories if (spool := self._open(directory)) is not None]

    def forget(self, directory: Path) -> None:
        """The spool was removed."""
        self._known.discard(directory)

    def _entries(self, place: Path) -> list[Path]:
        try:
            return [place / name for name in names_of_spools(self._disk, place)]
        except OSError as error:
            self.problems[place] = SpoolProblem(place, f"{place} cannot be listed: {error.strerror}")
            return []

    def _open(self, directory: Path) -> WriterSpool | None:
        if directory in self._known:
            return None
        opened = open_spool(self._disk, directory)
        if opened is None:
            return None
        self._known.add(directory)
        if isinstance(opened, SpoolProblem):
            self.problems[directory] = opened
            return None
        return None if opened.offline and not self._offline else opened
