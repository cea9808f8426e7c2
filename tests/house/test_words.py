"""What is not written in this project."""

import ast
import re

from tests.house.source import SOURCE_ROOTS, functions, modules, texts

LEFTOVERS = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX|[H]ACK)\b")
VAGUE_NAMES = re.compile(r"(?:Manager|Helper|Utils?|Base)$")
VAGUE_MODULES = re.compile(r"(?:^|/)_?(?:utils?|helpers?|common|misc|base|manager)\.py$")
HIDDEN_FAILURES = re.compile(
    r"except(?: Exception| BaseException)?:\s*\n\s*pass\b|[a]ssert True\b|[p]ytest\.skip\(|@[p]ytest\.mark\.skip\b"
)


def places(pattern: re.Pattern[str], found: list[tuple[str, str]]) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()!r}"
        for name, text in found
        for match in pattern.finditer(text)
    ]


def test_nothing_is_left_to_do():
    """What is not done is an issue, not a comment."""
    assert not places(LEFTOVERS, list(texts()))


def test_no_failure_is_hidden():
    """No bare `except: pass`, no test that cannot fail, no test that is skipped for ever."""
    assert not places(HIDDEN_FAILURES, list(modules(*SOURCE_ROOTS, "tests", "benchmarks", "examples")))


def test_names_say_what_things_are():
    """Manager, Helper, Utils and Base say nothing: use the noun of the domain."""
    classes = [
        f"{name}:{node.lineno} {node.name}"
        for name, text in modules(*SOURCE_ROOTS)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and VAGUE_NAMES.search(node.name)
    ]
    assert not classes
    assert not [name for name, _ in modules(*SOURCE_ROOTS) if VAGUE_MODULES.search(name)]


def test_every_test_states_its_claim():
    """The docstring of a test is the sentence that it proves."""
    silent = [
        f"{name}:{node.lineno} {node.name}"
        for name, text in modules("tests")
        for node in functions(text)
        if node.name.startswith("test_") and name.rpartition("/")[2].startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent
