"""Runs that are changed after their end: what was assigned, and how it is sent, listed, taken back and undone."""

import copy
import getpass
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from runwell._api_errors import RequestRefusedError
from runwell._api_source import RunName, Source
from runwell._scalars import RefusedError
from runwell._values import convert_config_value, convert_leaves
from runwell.core.keys import PATH_SEPARATOR, join, shown

if TYPE_CHECKING:
    from runwell._api_http import HttpSource

TEXTS = ("name", "notes", "group")


class RunSummary(dict[str, Any]):
    """A summary or config: a dict whose nested values can also be reached by their name with dots."""

    def __missing__(self, key: str) -> Any:
        labels = key.split(".")
        for cut in range(len(labels) - 1, 0, -1):
            head = ".".join(labels[:cut])
            nested = self.get(head)
            if isinstance(nested, Mapping):
                try:
                    return RunSummary(nested)[".".join(labels[cut:])]
                except KeyError:
                    continue
        raise KeyError(key)


class SentSummary(RunSummary):
    """A summary whose ``update`` also sends what was changed, as that of wandb's API does."""

    def __init__(self, values: Mapping[str, Any], send: Callable[[], Any]) -> None:
        super().__init__(values)
        self._send = send

    def update(self, values: Any = (), /, **more: Any) -> None:
        """Sets values, and sends everything that was changed of the run."""
        super().update(values, **more)
        self._send()


class EditedRun:
    """The part of ``runwell.Api``'s runs that can be changed."""

    def __init__(self, source: Source, view: dict[str, Any]) -> None:
        self._source = source
        self._read(view)

    def _read(self, view: dict[str, Any]) -> None:
        self._view = view
        self._texts: dict[str, Any] = {}
        self._tags = list(view["tags"])
        self._config: RunSummary | None = None
        self._summary: SentSummary | None = None

    @property
    def name(self) -> str:
        """The name that people see; not unique."""
        return self._text("name") or str(self._view["run_id"])

    @name.setter
    def name(self, value: str) -> None:
        self._texts["name"] = value

    display_name = name

    @property
    def notes(self) -> str | None:
        """The notes."""
        return self._text("notes") or None

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._texts["notes"] = value or ""

    @property
    def group(self) -> str | None:
        """The group."""
        return self._text("group") or None

    @group.setter
    def group(self, value: str | None) -> None:
        self._texts["group"] = value or ""

    @property
    def tags(self) -> list[str]:
        """The tags: a list to assign or to change."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._tags = [value] if isinstance(value, str) else list(value)

    @property
    def config(self) -> RunSummary:
        """The configuration."""
        if self._config is None:
            self._config = RunSummary(copy.deepcopy(self._view["config"]))
        return self._config

    @config.setter
    def config(self, values: Mapping[str, Any]) -> None:
        self._config = RunSummary(values)

    @property
    def summary(self) -> RunSummary:
        """The summary values; see also ``summary_metrics``, wandb's name for the same."""
        if self._summary is None:
            self._summary = SentSummary(copy.deepcopy(self._view["summary"]), self.update)
        return self._summary

    @summary.setter
    def summary(self, values: Mapping[str, Any]) -> None:
        self._summary = SentSummary(values, self.update)

    summary_metrics = summary

    @property
    def deleted(self) -> bool:
        """Whether lists leave it out."""
        return bool(self._view["deleted"])

    def update(self) -> Self:
        """Sends what was changed as one edit, and reads the run again.

        Raises RequestRefusedError when it is no possible value, when the run is deleted, and when somebody else has changed
        the same since the run was read: nothing is changed then.
        """
        said = self._said()
        if said:
            self._send("PATCH", "", said | {"seen": self._view.get("edited_at")})
        return self

    save = update

    def delete(self, delete_artifacts: bool = False) -> None:
        """Hides the run from every list. Nothing of it is removed: ``restore()`` shows it again. Its artifacts stay."""
        self._send("DELETE", "", {})

    def restore(self) -> Self:
        """Shows a deleted run again."""
        self._send("POST", "/restore", {})
        return self

    def changes(self) -> list[dict[str, Any]]:
        """What people have changed, the first one first: dicts of id, time, by, changed, undoes and undone."""
        return list(self._server().get(self._address() + "/edits")["edits"])

    def undo(self, change: str | None = None) -> Self:
        """Takes back a change, named by its id or the beginning of it, or the latest one that stands.

        What was there without it is there again. Raises RequestRefusedError when there is no such change.
        """
        standing = [each for each in self.changes() if not each["undone"]]
        if change is None:
            found = [each for each in standing if not each["undoes"]][-1:]
        else:
            found = [each for each in self.changes() if each["id"].startswith(change)]
        if len(found) != 1:
            what = "one change" if change is None else f"one change {change!r}"
            raise RequestRefusedError(f"there is not exactly {what} of {self._run_name}; `runwell show RUN --changes`")
        self._send("POST", "/undo", {"undoes": found[0]["id"]})
        return self

    @property
    def _run_name(self) -> RunName:
        return RunName(*(str(self._view[name]) for name in ("entity", "project", "run_id")))

    def _text(self, name: str) -> str:
        return str(self._texts[name] if name in self._texts else self._view[name])

    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = {name: value for name, value in self._texts.items() if value != self._view[name]}
        if self._tags != self._view["tags"]:
            said["tags"] = self._tags
        if self._config is not None:
            changed, removed = _differences(self._view["config"], self._config)
            values = {key: _config_value(key, value) for key, value in changed.items()}
            said |= _section("config", values, [(key,) for key in removed])
        if self._summary is not None:
            values = {}
            for labels, value in _changed_leaves(self._view["summary"], self._summary):
                values |= _summary_leaves(labels, value)
            gone = list(_removed_leaves(self._view["summary"], self._summary))
            said |= _section("summary", values, gone)
        return said

    def _send(self, method: str, below: str, content: dict[str, Any]) -> None:
        own = {"by": _who(), "id": os.urandom(16).hex()}
        self._read(self._server().send(method, self._address() + below, content | own))

    def _address(self) -> str:
        from runwell._api_http import run_path

        return run_path(self._run_name)

    def _server(self) -> "HttpSource":
        from runwell._api_http import HttpSource

        if not isinstance(self._source, HttpSource):
            raise RequestRefusedError("runs are changed on a server: send the spools with `runwell sync` first")
        return self._source


def _section(name: str, values: Mapping[str, Any], removed: Iterable[Iterable[str]]) -> dict[str, Any]:
    said: dict[str, Any] = {name: values} if values else {}
    paths = [join(labels) for labels in removed]
    return said | ({f"{name}_removed": paths} if paths else {})


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What is new or different, and what is gone. 1, 1.0 and True differ; NaN and NaN do not."""
    for key in after:
        if not isinstance(key, str):
            raise RequestRefusedError(f"keys must be strings, and {key!r:.80} is of type {type(key).__name__}")
    changed = {key: value for key, value in after.items() if key not in before or not _same(before[key], value)}
    return changed, [key for key in before if key not in after]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return one is other or (type(one) is type(other) and repr(one) == repr(other))


def _changed_leaves(
    before: Mapping[str, Any], after: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterable[tuple[tuple[str, ...], Any]]:
    for key, value in _differences(before, after)[0].items():
        held = before.get(key, ())
        if isinstance(held, Mapping) and _branches(held) and _branches(value):
            yield from _changed_leaves(held, value, (*above, key))
        else:
            yield (*above, key), value


def _removed_leaves(
    before: Mapping[str, Any], after: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterable[tuple[str, ...]]:
    for key, value in before.items():
        if key not in after:
            yield (*above, key)
        elif _branches(value) and _branches(after[key]):
            yield from _removed_leaves(value, after[key], (*above, key))


def _branches(value: Any) -> bool:
    return isinstance(value, Mapping) and "_type" not in value


def _config_value(key: str, value: Any) -> Any:
    try:
        return convert_config_value(value)
    except TypeError:
        return str(value)
    except RefusedError as refused:
        raise RequestRefusedError(f"config {key!r} {refused}") from None


def _summary_leaves(labels: tuple[str, ...], value: Any) -> dict[str, Any]:
    """What is sent under a path: nested values stay nested, since they replace what was there."""
    path = join(labels)
    row = convert_leaves(path, value)
    for refused, reason in row.problems.items():
        raise RequestRefusedError(f"summary {shown(refused)[:100]!r} {reason}")
    if row.media:
        raise RequestRefusedError(
            f"summary {shown(path)[:100]!r} is a media value, which only a running program can log"
        )
    if list(row.leaves) == [path]:
        return row.leaves
    tree: dict[str, Any] = {}
    for leaf, found in row.leaves.items():
        *branches, label = leaf.removeprefix(path + PATH_SEPARATOR).split(PATH_SEPARATOR)
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[label] = found
    return {path: tree}


def _who() -> str:
    """Who makes a change, as far as this machine knows."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"[:200]
    except (OSError, KeyError, ImportError):
        return socket.gethostname()[:200]
