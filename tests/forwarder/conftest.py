"""Spools written frame by frame, and what tests of the forwarder need beside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.forwarder.spool_writer import HeldLock, SpoolWriter


@pytest.fixture
def new_spool(tmp_path: Path) -> Callable[..., SpoolWriter]:
    """Makes a spool under the test's ``spool`` directory."""

    def make(run_id: str = "r1", **options: Any) -> SpoolWriter:
        return SpoolWriter(options.pop("root", tmp_path / "spool"), run_id, **options)

    return make


@pytest.fixture
def hold_lock(request: pytest.FixtureRequest) -> Callable[[Path], HeldLock]:
    """Makes a spool's writer look alive; released at the test's end."""

    def hold(directory: Path) -> HeldLock:
        lock = HeldLock(directory)
        request.addfinalizer(lock.release)
        return lock

    return hold
