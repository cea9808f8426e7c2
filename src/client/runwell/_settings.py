"""The settings of a run, and the only place of the SDK that reads the environment."""

import functools
import json
import os
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from runwell._lane import WhenFull
from runwell._messages import set_silent
from runwell._root import DEFAULT_ROOT, root_directory
from runwell._segments import Durability
from runwell.core.names import usable
from runwell.errors import UsageError

SYSTEM_INTERVAL_S_MIN = 0.1

Mode = Literal["online", "offline", "disabled"]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": get_args(Mode),
    "durability": get_args(Durability),
    "when_full": get_args(WhenFull),
}


class Settings(NamedTuple):
    """How a run is kept and sent. Give them, or a dict of some, as ``init(settings=…)``."""

    dir: Path | None = None
    """The root directory; the spools are in its folder "spool". Default: RUNWELL_DIR, else ~/.runwell, or where nobody can
    write there a temporary directory, with a warning."""
    base_url: str | None = None
    """The server's HTTP address. Default: RUNWELL_BASE_URL, else that of `runwell up` on the same root directory."""
    entity: str | None = None
    """Default: RUNWELL_ENTITY, else the name of the operating system's user."""
    project: str | None = None
    """Default: RUNWELL_PROJECT, else the name of the Git repository, else "uncategorized"."""
    mode: Mode = "online"
    """"online", "offline" (nothing is sent before `runwell sync`) or "disabled" (nothing is kept). Default: RUNWELL_MODE."""
    shared: bool = False
    """Whether further processes write the same attempt of the run, as ``mode="shared"`` says besides "online"."""
    strict_steps: bool = True
    """Whether a row with a step that is over is hidden."""
    durability: Durability = "interval"
    """When rows survive a power loss: within a second ("interval"), or when ``log()`` returns ("always")."""
    when_full: WhenFull = "drop"
    """What ``log()`` does while the spool takes nothing: count the row and go on, wait ("block"), or raise SpoolFullError."""
    spool_bytes_max: int | None = None
    """Limit of the run's spool. Default: 20 GiB, or half of what is free when that is less."""
    finish_timeout_s: float = 20.0
    """How long ``finish()`` waits for the server to have everything; the rest is sent afterwards."""
    git: bool = True
    """Whether commit, branch, remote and uncommitted changes are recorded."""
    system_metrics: bool = True
    """Whether machine and process are looked at while the run goes on. Default: RUNWELL_SYSTEM_METRICS."""
    system_interval_s: float = 10.0
    """How long from one look to the next. Default: RUNWELL_SYSTEM_INTERVAL_S."""
    prometheus_metrics: Sequence[str] = ()
    """Globs such as "val/*": the metrics that Prometheus is shown. Default: RUNWELL_PROMETHEUS_METRICS, by comma, else the
    first 20 by name."""
    silent: bool = False
    """Whether nothing is written to standard error. Default: RUNWELL_SILENT."""

    @property
    def root(self) -> Path:
        """The root directory."""
        assert self.dir is not None
        return self.dir

    @property
    def spool_root(self) -> Path:
        """Where all writers of this root directory have their spools."""
        return self.root / "spool"


def resolve(given: "Settings | Mapping[str, Any] | None", arguments: Mapping[str, Any]) -> Settings:
    """Settings of one run: arguments of ``init`` before ``settings=`` before the environment. Raises UsageError."""
    environment = _from_environment()
    if isinstance(given, Settings):
        settings = given._replace(**{k: v for k, v in environment.items() if getattr(given, k) == _DEFAULTS[k]})
    else:
        given = _own_names(given or {})
        unknown = set(given) - set(_DEFAULTS)
        if unknown:
            raise UsageError(f"unknown settings {sorted(unknown)}; there are {', '.join(sorted(_DEFAULTS))}")
        settings = Settings(**(environment | given))
    settings = settings._replace(**{name: value for name, value in arguments.items() if value is not None})
    if str(settings.mode) == "shared":
        settings = settings._replace(mode="online", shared=True)
    _check(settings)
    set_silent(settings.silent)
    if settings.mode == "disabled":
        return settings._replace(dir=Path(os.path.expanduser(settings.dir or DEFAULT_ROOT)))
    root = root_directory(settings.dir)
    return settings._replace(dir=root, base_url=settings.base_url or _server_address(root))


def _own_names(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that wandb has under another name, under ours."""
    own = dict(given)
    if (interval_s := own.pop("x_stats_sampling_interval", None)) is not None:
        own.setdefault("system_interval_s", interval_s)
    for name in ("_disable_stats", "x_disable_stats"):
        if (disabled := own.pop(name, None)) is not None:
            own.setdefault("system_metrics", not disabled)
    return own


def user_name() -> str:
    """The operating system's name of the user, or "local"."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if name := os.environ.get(variable):
            return usable(name, "local")
    return _account_name(os.getuid())


@functools.cache
def _account_name(user_id: int) -> str:
    try:
        import pwd

        return usable(pwd.getpwuid(user_id).pw_name, "local")
    except (ImportError, KeyError):
        # A container may run under a number that no account has.
        return "local"


def _check(settings: Settings) -> None:
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise UsageError(f"{name} must be one of {', '.join(choices)}, not {getattr(settings, name)!r}")
    _check_observation(settings)
    timeout_s, bytes_max = settings.finish_timeout_s, settings.spool_bytes_max
    if not isinstance(timeout_s, int | float) or not timeout_s >= 0:
        raise UsageError(f"finish_timeout_s must be a number of seconds, 0 or more, not {timeout_s!r}")
    if bytes_max is not None and (not isinstance(bytes_max, int) or bytes_max < 1):
        raise UsageError(f"spool_bytes_max must be a number of bytes, 1 or more, not {bytes_max!r}")


def _check_observation(settings: Settings) -> None:
    interval_s, globs = settings.system_interval_s, settings.prometheus_metrics
    if not isinstance(interval_s, int | float) or not SYSTEM_INTERVAL_S_MIN <= interval_s < inf:
        raise UsageError(f"system_interval_s must be {SYSTEM_INTERVAL_S_MIN} seconds or more, not {interval_s!r}")
    if not isinstance(globs, list | tuple) or not all(isinstance(glob, str) for glob in globs):
        raise UsageError(f'prometheus_metrics must be a list of globs such as ["val/*"], not {globs!r}')


_DEFAULTS: Mapping[str, Any] = Settings._field_defaults


def _from_environment() -> dict[str, Any]:
    variables = {
        "dir": "RUNWELL_DIR",
        "base_url": "RUNWELL_BASE_URL",
        "entity": "RUNWELL_ENTITY",
        "project": "RUNWELL_PROJECT",
        "mode": "RUNWELL_MODE",
        "silent": "RUNWELL_SILENT",
        "system_metrics": "RUNWELL_SYSTEM_METRICS",
        "system_interval_s": "RUNWELL_SYSTEM_INTERVAL_S",
        "prometheus_metrics": "RUNWELL_PROMETHEUS_METRICS",
    }
    found: dict[str, Any] = {name: os.environ[key] for name, key in variables.items() if os.environ.get(key)}
    for name in found.keys() & {"silent", "system_metrics"}:
        found[name] = found[name].lower() not in ("0", "false", "no")
    if "system_interval_s" in found:
        try:
            found["system_interval_s"] = float(found["system_interval_s"])
        except ValueError:
            given = found["system_interval_s"]
            raise UsageError(f"RUNWELL_SYSTEM_INTERVAL_S must be a number of seconds, not {given!r}") from None
    if "prometheus_metrics" in found:
        found["prometheus_metrics"] = [glob for glob in found["prometheus_metrics"].split(",") if glob]
    return found


def _server_address(root: Path) -> str | None:
    """The address that `runwell up` wrote; None when it never ran here."""
    try:
        address = json.loads((root / "server" / "server.json").read_text())["http"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return address if isinstance(address, str) else None
