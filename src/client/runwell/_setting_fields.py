"""Every setting: what it takes, how text is read, and the environment variables that give it, the first that is set."""

import os
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Literal, NamedTuple, get_args

from runwell._console import ConsoleMode
from runwell._lane import WhenFull
from runwell._segments import Durability

Mode = Literal["online", "offline", "disabled"]

MODE_ALIASES: Mapping[str, str] = {"dryrun": "offline", "run": "online"}
"""wandb's older names."""

SYSTEM_INTERVAL_S_MIN = 0.1

TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})


class Field(NamedTuple):
    """One setting."""

    wanted: str
    """What it must be, for messages."""
    fits: Callable[[Any], bool]
    read: Callable[[str], Any]
    """From text; raises ValueError."""
    variables: tuple[str, ...]


def _flag(text: str) -> bool:
    if text.lower() not in TRUE | FALSE:
        raise ValueError(text)
    return text.lower() in TRUE


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value)


def _flags(*variables: str) -> Field:
    return Field("True or False", lambda value: isinstance(value, bool), _flag, variables)


def _texts(*variables: str) -> Field:
    return Field("a string", lambda value: isinstance(value, str), str, variables)


def _lists(*variables: str) -> Field:
    return Field("a list of strings", lambda value: isinstance(value, str) or _is_list(value), _list, variables)


def _choices(choices: Sequence[str], *variables: str) -> Field:
    wanted = f"one of {', '.join(choices)}"
    return Field(wanted, lambda value: isinstance(value, str) and value in choices, str, variables)


def _paths(*variables: str) -> Field:
    return Field("a path", lambda value: isinstance(value, str | os.PathLike), str, variables)


def _counts(*variables: str) -> Field:
    return Field(
        "a whole number, 1 or more",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
        int,
        variables,
    )


FIELDS: Mapping[str, Field] = {
    "dir": _paths("RUNWELL_DIR", "WANDB_DIR"),
    "base_url": _texts("RUNWELL_BASE_URL", "WANDB_BASE_URL"),
    "entity": _texts("RUNWELL_ENTITY", "WANDB_ENTITY"),
    "project": _texts("RUNWELL_PROJECT", "WANDB_PROJECT"),
    "mode": _choices((*get_args(Mode), "shared"), "RUNWELL_MODE", "WANDB_MODE"),
    "shared": _flags("RUNWELL_SHARED"),
    "run_id": _texts("RUNWELL_RUN_ID", "WANDB_RUN_ID"),
    "run_name": _texts("RUNWELL_NAME", "WANDB_NAME"),
    "run_group": _texts("RUNWELL_RUN_GROUP", "WANDB_RUN_GROUP"),
    "run_job_type": _texts("RUNWELL_JOB_TYPE", "WANDB_JOB_TYPE"),
    "run_notes": _texts("RUNWELL_NOTES", "WANDB_NOTES"),
    "run_tags": _lists("RUNWELL_TAGS", "WANDB_TAGS"),
    "resume": Field(
        "one of must, allow, never, auto, True, False",
        lambda value: isinstance(value, bool) or value in ("must", "allow", "never", "auto"),
        lambda text: {"true": "auto", "false": False}.get(text.lower(), text.lower()),
        ("RUNWELL_RESUME", "WANDB_RESUME"),
    ),
    "fork_from": _texts("RUNWELL_FORK_FROM", "WANDB_FORK_FROM"),
    "resume_from": _texts("RUNWELL_RESUME_FROM", "WANDB_RESUME_FROM"),
    "reinit": Field(
        "one of default, return_previous, finish_previous, create_new, True, False",
        lambda value: (
            isinstance(value, bool) or value in ("default", "return_previous", "finish_previous", "create_new")
        ),
        lambda text: {"true": True, "false": False}.get(text.lower(), text.lower()),
        ("RUNWELL_REINIT", "WANDB_REINIT"),
    ),
    "config_paths": _lists("RUNWELL_CONFIG_PATHS", "WANDB_CONFIG_PATHS"),
    "sweep_id": _texts("RUNWELL_SWEEP_ID", "WANDB_SWEEP_ID"),
    "sweep_param_path": _paths("RUNWELL_SWEEP_PARAM_PATH", "WANDB_SWEEP_PARAM_PATH"),
    "sweep_trial": _counts("RUNWELL_SWEEP_TRIAL"),
    "agent_disable_flapping": _flags("RUNWELL_AGENT_DISABLE_FLAPPING", "WANDB_AGENT_DISABLE_FLAPPING"),
    "agent_max_initial_failures": _counts("RUNWELL_AGENT_MAX_INITIAL_FAILURES", "WANDB_AGENT_MAX_INITIAL_FAILURES"),
    "strict_steps": _flags("RUNWELL_STRICT_STEPS"),
    "durability": _choices(get_args(Durability), "RUNWELL_DURABILITY"),
    "when_full": _choices(get_args(WhenFull), "RUNWELL_WHEN_FULL"),
    "spool_bytes_max": Field(
        "a number of bytes, 1 or more",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
        int,
        ("RUNWELL_SPOOL_BYTES_MAX",),
    ),
    "finish_timeout_s": Field(
        "a number of seconds, 0 or more",
        lambda value: _is_number(value) and 0 <= value < inf,
        float,
        ("RUNWELL_FINISH_TIMEOUT_S",),
    ),
    "git": _flags("RUNWELL_GIT"),
    "system_metrics": _flags("RUNWELL_SYSTEM_METRICS"),
    "system_interval_s": Field(
        f"{SYSTEM_INTERVAL_S_MIN} seconds or more",
        lambda value: _is_number(value) and SYSTEM_INTERVAL_S_MIN <= value < inf,
        float,
        ("RUNWELL_SYSTEM_INTERVAL_S",),
    ),
    "console": _choices(get_args(ConsoleMode), "RUNWELL_CONSOLE", "WANDB_CONSOLE"),
    "prometheus_metrics": Field(
        'a list of globs such as ["val/*"]',
        _is_list,
        _list,
        ("RUNWELL_PROMETHEUS_METRICS",),
    ),
    "silent": _flags("RUNWELL_SILENT", "WANDB_SILENT"),
    "quiet": _flags("RUNWELL_QUIET", "WANDB_QUIET"),
}

OTHER_NAMES: Mapping[str, str] = {
    "root_dir": "dir",
    "run_job": "run_job_type",
    "x_stats_sampling_interval": "system_interval_s",
}
"""wandb's names of settings that are called otherwise here."""

OPPOSITES: Mapping[str, str] = {
    "disable_git": "git",
    "_disable_stats": "system_metrics",
    "x_disable_stats": "system_metrics",
}
"""wandb's names of what is turned round here."""

WITHOUT_MEANING = frozenset(
    {
        "anonymous",
        "api_key",
        "app_url",
        "console_multipart",
        "disable_code",
        "disable_job_creation",
        "host",
        "init_timeout",
        "label_disable",
        "login_timeout",
        "max_end_of_run_history_metrics",
        "max_end_of_run_summary_metrics",
        "monitor_gym",
        "problem",
        "relogin",
        "save_code",
        "show_colors",
        "show_emoji",
        "show_errors",
        "show_info",
        "show_warnings",
        "start_method",
        "summary_timeout",
        "summary_warnings",
        "symlink",
        "sync_tensorboard",
    }
)
"""Settings of wandb's that change nothing here: taken, so that scripts run, and passed over. So is what begins with ``x_``
or an underscore, wandb's own experiments."""


def means_nothing(name: str) -> bool:
    """Whether it is a setting of wandb's that changes nothing here."""
    return name in WITHOUT_MEANING or name.startswith(("x_", "_"))
