"""What a config can be given as: mappings, dataclasses, namespaces, absl flags, and files."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runwell._values import as_mapping
from runwell.errors import UsageError

DEFAULTS_FILE = "config-defaults.yaml"
"""In the working directory: values that everything else comes before."""


def entries_of(values: Any) -> dict[str, Any]:
    """The values by key. Raises TypeError for what is none of these, and UsageError for a file that cannot be read."""
    if values is None:
        return {}
    if isinstance(values, str | os.PathLike):
        return read_values(Path(values))
    # absl.flags.FLAGS would otherwise look like a mapping of its flags' objects.
    flags = getattr(values, "flag_values_dict", None)
    mapping: Mapping[Any, Any] | None = as_mapping(values) if flags is None else flags()
    if mapping is None and hasattr(values, "keys"):
        mapping = {key: values[key] for key in values.keys()}  # noqa: SIM118  a dict-like need not be iterable
    if mapping is None and hasattr(values, "__dict__"):
        mapping = vars(values)
    if mapping is None:
        raise TypeError(
            f"config takes a dict, a dataclass, a namespace, absl flags or the path of a file, not {type(values).__name__}"
        )
    return {str(key).strip("-"): value for key, value in mapping.items()}


def chosen(values: Mapping[str, Any], include: Iterable[str] | None, exclude: Iterable[str] | None) -> dict[str, Any]:
    """The values of ``config_include_keys``, or without ``config_exclude_keys``. Raises UsageError for both."""
    if include and exclude:
        raise UsageError("give config_include_keys or config_exclude_keys, not both")
    wanted, unwanted = set(include or values), set(exclude or ())
    return {key: value for key, value in values.items() if key in wanted and key not in unwanted}


def read_values(path: Path) -> dict[str, Any]:
    """A file of values: YAML or JSON, plain or in wandb's form ``{key: {value: …, desc: …}}``. Raises UsageError."""
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise UsageError(f"the config file {path} cannot be read: {error}") from None
    content = _parsed(path, text)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"the config file {path} holds no keys with values, but {type(content).__name__}")
    content.pop("wandb_version", None)
    wrapped = all(
        isinstance(value, dict) and "value" in value and value.keys() <= {"value", "desc"} for value in content.values()
    )
    return {str(key): value["value"] if wrapped else value for key, value in content.items()}


def _parsed(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        import yaml  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise UsageError(f"reading {path} takes PyYAML: pip install pyyaml, or write the file as JSON") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"the config file {path} is no YAML: {error}") from None


def file_values(paths: Iterable[str | os.PathLike[str]]) -> dict[str, Any]:
    """``config-defaults.yaml`` if there is one, then the files of ``config_paths``; later ones win."""
    found: dict[str, Any] = read_values(Path(DEFAULTS_FILE)) if os.path.isfile(DEFAULTS_FILE) else {}
    for path in paths:
        found |= read_values(Path(path))
    return found
