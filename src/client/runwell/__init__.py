"""Runwell, an experiment tracker: every run is a stream of events, kept.

import runwell

with runwell.init(project="mnist", config={"lr": 0.01}) as run:
    for loss in train():
        run.log({"loss": loss})
"""

from collections.abc import Callable, Mapping
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
    ConfigError,
    Error,
    RowTooLargeError,
    ServerUnreachableError,
    SpoolFullError,
    UsageError,
)

if TYPE_CHECKING:
    from runwell._api import Api as Api
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


def __getattr__(name: str) -> Any:
    # Reading is not what a training process imports this package for.
    if name == "Api":
        from runwell._api import Api

        return Api
    if name in ("sweep", "agent"):
        from runwell import sweeps

        return getattr(sweeps, name)
    raise AttributeError(f"module 'runwell' has no attribute {name!r}")


__all__ = [
    "AlertLevel",
    "Api",
    "Config",
    "ConfigError",
    "Error",
    "Metric",
    "RowTooLargeError",
    "Run",
    "ServerUnreachableError",
    "Settings",
    "SpoolFullError",
    "UsageError",
    "__version__",
    "agent",
    "alert",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "mark_preempting",
    "run",
    "setup",
    "summary",
    "sweep",
    "teardown",
]
