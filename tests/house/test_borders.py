"""What may import what, where import-linter cannot say it: see [tool.importlinter] in pyproject.toml for the rest."""

import ast
import subprocess
import sys
import tomllib

import pytest

from tests.house.source import ROOT, modules

HEAVY = {"google.protobuf", "grpc", "numpy", "rich", "runwell.v1"}
"""Each costs the start of a training job 10 to 80 ms; grpc and forked data-loader workers do not go together either."""


def imported_names(text: str) -> set[str]:
    """The full names of the modules that a module imports, at its top or in a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_core_imports_only_the_standard_library():
    """Client and servers share runwell.core, so it needs nothing that must be installed."""
    foreign = {
        f"{file}: {name}"
        for file, text in modules("src/client/runwell/core")
        for name in imported_names(text)
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith("runwell.core")
        and name != "runwell"
    }
    assert not foreign


def test_core_does_no_io_and_reads_no_clock():
    """Files, sockets, processes, threads, clocks and chance are arguments of runwell.core; a seeded Random is none of these."""
    effects = {
        "asyncio",
        "os",
        "random",
        "secrets",
        "shutil",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
    }
    impure = {
        f"{file}: {name}"
        for file, text in modules("src/client/runwell/core")
        for name in imported_names(text.replace("from random import Random\n", "")) & effects
    }
    assert not impure


def test_the_contract_of_the_training_process_covers_it():
    """import-linter watches every module of the SDK but those that read runs."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    watched = next(contract for contract in contracts if "training process" in contract["name"])["source_modules"]
    private = [path.stem for path in (ROOT / "src/client/runwell").glob("_[a-z]*.py")]
    expected = {f"runwell.{name}" for name in private if not name.startswith("_api")}
    assert expected | {"runwell.artifacts", "runwell.media", "runwell.plot", "runwell.system"} == set(watched)


@pytest.mark.parametrize(
    "program",
    [
        "import runwell",
        "import runwell; run = runwell.init(mode='offline'); run.log({'loss': 0.5}); run.finish()",
        "import runwell; run = runwell.init(mode='disabled'); run.log({'loss': 0.5}); run.finish()",
    ],
    ids=["import", "offline run", "disabled run"],
)
def test_a_training_process_imports_nothing_heavy(program: str):
    """`import runwell`, init, log and finish load neither grpc nor protobuf nor numpy, which the user may not have."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")}
    assert loaded
    assert not loaded & HEAVY
