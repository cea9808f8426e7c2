"""The patches of `make sabotage` fit the code; whether the suite notices them is what that target runs."""

import subprocess

import pytest

from tests.house.source import ROOT, modules

PATCHES = sorted((ROOT / "tests/sabotage").glob("*.patch"))
HEADER = "Must fail: "


@pytest.mark.parametrize("name", [path.name for path in PATCHES])
def test_a_patch_still_applies(name: str):
    """Whoever changes code that a patch breaks on purpose renews the patch, since one that does not apply proves nothing."""
    command = ["git", "apply", "--check", f"tests/sabotage/{name}"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_every_patch_names_tests_that_exist():
    """The first line says which tests must fail, and they are there."""
    tests = dict(modules("tests"))
    for path in PATCHES:
        header = path.read_text().partition("\n")[0]
        assert header.startswith(HEADER), path.name
        for name in header.removeprefix(HEADER).split():
            module, _, function = name.partition("::")
            assert module in tests, f"{path.name}: {name}"
            assert not function or f"def {function}(" in tests[module], f"{path.name}: {name}"


def test_there_are_patches_enough():
    """Each guarantee of the first release has one that breaks it."""
    assert len(PATCHES) >= 20
