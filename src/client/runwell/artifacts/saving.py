"""``save`` and ``restore``: files of a run, kept as versions of an artifact of its own."""

import glob
import os
import shutil
from typing import IO, TYPE_CHECKING, Any

from runwell._api_errors import NotFoundError
from runwell._messages import warn
from runwell.artifacts.artifact import Artifact
from runwell.artifacts.calls import log_artifact
from runwell.artifacts.server import ArtifactServer
from runwell.core.artifacts.manifest import path_problem
from runwell.core.artifacts.naming import LATEST, Place
from runwell.errors import UsageError

if TYPE_CHECKING:
    from runwell._run import Run

POLICIES = ("live", "now", "end")
TYPE = "run_files"


def files_name(run_id: str) -> str:
    """The name of the artifact of a run's saved files."""
    from runwell.artifacts.calls import _plain

    return f"run-{_plain(run_id)}-files"


def save(
    run: "Run", glob_str: "str | os.PathLike[str] | None", base_path: "str | os.PathLike[str] | None", policy: str
) -> list[str]:
    """See ``Run.save``."""
    if policy not in POLICIES:
        raise ValueError(f"policy must be one of {', '.join(POLICIES)}, not {policy!r}")
    if glob_str is None:
        return []
    pattern = os.fspath(glob_str)
    if pattern.startswith(("gs://", "s3://")):
        warn(f"{pattern} is a cloud storage url, can't save file")
        return []
    base = os.path.abspath(base_path) if base_path is not None else os.path.dirname(os.path.abspath(pattern))
    found = sorted(
        path
        for path in glob.glob(os.path.join(base, pattern) if base_path is not None else pattern)
        if os.path.isfile(path)
    )
    if not found:
        warn(f"no file matches {pattern}")
    copies = [_copied(path, base, run.dir) for path in found]
    saved: dict[str, tuple[str, str]] = run.__dict__.setdefault("_files_saved", {})
    for path in found:
        saved[os.path.relpath(os.path.abspath(path), base).replace(os.sep, "/")] = os.path.abspath(path), policy
    if policy != "end" and found:
        log_saved(run, at_end=False)
    return copies


def _copied(path: str, base: str, directory: str) -> str:
    within = os.path.relpath(os.path.abspath(path), base)
    if path_problem(within.replace(os.sep, "/")):
        raise UsageError(f"{path} is not below {base}: give a base_path that is above it")
    target = os.path.join(directory, within)
    if os.path.abspath(path) != os.path.abspath(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path, target)
    return target


def log_saved(run: "Run", *, at_end: bool) -> None:
    """Logs the files that are due as they are now."""
    saved: dict[str, tuple[str, str]] = run.__dict__.get("_files_saved", {})
    due = {name: path for name, (path, policy) in saved.items() if at_end or policy != "end"}
    if not due or (at_end and all(policy == "now" for _, policy in saved.values())):
        return
    artifact = Artifact(files_name(run.id), TYPE)
    draft = artifact._writable("save")
    draft.add_files(
        [(path, name) for name, path in due.items() if os.path.isfile(path)], immutable=False, overwrite=True
    )
    log_artifact(run, artifact, None, None, None, None)


def restore(run: "Run", name: str, run_path: str | None, replace: bool, root: str | None) -> "IO[Any] | None":
    """See ``Run.restore``."""
    folder = root or run.dir
    target = os.path.join(folder, *name.split("/"))
    if os.path.exists(target) and not replace:
        return open(target, encoding="utf-8", errors="surrogateescape")
    entity, project, run_id = _split(run, run_path)
    base_url = run.settings.base_url
    try:
        view = ArtifactServer(base_url).version(Place(entity, project, files_name(run_id)), LATEST)
    except NotFoundError:
        return None
    artifact = Artifact.of_view(view, base_url, run.settings.root)
    if name not in artifact.manifest.entries:
        return None
    artifact.download(folder, path_prefix=name)
    return open(target, encoding="utf-8", errors="surrogateescape")


def _split(run: "Run", run_path: str | None) -> tuple[str, str, str]:
    """Entity, project and run id of ``[[ENTITY/]PROJECT/]ID``, or of the run itself."""
    parts = [part for part in (run_path or run.id).strip("/").split("/") if part != "runs"]
    if len(parts) > 3:
        raise UsageError(f"{run_path!r:.200} is not ENTITY/PROJECT/ID")
    entity, project, run_id = ["", "", *parts][-3:]
    return entity or run.entity, project or run.project, run_id
