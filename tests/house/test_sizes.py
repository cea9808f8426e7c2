"""How long files and functions may be."""

from tests.house.source import SOURCE_ROOTS, functions, modules

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70


def test_no_file_is_longer_than_500_lines():
    """A longer file holds more than one subject: split it along its meaning."""
    lengths = {name: len(text.splitlines()) for name, text in modules(*SOURCE_ROOTS, "tests", "benchmarks", "examples")}
    assert not {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX}


def test_no_function_is_longer_than_70_lines():
    """A longer function does more than one thing."""
    lengths = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, text in modules(*SOURCE_ROOTS, "tests", "benchmarks", "examples")
        for node in functions(text)
    }
    assert not {where: lines for where, lines in lengths.items() if lines > FUNCTION_LINES_MAX}
