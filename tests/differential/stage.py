"""What the scripts play on: one client or the other, a place for what they observe, and the list of their scenes.

This module and the scripts run in the environment that has wandb installed, under either client, and import nothing else of
the tests.
"""

import importlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CLIENT = os.environ["DIFFERENTIAL_CLIENT"]
TIMES = ("_runtime", "_timestamp")
NOTES = Path(os.environ["DIFFERENTIAL_NOTES"])

wandb: Any = importlib.import_module(CLIENT)
"""The client that plays: ``import wandb``, or ``import runwell as wandb``."""

Scene = Callable[[], None]

SCENES: dict[str, Scene] = {}
ALONE: set[str] = set()
"""Scenes that need a process of their own, since they end it or change what a client reads once."""


def scene(play: Scene) -> Scene:
    """Adds a scene to the script."""
    SCENES[play.__name__] = play
    return play


def scene_alone(play: Scene) -> Scene:
    """Adds a scene that is played in a process of its own."""
    ALONE.add(play.__name__)
    return scene(play)


def start(run_id: str, **arguments: Any) -> Any:
    """``init`` with what every scene has in common."""
    return wandb.init(**{"project": "differential", "id": run_id, **arguments})


def note(what: str, value: Any) -> None:
    """Keeps an observation of this scene. It is on disk when this returns, since the process may end at any time."""
    with NOTES.open("a") as file:
        file.write(json.dumps([what, plain(value)]) + "\n")


def note_raised(what: str, call: Callable[..., object], *arguments: Any) -> None:
    """Keeps what ``call`` raises: the class by its public name, or that it returns."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001  whatever a client raises is what is compared
        kinds = [kind for kind in ("UsageError", "Error") if isinstance(error, getattr(wandb, kind, ()))]
        note(what, [type(error).__name__, *kinds])
    else:
        note(what, "returns")


def plain(value: Any) -> Any:
    """The value as JSON; views of a summary become dicts, and what has no JSON form its class."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, Mapping) or hasattr(value, "keys"):
        return {str(key): plain(value[key]) for key in sorted(value.keys()) if key not in TIMES}
    if isinstance(value, tuple):
        return {"tuple": [plain(item) for item in value]}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return f"<{type(value).__name__}>"
