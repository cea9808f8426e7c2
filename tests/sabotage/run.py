#!/usr/bin/env python3
"""Breaks a copy of the tree one patch at a time and demands that the tests named by the patch notice.

The first line of tests/sabotage/NAME.patch says which tests must fail, the rest is a diff as `git diff` writes it:

    Must fail: tests/collector/test_append.py::test_acked_is_durable tests/e2e/test_nothing_lost.py
    --- a/src/collector/...

Usage: run.py [--jobs N] [NAME…]     Exit status 0 when every patch was noticed.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCE_ROOTS = ("src/client", "src/collector", "src/projector", "src/dashboard", "src/sweeps")
HEADER = "Must fail: "
TIMEOUT_S = 240
"""Tests that hang under a patch have noticed it; more than this is not spent on one."""

PYTEST_PASSED, PYTEST_FAILED = 0, 1


@dataclass(frozen=True)
class Patch:
    """One way to break the code, and who must notice."""

    name: str
    path: Path
    tests: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Patch":
        """Raises ValueError where the header is missing."""
        header = path.read_text().partition("\n")[0]
        tests = tuple(header.removeprefix(HEADER).split())
        if not header.startswith(HEADER) or not tests:
            raise ValueError(f"{path.name}: the first line must be '{HEADER}TEST…'")
        return cls(path.stem, path, tests)


@dataclass(frozen=True)
class Outcome:
    """What became of a patch; `noticed` is what is demanded."""

    name: str
    noticed: bool
    what: str
    seconds: float


def copy_tree(target: Path) -> None:
    """What git knows or would take, so that a patch is tried on what is being worked on."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def pytest(tree: Path, tests: Sequence[str], timeout_s: float) -> tuple[int | None, str]:
    """Exit status (None when it hung) and output of the tests, run on the tree's own sources."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(tree / root) for root in SOURCE_ROOTS)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=line", "-rf", *tests]
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout_s)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return None, process.communicate()[0]


def try_patch(patch: Patch) -> Outcome:
    """Applies one patch to a copy of its own and runs what must fail there."""
    started = time.monotonic()

    def outcome(noticed: bool, what: str) -> Outcome:
        return Outcome(patch.name, noticed, what, time.monotonic() - started)

    with tempfile.TemporaryDirectory(prefix=f"sabotage-{patch.name}-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        applied = subprocess.run(
            ["git", "apply", "-"], cwd=tree, input=patch.path.read_bytes(), capture_output=True, check=False
        )
        if applied.returncode:
            return outcome(False, "does not apply: " + applied.stderr.decode().strip().splitlines()[0])
        status, output = pytest(tree, patch.tests, TIMEOUT_S)
    if status is None:
        return outcome(True, "noticed: the tests hang")
    if status == PYTEST_FAILED:
        return outcome(
            True, next((line for line in output.splitlines() if line.startswith("FAILED")), "noticed").strip()
        )
    if status == PYTEST_PASSED:
        return outcome(False, "NOT NOTICED: " + " ".join(patch.tests))
    return outcome(False, f"pytest could not run (status {status}): {output.strip().splitlines()[-1]}")


def sound(patches: Sequence[Patch]) -> bool:
    """A test that fails on the whole tree proves nothing about a patch."""
    tests = sorted({test for patch in patches for test in patch.tests})
    with tempfile.TemporaryDirectory(prefix="sabotage-whole-") as folder:
        copy_tree(Path(folder))
        status, output = pytest(Path(folder), tests, TIMEOUT_S * len(patches))
    if status != PYTEST_PASSED:
        print(output, "sabotage: the named tests must pass on the unbroken tree first", sep="\n")
    return status == PYTEST_PASSED


def main() -> int:
    """Tries the named patches, else all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="patches to try (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="patches at once (default: %(default)s)")
    options = parser.parse_args()
    patches = [
        Patch.read(path) for path in sorted(HERE.glob("*.patch")) if not options.names or path.stem in options.names
    ]
    if not patches:
        print("sabotage: no such patch")
    if not patches or not sound(patches):
        return 1
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(try_patch, patches))
    width = max(len(outcome.name) for outcome in outcomes)
    for outcome in outcomes:
        print(
            f"{'ok  ' if outcome.noticed else 'FAIL'}  {outcome.name:{width}}  {outcome.seconds:5.1f} s  {outcome.what}"
        )
    missed = [outcome for outcome in outcomes if not outcome.noticed]
    print(f"{len(outcomes) - len(missed)} passed, {len(missed)} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
