"""What is asked of a server about artifacts."""

import time
from typing import Any
from urllib.parse import quote

from runwell._api_http import HttpSource
from runwell._messages import warn
from runwell.core.artifacts.naming import Place
from runwell.errors import ServerUnreachableError, UsageError

WAIT_INTERVAL_S = 0.1
WAIT_INTERVAL_S_MAX = 1.0
FILES_PAGE = 100_000


class ArtifactServer:
    """Questions and wishes, over the HTTP API."""

    def __init__(self, base_url: str | None) -> None:
        self.source = HttpSource(base_url)

    def version(self, place: Place, wanted: str) -> dict[str, Any]:
        """A version's view. Raises NotFoundError."""
        found: dict[str, Any] = self.source.get(_path(place, wanted))
        return found

    def collection(self, place: Place) -> dict[str, Any]:
        """A collection's view, with its versions. Raises NotFoundError."""
        found: dict[str, Any] = self.source.get(_path(place))
        return found

    def collections(self, entity: str | None, project: str | None, kind: str | None = None) -> list[dict[str, Any]]:
        """Views of collections."""
        asked = {"entity": entity, "project": project, "type": kind}
        return list(self.source.get("artifacts", asked)["artifacts"])

    def of_run(self, run: tuple[str, str, str]) -> dict[str, list[dict[str, Any]]]:
        """What a run has logged and used."""
        found: dict[str, list[dict[str, Any]]] = self.source.get("runs/" + _joined(run) + "/artifacts")
        return found

    def files(self, place: Place, version: str) -> list[dict[str, Any]]:
        """All files of a version."""
        files: list[dict[str, Any]] = []
        while True:
            page = self.source.get(_path(place, version) + "/files", {"offset": len(files), "limit": FILES_PAGE})
            files += page["files"]
            if not page["files"] or len(files) >= page["total"]:
                return files

    def edit(self, place: Place, version: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Changes what is said of a version; its view afterwards."""
        found: dict[str, Any] = self.source.send("PATCH", _path(place, version), changes)
        return found

    def delete(self, place: Place, version: str, *, delete_aliases: bool) -> None:
        """Takes a version away."""
        self.source.send("DELETE", _path(place, version), {"delete_aliases": delete_aliases})

    def link(self, place: Place, version: str, target: Place, aliases: list[str]) -> dict[str, Any]:
        """Makes it a version of another collection too; the view of that."""
        content = {**target._asdict(), "aliases": aliases}
        found: dict[str, Any] = self.source.send("POST", _path(place, version) + "/link", content)
        return found

    def committed(self, entity: str, project: str, logged_id: str, timeout_s: float | None) -> dict[str, Any]:
        """The version that a logging has become, as soon as everything of it has arrived.

        Raises Error when it was refused, and TimeoutError.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        interval_s, warned = WAIT_INTERVAL_S, False
        told: dict[str, Any]
        while True:
            try:
                told = self.source.get("loggings/" + _joined((entity, project, logged_id)))
            except ServerUnreachableError as error:
                told = {"state": "pending", "reason": str(error)}
                if not warned:
                    warned = True
                    warn(f"{error}; waiting on")
            if told["state"] == "committed":
                found: dict[str, Any] = told["version"]
                return found
            if told["state"] == "refused":
                raise UsageError(f"the server refused the artifact: {told['reason']}")
            if deadline is not None and time.monotonic() + interval_s > deadline:
                raise TimeoutError(f"the artifact is not with the server after {timeout_s:g} s: {told['reason']}")
            time.sleep(interval_s)
            interval_s = min(interval_s * 1.5, WAIT_INTERVAL_S_MAX)


def _path(place: Place, version: str | None = None) -> str:
    return "artifacts/" + _joined(place if version is None else (*place, version))


def _joined(parts: tuple[str, ...]) -> str:
    return "/".join(quote(part, safe="", errors="replace") for part in parts)
