"""Calls of wandb's that scripts make besides logging: accounts, messages, attaching; and what has no meaning here."""

from collections.abc import Mapping
from typing import Any

from runwell import _messages, _session
from runwell._init import init
from runwell._run import Run
from runwell.errors import UsageError

patched: dict[str, list[Any]] = {"tensorboard": [], "keras": [], "gym": []}
"""What was patched of other libraries: nothing is."""

INAPPLICABLE = frozenset({"launch", "launch_add", "LaunchAgent", "Registry", "create_and_run_agent"})
"""Parts of the hosted service."""

_said: set[str] = set()


def login(*arguments: Any, **named: Any) -> bool:
    """True: a server of your own has no accounts. Takes what wandb's takes."""
    return True


def require(requirement: str | list[str] | None = None, experiment: Any = None) -> None:
    """Nothing: what wandb's asks for is always so."""


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """A line on standard error; with ``repeat=False`` once."""
    if _first(string, repeat):
        _messages.say(string)


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """A line that asks for attention; with ``repeat=False`` once."""
    if _first(string, repeat):
        _messages.warn(string)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """A line about something that failed; with ``repeat=False`` once."""
    if _first(string, repeat):
        _messages.warn(f"error: {string}")


def attach(attach_id: str | None = None, run_id: str | None = None) -> Run:
    """The run that another process has open, by its ``_attach_id``: itself in that process, a further writer elsewhere."""
    labels = (attach_id or run_id or "").split("/")
    if not all(labels):
        raise UsageError("say which run to attach to: run._attach_id of the process that has it open")
    for run in _session.open_runs():
        if run.path.split("/")[-len(labels) :] == labels:
            return run
    entity, project, own = [None, None, *labels][-3:]
    return init(entity=entity, project=project, id=own, mode="shared")


def inapplicable(name: str) -> Any:
    """Stands for a part of the hosted service: says once, when it is called, that it does nothing."""

    def call(*arguments: Any, **named: Any) -> None:
        termwarn(f"{name} is a part of wandb's hosted service and does nothing here", repeat=False)

    return call


def parse_config(params: Any, exclude: Any = None, include: Any = None) -> dict[str, Any]:
    """The entries of a config: of ``include`` alone, or without those of ``exclude``."""
    from runwell._config_sources import entries_of

    if exclude and include:
        raise UsageError("Expected at most only one of exclude or include")
    entries: Mapping[str, Any] = entries_of(params)
    if include:
        return {key: value for key, value in entries.items() if key in include}
    return {key: value for key, value in entries.items() if key not in (exclude or ())}


def _first(text: str, repeat: bool) -> bool:
    if not repeat and text in _said:
        return False
    _said.add(text)
    return True
