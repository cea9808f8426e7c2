"""The documents tell the truth about what exists."""

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from runwell import cli
from tests.house.source import ROOT, SOURCE_ROOTS, files, modules
from tests.server import Server

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
VARIABLE = re.compile(r"\bRUNWELL_[A-Z][A-Z_]+\b")
TEST = re.compile(r"\btests/[\w/]+\.py(?:::\w+)?")


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def written() -> str:
    """Everything that a user can read."""
    return "\n".join(path.read_text() for path in documents())


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


def flags() -> list[str]:
    """`COMMAND --flag` of every flag that the command line takes."""
    return [
        f"{parser.prog.removeprefix('runwell').strip()} {option}".strip()
        for parser in parsers(cli.command_parser())
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option not in ("--help", "--version")
    ]


def test_every_flag_is_documented():
    """docs/command-line.md names every flag in the section of its command."""
    text = (ROOT / "docs/command-line.md").read_text()
    sections = dict(re.findall(r"^## runwell (\w+)\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL))
    missing = [
        flag
        for flag in flags()
        for command, _, option in [flag.rpartition(" ")]
        if not re.search(rf"{re.escape(option)}\b", sections.get(command.partition(" ")[0], ""))
    ]
    assert not missing


def test_every_variable_is_documented():
    """Each RUNWELL_* environment variable that the code reads has its place in the documents, and the other way round."""
    read = {
        node.value
        for _, text in modules(*SOURCE_ROOTS)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value)
    }
    assert read == set(VARIABLE.findall(written()))


def test_every_link_leads_somewhere():
    """A relative link in a document names a file of this checkout."""
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents()
        for target, _ in LINK.findall(path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert not broken


def test_every_named_test_exists():
    """A guarantee is as good as the test that the documents name for it."""
    named = set(TEST.findall(written()))
    known = {name for name, _ in modules("tests")} | {
        f"{name}::{node.name}"
        for name, text in modules("tests")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named
    assert not named - known


def test_the_program_of_the_readme_runs(server: Server):
    """The ten lines of code do what they say, with the server that the commands above them start."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "'lr': 0.01" in ended.stdout
    assert "'loss': 0.001" in ended.stdout
