"""The project's own files, as the tests of the house see them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("src/client", "src/collector", "src/projector", "src/sweeps", "src/dashboard")
TEXT_SUFFIXES = {
    "",
    ".css",
    ".html",
    ".ini",
    ".json",
    ".md",
    ".proto",
    ".py",
    ".sh",
    ".sql",
    ".toml",
    ".ts",
    ".tsx",
    ".yaml",
    ".yml",
}


@cache
def files() -> tuple[Path, ...]:
    """What the checkout consists of: tracked files and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(path for name in set(names.split("\0")) if name and (path := ROOT / name).is_file()))


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of everything that a person wrote."""
    for path in files():
        if path.suffix in TEXT_SUFFIXES and "_pb2" not in path.name and not path.name.endswith("lock.json"):
            yield str(path.relative_to(ROOT)), path.read_text()


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    """Name and content of the Python files that a person wrote under the folders."""
    for name, text in texts():
        if name.endswith(".py") and name.startswith(tuple(f"{folder}/" for folder in folders)):
            yield name, text


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, inner ones included."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
