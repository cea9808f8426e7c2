"""Every limit has a reason, an answer, and a place where it is applied."""

import ast
import re

from runwell.core import limits
from tests.house.source import ROOT, SOURCE_ROOTS, modules

LIMITS = "src/client/runwell/core/limits.py"
NAMES = [name for name in vars(limits) if name.isupper()]


def test_every_limit_says_what_happens_at_it():
    """A number without a reason is a guess: the sentence stands under it, or under the last of a group."""
    body = ast.parse((ROOT / LIMITS).read_text()).body
    silent: list[str] = []
    for node, following in zip(body, [*body[1:], None], strict=True):
        grouped = isinstance(following, ast.Assign) and following.lineno == (node.end_lineno or 0) + 1
        if isinstance(node, ast.Assign) and not (isinstance(following, ast.Expr) or grouped):
            silent.append(ast.unparse(node.targets[0]))
    assert not silent


def test_every_limit_is_applied():
    """A limit that nobody looks at limits nothing."""
    source = "\n".join(text for name, text in modules(*SOURCE_ROOTS) if name != LIMITS)
    assert not [name for name in NAMES if not re.search(rf"\b{name}\b", source)]


def test_every_limit_is_tested():
    """Each limit is named by a test that goes up to it and beyond."""
    tests = "\n".join(text for name, text in modules("tests"))
    assert not [name for name in NAMES if not re.search(rf"\b{name}\b", tests)]
