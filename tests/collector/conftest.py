"""A collector in this process, on real files and real gRPC, with clock and disk as arguments."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from runwell_collector.appender import Clock
from runwell_collector.collector import Collector, running_collector
from runwell_collector.config import Address, CollectorConfig

ANY_PORT = Address("127.0.0.1", 0)


@dataclass
class Surroundings:
    """What a test turns: the time, and how much is free on the disk."""

    now: float = 1_000.0
    free_bytes: int = 1 << 40

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now + 1_700_000_000)


StartCollector = Callable[..., AbstractAsyncContextManager[Collector]]


@pytest.fixture
def surroundings() -> Surroundings:
    return Surroundings()


@pytest.fixture
def start_collector(tmp_path: Path, surroundings: Surroundings) -> StartCollector:
    """Starts a collector on the test's one data directory."""

    def start(**options: object) -> AbstractAsyncContextManager[Collector]:
        quick = {
            "commit_interval_s": 0.0,
            "commit_gather_s": 0.0,
            "liveness_interval_s": 0.01,
            "disk_interval_s": 0.01,
            **options,
        }
        config = CollectorConfig(tmp_path / "data", ANY_PORT, ANY_PORT, **quick)
        return running_collector(config, surroundings.clock, lambda path: surroundings.free_bytes)

    return start


@pytest.fixture
async def collector(start_collector: StartCollector) -> AsyncIterator[Collector]:
    async with start_collector() as running:
        yield running
