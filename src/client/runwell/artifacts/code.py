"""``log_code``: the program's source files as an artifact."""

import inspect
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from runwell.artifacts.artifact import Artifact
from runwell.artifacts.calls import _plain, log_artifact

if TYPE_CHECKING:
    from runwell._run import Run

LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", "wandb", ".venv", "venv", ".tox", ".mypy_cache"}
)


def log_code(
    run: "Run",
    root: str,
    name: str | None,
    include_fn: Callable[..., bool] | None,
    exclude_fn: Callable[..., bool] | None,
) -> Artifact | None:
    """See ``Run.log_code``."""
    root = os.path.abspath(root)
    include = _chosen(include_fn or (lambda path: path.endswith(".py")))
    exclude = _chosen(exclude_fn or (lambda path: False))
    program = os.path.basename(sys.argv[0] or "") or "program"
    artifact = Artifact(name or f"source-{_plain(run.project)}-{_plain(program)}"[:128], "code")
    files = [(path, os.path.relpath(path, root).replace(os.sep, "/")) for path in _files(root, include, exclude)]
    if not files:
        return None
    artifact._writable("log_code").add_files(files, immutable=False, overwrite=False)
    return log_artifact(run, artifact, None, None, None, None)


def _files(root: str, include: Callable[[str, str], bool], exclude: Callable[[str, str], bool]) -> list[str]:
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        paths = (os.path.join(folder, name) for name in sorted(files))
        found += [path for path in paths if os.path.isfile(path) and include(path, root) and not exclude(path, root)]
    return found


def _chosen(function: Callable[..., bool]) -> Callable[[str, str], bool]:
    """With the path alone, or with the root as well, as the function takes it."""
    try:
        several = len(inspect.signature(function).parameters) > 1
    except (TypeError, ValueError):
        several = False
    return function if several else lambda path, root: function(path)
