"""What to send where."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runwell.forwarder.address import server_address

SPOOLS_NAME = "spool"

PATIENCE_S = 30.0
"""In the foreground: without any progress for this long, it is told what is missing and why."""


@dataclass(frozen=True, slots=True)
class Errand:
    """``places`` hold spools, ``spools`` are some themselves. ``root`` is where a local server announces itself.

    ``follow``: goes on while writers live and for a minute after; else ends when all that is there is sent,
    or nothing was for ``patience_s``.
    """

    places: tuple[Path, ...]
    spools: tuple[Path, ...]
    base_url: str
    root: Path
    follow: bool
    patience_s: float = PATIENCE_S


def errand(paths: Sequence[Path], base_url: str | None, default_root: Path, *, follow: bool) -> Errand:
    """Understands each path as a root directory, a directory of spools, or a spool.

    Raises ServerUnreachableError when no server is known.
    """
    places: list[Path] = []
    spools: list[Path] = []
    root = default_root
    for path in (path.absolute() for path in reversed(paths)):
        if any(path.glob("*.seg")):
            spools.append(path)
            nearest = path.parent.parent
        elif (path / SPOOLS_NAME).is_dir() or (path / "server").is_dir():
            places.append(path / SPOOLS_NAME)
            nearest = path
        else:
            places.append(path)
            nearest = path.parent
        if (nearest / "server" / "server.json").exists():
            root = nearest
    return Errand(tuple(places), tuple(spools), server_address(base_url, root), root, follow)
