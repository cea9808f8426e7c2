"""The lane of a run that is switched off: it keeps last values in memory and nothing else."""

from collections.abc import Mapping
from typing import Any

from runwell._values import convert_row
from runwell.core import keys
from runwell.media.values import Media


class DisabledLane:
    """Does as a lane does, without a writer."""

    def __init__(self) -> None:
        self._leaves: dict[str, Any] = {}

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Keeps the last values. Raises TypeError where an enabled run would."""
        leaves = convert_row(data).leaves
        self.set_summary({path: value for path, value in leaves.items() if value is not None}, [])

    def put_event(self, kind: str, fields: dict[str, Any]) -> None:
        """Nothing."""

    def define_metric(self, name: str, fields: Mapping[str, Any], *, overwrite: bool) -> None:
        """Nothing: the summary has last values alone."""

    def set_summary(self, leaves: Mapping[str, Any], removed: list[str]) -> None:
        """As a lane."""
        for path in removed:
            below = path + keys.PATH_SEPARATOR
            for leaf in [leaf for leaf in self._leaves if leaf == path or leaf.startswith(below)]:
                del self._leaves[leaf]
        for path, value in leaves.items():
            self._leaves.pop(path, None)
            if not isinstance(value, Media):
                self._leaves[path] = value

    def last_row(self) -> tuple[int, float] | None:
        """None: rows are not kept."""
        return None

    def summary_leaves(self) -> dict[str, Any]:
        """As a lane."""
        return dict(self._leaves)
