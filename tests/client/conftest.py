"""A run without a server, ended at the latest with its test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import runwell


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[runwell.Run]:
    """An offline run in a directory of its own."""
    with runwell.init(mode="offline", dir=tmp_path, project="p", settings={"git": False}) as run:
        yield run
