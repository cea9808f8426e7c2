"""The settings of a run, from everywhere: files, environment, ``setup()``, ``settings=`` and arguments, in this order."""

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runwell._console import ConsoleMode
from runwell._lane import WhenFull
from runwell._messages import set_silent
from runwell._names import suggestion
from runwell._root import DEFAULT_ROOT, root_directory
from runwell._segments import Durability
from runwell._setting_fields import FALSE, FIELDS, MODE_ALIASES, OPPOSITES, OTHER_NAMES, Mode, means_nothing
from runwell.core.names import usable
from runwell.errors import UsageError

PROJECT_FILE = "runwell.toml"
USER_FILE = "runwell/settings.toml"
"""Under XDG_CONFIG_HOME, else ~/.config."""


class _Settings(NamedTuple):
    dir: Path | None = None
    """The root directory; the spools are in its folder "spool". Default: ~/.runwell, or where nobody can
    write there a temporary directory, with a warning."""
    base_url: str | None = None
    """The server's HTTP address. Default: that of `runwell up` on the same root directory."""
    entity: str | None = None
    """Default: the name of the operating system's user."""
    project: str | None = None
    """Default: the name of the Git repository, else "uncategorized"."""
    mode: Mode = "online"
    """"online", "offline" (nothing is sent before `runwell sync`) or "disabled" (nothing is kept)."""
    shared: bool = False
    """Whether further processes write the same attempt of the run, as ``mode="shared"`` says besides "online"."""
    run_id: str | None = None
    run_name: str | None = None
    run_group: str | None = None
    run_job_type: str | None = None
    run_notes: str | None = None
    run_tags: Sequence[str] | None = None
    """As the arguments of ``init`` of the same names."""
    resume: str | bool | None = None
    fork_from: str | None = None
    resume_from: str | None = None
    reinit: str | bool | None = None
    """As the arguments of ``init``."""
    config_paths: Sequence[str] = ()
    """Files with config values; see docs/python.md."""
    sweep_id: str | None = None
    """The sweep that the run is a trial of."""
    sweep_param_path: str | None = None
    """The file with the trial's parameters, which are locked in the config."""
    sweep_trial: int | None = None
    """The number of the trial; agents set it."""
    agent_disable_flapping: bool = False
    """Whether an agent goes on however many of its first trials fail."""
    agent_max_initial_failures: int = 5
    """An agent of which more trials than this failed and none ended well stops."""
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
    """Whether machine and process are looked at while the run goes on."""
    system_interval_s: float = 10.0
    """How long from one look to the next."""
    console: ConsoleMode = "auto"
    """Whether what the program writes to standard output and standard error is kept: "auto" and "wrap", or "off"."""
    prometheus_metrics: Sequence[str] = ()
    """Globs such as "val/*": the metrics that Prometheus is shown. Default: the first 20 by name."""
    silent: bool = False
    """Whether nothing is written to standard error."""
    quiet: bool = False
    """Whether only warnings are."""

    @property
    def root(self) -> Path:
        """The root directory."""
        assert self.dir is not None
        return self.dir

    @property
    def spool_root(self) -> Path:
        """Where all writers of this root directory have their spools."""
        return self.root / "spool"


_DEFAULTS: Mapping[str, Any] = _Settings._field_defaults
assert _DEFAULTS.keys() == FIELDS.keys(), "BUG: each setting has a default and a description"


class Settings(_Settings):
    """How a run is kept and sent. Give them, or a dict of some, as ``init(settings=…)``. Raises UsageError."""

    said: frozenset[str] = frozenset()
    """Which were given: also a default that is, comes before the environment."""

    def __new__(cls, **given: Any) -> "Settings":  # noqa: PYI034
        found = checked(given, "Settings")
        settings = super().__new__(cls, **found)
        settings.said = frozenset(found)
        return settings

    def __reduce__(self) -> tuple[Any, ...]:
        # A named tuple would be made again of values without names.
        return self._make, (tuple(self),)


_process: dict[str, Any] = {}


def set_process_settings(given: "Settings | Mapping[str, Any] | None") -> None:
    """What ``runwell.setup(settings=…)`` says, for all later runs of this process; None takes it back."""
    _process.clear()
    _process.update(_said(given, "setup(settings=…)"))


def resolve(given: "Settings | Mapping[str, Any] | None", arguments: Mapping[str, Any]) -> Settings:
    """Settings of one run: arguments of ``init`` before ``settings=`` before ``setup()`` before environment before files.

    Raises UsageError.
    """
    layers = (
        _from_files(),
        _from_environment(),
        _process,
        _said(given, "settings="),
        checked({name: value for name, value in arguments.items() if value is not None}, "init()"),
    )
    settings = Settings()._replace(**{name: value for layer in layers for name, value in layer.items()})
    if str(settings.mode) == "shared":
        settings = settings._replace(mode="online", shared=True)
    set_silent(settings.silent, quiet=settings.quiet)
    if settings.mode == "disabled":
        return settings._replace(dir=Path(os.path.expanduser(settings.dir or DEFAULT_ROOT)))
    root = root_directory(settings.dir)
    return settings._replace(dir=root, base_url=settings.base_url or _server_address(root))


def checked(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Settings by our names, each of its kind; None says nothing. Raises UsageError for others."""
    found = {}
    for name, value in given.items():
        own = OTHER_NAMES.get(name, OPPOSITES.get(name, name))
        if own not in FIELDS:
            if means_nothing(name):
                continue
            raise UsageError(
                f"unknown settings {name!r} in {where}{suggestion(name, FIELDS)}; there are {_all_names()}"
            )
        if value is None:
            continue
        if name in OPPOSITES:
            value = not value
        if own == "mode":
            value = MODE_ALIASES.get(value, value) if isinstance(value, str) else value
        if not FIELDS[own].fits(value):
            raise UsageError(f"{name} must be {FIELDS[own].wanted}, not {value!r:.80} (in {where})")
        found[own] = [value] if own in ("run_tags", "config_paths") and isinstance(value, str) else value
    return found


def _all_names() -> str:
    return ", ".join(sorted(FIELDS))


def _said(given: "Settings | Mapping[str, Any] | None", where: str) -> dict[str, Any]:
    if isinstance(given, Settings):
        return {
            name: value for name, value in given._asdict().items() if name in given.said or value != _DEFAULTS[name]
        }
    if given is not None and not isinstance(given, Mapping):
        raise UsageError(f"{where} takes runwell.Settings or a dict, not {type(given).__name__}")
    return checked(given or {}, where)


# ---- Environment


def _from_environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in FIELDS.items():
        for variable in field.variables:
            text = os.environ.get(variable)
            if text:
                found[name] = _read(name, variable, text)
                break
    if "dir" in found and not os.environ.get("RUNWELL_DIR"):
        # That is where wandb makes its own folder; so do we.
        found["dir"] = os.path.join(found["dir"], "runwell")
    if "base_url" in found and not os.environ.get("RUNWELL_BASE_URL") and "wandb.ai" in found["base_url"]:
        del found["base_url"]
    if "mode" not in found and os.environ.get("WANDB_DISABLED", "").lower() not in FALSE:
        found["mode"] = "disabled"
    if "git" not in found and os.environ.get("WANDB_DISABLE_GIT", "").lower() not in FALSE:
        found["git"] = False
    return found


def _read(name: str, variable: str, text: str) -> Any:
    try:
        value = FIELDS[name].read(text)
    except ValueError:
        raise UsageError(f"{variable} must be {FIELDS[name].wanted}, not {text!r:.80}") from None
    return checked({name: value}, variable)[name]


# ---- Files


def settings_files() -> list[Path]:
    """The user's file, then the project's: ``runwell.toml`` in the working directory, or above it up to a checkout's root."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    found = [Path(home, USER_FILE)] if os.path.isfile(f"{home}/{USER_FILE}") else []
    try:
        directory = os.getcwd()
    except OSError:
        return found
    while True:
        if os.path.isfile(f"{directory}/{PROJECT_FILE}"):
            return [*found, Path(directory, PROJECT_FILE)]
        parent = os.path.dirname(directory)
        if parent == directory or os.path.lexists(f"{directory}/.git"):
            return found
        directory = parent


def _from_files() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in settings_files():
        import tomllib

        try:
            said = tomllib.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise UsageError(f"the settings in {path} cannot be read: {error}") from None
        found |= checked(said, str(path))
    return found


# ---- What the machine says


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


def _server_address(root: Path) -> str | None:
    """The address that `runwell up` wrote; None when it never ran here."""
    try:
        address = json.loads((root / "server" / "server.json").read_text())["http"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return address if isinstance(address, str) else None
