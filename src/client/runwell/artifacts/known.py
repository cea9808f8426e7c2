"""Versions that were used on this machine, so that they are found again without a server."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from runwell._disk import percent_quoted
from runwell.core.artifacts.naming import Place


class KnownVersions:
    """A small file for each name by which a version was asked for."""

    def __init__(self, root: Path) -> None:
        self._directory = root / "cache" / "versions"

    def remember(self, place: Place, wanted: str, view: dict[str, Any]) -> None:
        """What a server said; where it cannot be kept, it is not."""
        with contextlib.suppress(OSError):
            for name in (wanted, str(view["version"])):
                path = self._path(place, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                aside = path.with_name(f".{os.getpid()}-{os.urandom(4).hex()}")
                aside.write_text(json.dumps(view))
                aside.rename(path)

    def recall(self, place: Place, wanted: str) -> dict[str, Any] | None:
        """What was said last; None when it was never asked for."""
        try:
            view: dict[str, Any] = json.loads(self._path(place, wanted).read_text())
        except (OSError, ValueError):
            return None
        return view

    def _path(self, place: Place, wanted: str) -> Path:
        folder = self._directory.joinpath(*(percent_quoted(part).replace(".", "%2E") for part in place))
        return folder / f"{percent_quoted(wanted)[:150]}.json"
