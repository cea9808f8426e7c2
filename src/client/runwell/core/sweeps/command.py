"""The command of a trial, from the sweep's configuration: wandb's macros."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MACROS = frozenset(
    {
        "${env}",
        "${interpreter}",
        "${program}",
        "${args}",
        "${args_no_equals}",
        "${args_no_hyphens}",
        "${args_no_boolean_flags}",
        "${args_append_hydra}",
        "${args_override_hydra}",
        "${args_json}",
        "${args_json_file}",
    }
)
_VARIABLE = re.compile(r"\$\{envvar:([A-Za-z_][A-Za-z0-9_]*)\}")


def command_line(
    command: Sequence[str],
    program: str | None,
    parameters: Mapping[str, Any],
    json_file: str,
    environment: Mapping[str, str],
    interpreter: str,
) -> list[str]:
    """The words of the command. A macro is a whole word, but for ${envvar:NAME}; an unknown one stays as it is."""
    macros: Mapping[str, Callable[[], list[str]]] = {
        "${env}": lambda: ["/usr/bin/env"],
        "${interpreter}": lambda: [interpreter],
        "${program}": lambda: [program or ""],
        "${args}": lambda: [f"--{key}={_text(value)}" for key, value in parameters.items()],
        "${args_no_equals}": lambda: [part for key, value in parameters.items() for part in (f"--{key}", _text(value))],
        "${args_no_hyphens}": lambda: [f"{key}={_text(value)}" for key, value in parameters.items()],
        "${args_no_boolean_flags}": lambda: [
            _flag(key, value) for key, value in parameters.items() if value is not False
        ],
        "${args_append_hydra}": lambda: [f"+{key}={_text(value)}" for key, value in parameters.items()],
        "${args_override_hydra}": lambda: [f"++{key}={_text(value)}" for key, value in parameters.items()],
        "${args_json}": lambda: [json.dumps(parameters)],
        "${args_json_file}": lambda: [json_file],
    }
    words: list[str] = []
    for word in command:
        words += macros[word]() if word in macros else [_with_variables(word, environment)]
    return words


def unknown_macros(command: Sequence[str]) -> list[str]:
    """Words that look like macros and are none."""
    found = (re.fullmatch(r"\$\{(\w+)\}", word) for word in command)
    return [match[0] for match in found if match and match[0] not in MACROS]


def _with_variables(word: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environment.get(found[1], ""), word)


def _text(value: Any) -> str:
    return str(value)


def _flag(key: str, value: Any) -> str:
    return f"--{key}" if value is True else f"--{key}={_text(value)}"
