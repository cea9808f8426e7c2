"""Questions to the views, answered from the SQLite file that is being served; read-only.

A ``Views`` belongs to one thread at a time. Each question is answered from one snapshot; a rebuilt file is noticed at
the next question. Before there are any views, every answer is empty.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from runwell.core import filters

RunView = dict[str, Any]
Row = dict[str, Any]


class Views:
    """Read-only queries over one data directory's views."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    @classmethod
    def open(cls, data_dir: Path) -> "Views":
        """The views of a server's data directory; the directory may be empty yet."""
        return cls(data_dir)

    def close(self) -> None:
        """May be called twice."""

    def __enter__(self) -> "Views":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def position(self) -> int:
        """Offset of the last batch of the log that the views include."""
        raise NotImplementedError

    def status(self) -> dict[str, Any]:
        """``{"log_id", "offset", "fold_version", "file", "bytes", "runs", "blocks", "rows", "poisoned": {"batches", "runs": [...]}}``."""
        raise NotImplementedError

    def projects(self) -> list[dict[str, Any]]:
        """``{"entity", "project", "runs", "running", "created_at", "updated_at"}`` each, the last updated first; without deleted runs."""
        raise NotImplementedError

    def runs(
        self,
        entity: str | None = None,
        project: str | None = None,
        where: filters.Expression | None = None,
        order: Sequence[filters.Order] = (),
        offset: int = 0,
        limit: int = 50,
        deleted: bool = False,
    ) -> tuple[int, list[RunView]]:
        """How many runs match, and ``limit`` of them from ``offset`` on; deleted ones only with ``deleted``."""
        raise NotImplementedError

    def run(self, entity: str, project: str, run_id: str) -> RunView | None:
        """A run's view, also of a deleted one; None when there is no such run."""
        raise NotImplementedError

    def history(
        self,
        entity: str,
        project: str,
        run_id: str,
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        masked: bool = False,
        all_attempts: bool = False,
        after: str | None = None,
        limit: int = 10_000,
    ) -> tuple[list[Row], str | None]:
        """Up to ``limit`` merged rows after the cursor, and the cursor for the next ones (None: there are no more).

        ``max_step`` is exclusive. With ``keys`` (as shown, with dots) a row is what the records that hold one of them
        say of them. A cursor stays valid while the run grows. Raises ValueError for a text that is no cursor.
        """
        raise NotImplementedError

    def series(
        self, entity: str, project: str, run_id: str, keys: Sequence[str], masked: bool = False
    ) -> dict[str, dict[str, list[Any]]]:
        """``{key: {"steps": [...], "times": [...], "values": [...]}}`` in history order; absent keys have empty lists."""
        raise NotImplementedError


def wait_for_log_end(data_dir: Path, timeout_s: float) -> bool:
    """Waits until the views include what the log held at the time of the call; False after ``timeout_s``."""
    raise NotImplementedError
