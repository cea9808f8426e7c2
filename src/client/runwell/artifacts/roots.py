"""Where artifacts are kept on this machine."""

import os
from pathlib import Path

from runwell import _session
from runwell._settings import resolve


def current_root() -> Path:
    """The root directory of the current run, else the one that the next run would have."""
    run = _session.current()
    settings = run.settings if run is not None else resolve(None, {})
    return settings.root if settings.dir is not None else Path()


def download_folder(name: str, version: str) -> str:
    """Where a version is downloaded to unless somebody says otherwise."""
    base = os.environ.get("RUNWELL_ARTIFACT_DIR") or os.environ.get("WANDB_ARTIFACT_DIR") or "artifacts"
    # Not every file system takes a colon in a name, and those that people share do not.
    separator = "-" if os.name == "nt" else ":"
    return os.path.join(os.path.expanduser(base), f"{name}{separator}{version}")
