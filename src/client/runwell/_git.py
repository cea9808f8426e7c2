"""What Git knows of the program: read from its files at once, its uncommitted changes from `git diff` in the background.

Running Git costs some 5 ms in a small repository and seconds in a large one, so ``init()`` does not wait for it.
"""

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from runwell.core.limits import PATCH_BYTES_MAX

DIFF_TIMEOUT_S = 10.0
DIFF_CHUNK_BYTES = 1 << 20
_REF_DEPTH_MAX = 5
_CREDENTIALS = re.compile(r"^([a-zA-Z][\w+.-]*://)[^/@]*@")


class GitState(NamedTuple):
    """A checkout. Empty strings stand for what is not known."""

    root: Path
    remote: str
    commit: str
    branch: str

    @property
    def repository(self) -> str:
        """The name that people give the repository."""
        return self.remote.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git") or self.root.name

    def fields(self) -> dict[str, Any]:
        """As the event's GitState."""
        return {"remote": self.remote, "commit": self.commit, "branch": self.branch}


def read_git(start: Path) -> GitState | None:
    """The checkout that ``start`` is in, without running Git; None when it is in none."""
    for directory in (start, *start.parents):
        if not os.path.lexists(f"{directory}/.git"):
            continue
        try:
            git = _git_directory(directory / ".git")
            if git is None or not (git / "HEAD").is_file():
                continue
            common = git / (_first_line(git / "commondir") or ".")
            commit, branch = _head(git, common)
            return GitState(directory, without_credentials(_remote(common / "config")), commit, branch)
        except (OSError, UnicodeDecodeError):
            return None
    return None


def read_changes(state: GitState) -> dict[str, Any] | None:
    """The event's GitState with uncommitted changes of tracked files; None when there are none or Git does not answer."""
    # Only the background thread needs them.
    import hashlib
    import subprocess
    import threading

    command = ["git", "-c", "core.fsmonitor=false", "diff", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD"]
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        process = subprocess.Popen(
            command,
            cwd=state.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    watch = threading.Timer(DIFF_TIMEOUT_S, process.kill)
    watch.daemon = True
    watch.start()
    with process:
        assert process.stdout is not None
        digest, patch, size = hashlib.sha256(), b"", 0
        while chunk := process.stdout.read(DIFF_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            if size <= PATCH_BYTES_MAX:
                patch += chunk
    watch.cancel()
    if process.returncode != 0 or not size:
        return None
    whole = patch.decode("utf-8", "backslashreplace") if size <= PATCH_BYTES_MAX else ""
    return state.fields() | {"dirty": True, "patch": whole, "patch_sha256": digest.hexdigest()}


def without_credentials(remote: str) -> str:
    """The address without user name, password and query, any of which may be a token."""
    return _CREDENTIALS.sub(r"\1", remote).partition("?")[0]


def _git_directory(path: Path) -> Path | None:
    """The directory that ``.git`` is, or, in a worktree or submodule, names."""
    if path.is_dir():
        return path
    if not path.is_file():
        return None
    named = _first_line(path)
    return path.parent / named.removeprefix("gitdir:").strip() if named.startswith("gitdir:") else None


def _head(git: Path, common: Path) -> tuple[str, str]:
    """Commit and branch."""
    head = _first_line(git / "HEAD")
    branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""
    for _ in range(_REF_DEPTH_MAX):
        if not head.startswith("ref:"):
            return head, branch
        name = head.removeprefix("ref:").strip()
        head = _first_line(git / name) or _first_line(common / name) or _packed(common / "packed-refs", name)
    return "", branch


def _packed(path: Path, name: str) -> str:
    try:
        for line in path.read_text().splitlines():
            commit, _, packed = line.partition(" ")
            if packed == name:
                return commit
    except FileNotFoundError:
        return ""
    return ""


def _remote(config: Path) -> str:
    """The URL of "origin", else of the first remote."""
    found: dict[str, str] = {}
    section = ""
    for line in config.read_text().splitlines() if config.is_file() else ():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        elif section.startswith('[remote "') and re.match(r"url\s*=", stripped):
            found.setdefault(section.removeprefix('[remote "').removesuffix('"]'), stripped.partition("=")[2].strip())
    return found.get("origin") or next(iter(found.values()), "")


def _first_line(path: Path) -> str:
    try:
        return path.read_text().partition("\n")[0].strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""
