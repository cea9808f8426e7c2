"""Names of artifacts, their types, aliases and tags, and the text by which a version is asked for."""

import hashlib
import re
from typing import NamedTuple

from runwell.core.names import ARTIFACT_STREAM

NAME_CHARACTERS_MAX = 128
ALIASES_MAX = 100
METADATA_KEYS_MAX = 100
LATEST = "latest"

_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,17})")
_RESERVED_TYPES = {"run_table": "run-", "code": "source-", "job": "job-"}


class Place(NamedTuple):
    """A collection: what versions are counted in."""

    entity: str
    project: str
    name: str

    def __str__(self) -> str:
        return "/".join(self)


def name_problem(name: object) -> str | None:
    """Why it cannot be an artifact's name; None when it can."""
    if isinstance(name, str) and len(name) <= NAME_CHARACTERS_MAX and _NAME.fullmatch(name) and name not in (".", ".."):
        return None
    return f"the artifact name {name!r:.150} must have 1 to {NAME_CHARACTERS_MAX} letters, digits, dashes, underscores or dots"


def type_problem(kind: object, name: str) -> str | None:
    """Why it cannot be an artifact's type; None when it can."""
    if not isinstance(kind, str) or not kind.strip() or len(kind) > NAME_CHARACTERS_MAX:
        return f"the artifact type must be a text of 1 to {NAME_CHARACTERS_MAX} characters, not {kind!r:.100}"
    reserved = kind.startswith("wandb-") or (kind in _RESERVED_TYPES and not name.startswith(_RESERVED_TYPES[kind]))
    return f"the artifact type {kind!r} is reserved: choose another one" if reserved else None


def alias_problem(alias: object) -> str | None:
    """Why it cannot be an alias; None when it can."""
    if not isinstance(alias, str) or not alias.strip() or len(alias) > NAME_CHARACTERS_MAX:
        return f"an alias must be a text of 1 to {NAME_CHARACTERS_MAX} characters, not {alias!r:.100}"
    if "/" in alias or ":" in alias:
        return f"the alias {alias!r} must not contain '/' or ':'"
    if version_number(alias) is not None:
        return f"the alias {alias!r} would be taken for a version: only the server gives those"
    return None


def tag_problem(tag: object) -> str | None:
    """Why it cannot be an artifact's tag; None when it can."""
    if isinstance(tag, str) and len(tag) <= NAME_CHARACTERS_MAX and _TAG.fullmatch(tag):
        return None
    return f"the artifact tag {tag!r:.100} must consist of letters, digits, dashes and underscores, with blanks within"


def version_number(text: str) -> int | None:
    """12 for ``v12``; None for what is no version."""
    found = _VERSION.fullmatch(text)
    return int(found[1]) if found else None


def split_name(text: str) -> tuple[str | None, str | None, str, str]:
    """Entity, project, name and version or alias of ``[[ENTITY/]PROJECT/]NAME[:VERSION]``. Raises ValueError."""
    path, _, wanted = text.partition(":")
    parts = path.split("/")
    if len(parts) > 3 or not all(parts) or name_problem(parts[-1]):
        raise ValueError(f"{text!r:.200} names no artifact: write NAME:latest, NAME:v3 or ENTITY/PROJECT/NAME:ALIAS")
    entity, project = ([None, None, *parts[:-1]])[-2:]
    return entity, project, parts[-1], wanted or LATEST


def catalogue_writer(entity: str, project: str) -> bytes:
    """The one writer of a project's decisions."""
    return hashlib.sha256(f"{entity}/{project}/{ARTIFACT_STREAM}".encode("utf-8", "surrogatepass")).digest()[:16]
