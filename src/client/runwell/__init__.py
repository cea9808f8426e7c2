"""Runwell, an experiment tracker: every run is a stream of events, kept.

import runwell

with runwell.init(project="mnist", config={"lr": 0.01}) as run:
    for loss in train():
        run.log({"loss": loss})
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from runwell import _session
from runwell._alert import AlertLevel
from runwell._config import Config
from runwell._init import init
from runwell._rows import LogCall
from runwell._run import Run
from runwell._settings import Settings, set_process_settings
from runwell._summary import SummaryView
from runwell._version import VERSION
from runwell.core.metrics import Metric
from runwell.errors import (
    CommError,
    ConfigError,
    Error,
    RowTooLargeError,
    ServerUnreachableError,
    SpoolFullError,
    UsageError,
)

if TYPE_CHECKING:
    from runwell import plot as plot
    from runwell._api import Api as Api
    from runwell.artifacts.artifact import Artifact as Artifact
    from runwell.media.documents import Html as Html
    from runwell.media.documents import Molecule as Molecule
    from runwell.media.documents import Object3D as Object3D
    from runwell.media.documents import Plotly as Plotly
    from runwell.media.histogram import Histogram as Histogram
    from runwell.media.image import Image as Image
    from runwell.media.image_layers import Classes as Classes
    from runwell.media.sound import Audio as Audio
    from runwell.media.table import Table as Table
    from runwell.media.video import Video as Video
    from runwell.plot import plot_table as plot_table
    from runwell.plot import visualize as visualize
    from runwell.sweeps import agent as agent
    from runwell.sweeps import sweep as sweep

__version__ = VERSION

run: Run | None = None
"""The current run; None when none is open."""

log: LogCall = _session.NotStarted("log")
"""``log`` of the current run."""

config: Config = _session.NotStarted("config")  # type: ignore[assignment]
"""``config`` of the current run."""

summary: SummaryView = _session.NotStarted("summary")  # type: ignore[assignment]
"""``summary`` of the current run."""

define_metric: Callable[..., Metric] = _session.NotStarted("define_metric")
"""``define_metric`` of the current run."""

watch: Callable[..., None] = _session.NotStarted("watch")
"""``watch`` of the current run."""

unwatch: Callable[..., None] = _session.NotStarted("unwatch")
"""``unwatch`` of the current run."""

mark_preempting: Callable[[], None] = _session.NotStarted("mark_preempting")
"""``mark_preempting`` of the current run."""


alert: Callable[..., None] = _session.NotStarted("alert")
"""``alert`` of the current run."""


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """Ends the current run; without one it does nothing."""
    if run is not None:
        run.finish(exit_code, quiet)


def setup(settings: Settings | Mapping[str, Any] | None = None) -> None:
    """Settings for all runs that this process starts from here on; without any, those of an earlier call are taken back.

    They come before files and environment, and after ``init(settings=…)``. Raises UsageError.
    """
    set_process_settings(settings)


def teardown(exit_code: int | None = None) -> None:
    """Ends all runs of this process."""
    for each in _session.open_runs():
        each.finish(exit_code)


_LAZY = {
    "Api": "_api",
    "apis": "",
    "env": "",
    "sdk": "",
    "wandb_run": "",
    "helper": "",
    "util": "",
    "data_types": "",
    "integration": "",
    "login": "_familiar",
    "patched": "_familiar",
    "require": "_familiar",
    "termerror": "_familiar",
    "termlog": "_familiar",
    "termwarn": "_familiar",
    "Artifact": "artifacts.artifact",
    "Audio": "media.sound",
    "Classes": "media.image_layers",
    "Histogram": "media.histogram",
    "Html": "media.documents",
    "Image": "media.image",
    "Molecule": "media.documents",
    "Object3D": "media.documents",
    "Plotly": "media.documents",
    "Table": "media.table",
    "Video": "media.video",
    "plot": "",
    "agent": "sweeps",
    "plot_table": "plot",
    "sweep": "sweeps",
    "visualize": "plot",
}
"""What a training process may not need, and the module that it comes from; imported when it is first asked for."""

_OF_RUNS = frozenset(
    {
        "finish_artifact",
        "link_artifact",
        "link_model",
        "log_artifact",
        "log_code",
        "log_model",
        "restore",
        "save",
        "upsert_artifact",
        "use_artifact",
        "use_model",
    }
)
"""Calls of the current run's."""


def __getattr__(name: str) -> Any:
    if name in _OF_RUNS:
        return _session.NotStarted(name) if run is None else getattr(run, name)
    if name == "_attach":
        return import_module("runwell._familiar").attach
    if name not in _LAZY:
        familiar = import_module("runwell._familiar")
        if name in familiar.INAPPLICABLE:
            return familiar.inapplicable(name)
        raise AttributeError(f"module 'runwell' has no attribute {name!r}")
    module = _LAZY[name]
    found = import_module(f"runwell.{module or name}")
    # From then on it is an attribute like any other.
    globals()[name] = found if not module else getattr(found, name)
    return globals()[name]


__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "Audio",
    "Classes",
    "CommError",
    "Config",
    "ConfigError",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Metric",
    "Molecule",
    "Object3D",
    "Plotly",
    "RowTooLargeError",
    "Run",
    "ServerUnreachableError",
    "Settings",
    "SpoolFullError",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "agent",
    "alert",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "mark_preempting",
    "plot",
    "plot_table",
    "run",
    "setup",
    "summary",
    "sweep",
    "teardown",
    "unwatch",
    "visualize",
    "watch",
]
