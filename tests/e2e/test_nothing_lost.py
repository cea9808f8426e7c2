"""The promise itself: whatever dies on the way, every row whose log() returned is read back, once."""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import runwell
from tests.e2e.chaos_proxy import ChaosProxy
from tests.e2e.trainer import PAUSE_S, row

KILLS = 50
RUN_IDS = ("alpha", "beta")
BYTES_BETWEEN_KILLS = 500
"""Of the trainers' reports, five or so a row."""
PATIENCE_S = 60


class Component:
    """A server process that can be killed and comes back on the same ports."""

    def __init__(self, name: str, data: Path, *arguments: str) -> None:
        self.name, self.data, self.arguments = name, data, arguments
        self.grpc: str | None = None
        """Where clients are told to find it instead."""
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it has said so in its components file."""
        command = [sys.executable, "-m", f"runwell_{self.name}", "--data-dir", str(self.data), *self.arguments]
        with (self.data.parent / f"{self.name}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        await until(lambda: self.said().get("pid") == self.process.pid, f"{self.name} to start")
        if self.grpc:
            self.file.write_text(json.dumps({**self.said(), "grpc": self.grpc}))

    @property
    def file(self) -> Path:
        """Where it says what it serves."""
        return self.data / "components" / f"{self.name}.json"

    def said(self) -> dict[str, Any]:
        """Its components file."""
        try:
            said: dict[str, Any] = json.loads(self.file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return said

    async def kill(self, with_signal: int = signal.SIGKILL) -> None:
        """Ends it and waits for its end."""
        assert self.process
        if self.process.returncode is None:
            self.process.send_signal(with_signal)
        await self.process.wait()


async def until(condition: Any, what: str) -> None:
    """Waits until ``condition()``; fails after PATIENCE_S, naming ``what`` was awaited."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE_S} s for {what}"
        await asyncio.sleep(0.01)


class Trainer:
    """A training process that is started again whenever it was killed before its end."""

    def __init__(self, run_id: str, directory: Path, environment: dict[str, str]) -> None:
        self.run_id, self.environment = run_id, environment
        self.report = directory / f"{run_id}.steps"
        self.report.touch()
        self.stop = directory / "stop"
        self.log = directory / f"{run_id}.log"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts or continues the run."""
        command = [sys.executable, "-m", "tests.e2e.trainer", self.run_id, str(self.report), str(self.stop)]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, env=self.environment, stdout=log, stderr=log)

    def reported(self) -> list[int]:
        """Steps whose log() has returned."""
        return [int(line) for line in self.report.read_text().splitlines()]

    @property
    def done(self) -> bool:
        """Whether the run came to its end by itself."""
        assert self.process
        if self.process.returncode is not None:
            assert self.process.returncode in (0, -signal.SIGKILL), self.log.read_text()
        return self.process.returncode == 0

    async def kill_and_continue(self) -> None:
        """SIGKILL, then a new process resumes the run."""
        assert self.process
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
            await self.start()


def forwarders(spool: Path) -> list[int]:
    """Process ids of the forwarders of this test, found by their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "--follow" in command and any(str(spool) in word for word in command):
                found.append(int(entry.name))
    return found


@asynccontextmanager
async def servers(data: Path, seed: int) -> AsyncIterator[tuple[dict[str, Component], ChaosProxy]]:
    """Collector, projector and dashboard, the collector behind a proxy."""
    data.mkdir(parents=True)
    collector = Component("collector", data, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    components = {
        "collector": collector,
        "projector": Component("projector", data, "--http", "127.0.0.1:0"),
    }
    for component in components.values():
        await component.start()
    address = collector.said()["grpc"]
    collector.arguments = ("--grpc", address, "--http", "127.0.0.1:0")
    async with ChaosProxy(address, seed) as proxy:
        collector.grpc = f"127.0.0.1:{proxy.port}"
        collector.file.write_text(json.dumps({**collector.said(), "grpc": collector.grpc}))
        components["dashboard"] = Component("dashboard", data, "--http", "127.0.0.1:0")
        await components["dashboard"].start()
        try:
            yield components, proxy
        finally:
            for component in components.values():
                await component.kill()


async def more_rows(trainers: list[Trainer]) -> None:
    """Waits until training has come some way."""

    def reported() -> int:
        return sum(trainer.report.stat().st_size for trainer in trainers)

    enough = reported() + BYTES_BETWEEN_KILLS
    await until(lambda: reported() >= enough, "more rows")


async def kill_something(
    choice: random.Random, components: dict[str, Component], trainers: list[Trainer], spool: Path
) -> str | None:
    """One SIGKILL at a random place; returns whom it hit."""
    whom = choice.choice(["trainer", "forwarder", "collector", "projector"])
    if whom == "trainer":
        await choice.choice(trainers).kill_and_continue()
    elif whom == "forwarder":
        pids = forwarders(spool)
        if not pids:
            return None
        os.kill(choice.choice(pids), signal.SIGKILL)
    else:
        await components[whom].kill()
        await components[whom].start()
    return whom


@pytest.mark.timeout(400)
async def test_every_row_survives_fifty_kills(tmp_path: Path) -> None:
    """Two runs, at least 50 SIGKILLs over all four kinds of process, a meddling proxy: each row is there exactly once."""
    seed = int(os.environ.get("RUNWELL_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print("seed", seed)
    choice = random.Random(seed)
    root = tmp_path / "root"
    async with servers(tmp_path / "data", seed) as (components, proxy):
        base_url = components["dashboard"].said()["http"]
        environment = {**os.environ, "RUNWELL_DIR": str(root), "RUNWELL_BASE_URL": base_url}
        trainers = [Trainer(run_id, tmp_path, environment) for run_id in RUN_IDS]
        for trainer in trainers:
            await trainer.start()
        kills: Counter[str] = Counter()
        while kills.total() < KILLS or len(kills) < 4 or not proxy.faults.keys() >= {"cut", "delay", "duplicate"}:
            await more_rows(trainers)
            if whom := await kill_something(choice, components, trainers, root / "spool"):
                kills[whom] += 1
        trainers[0].stop.touch()
        await until(lambda: all(trainer.done for trainer in trainers), "the runs to finish")
        proxy.calm = True
        sync = await asyncio.create_subprocess_exec(sys.executable, "-m", "runwell", "sync", env=environment)
        assert await sync.wait() == 0
        api = runwell.Api(base_url)
        for trainer in trainers:
            await asyncio.to_thread(check_run, api, trainer)
        print("kills", dict(kills), "faults", dict(proxy.faults))
    for pid in forwarders(root / "spool"):
        os.kill(pid, signal.SIGTERM)


def check_run(api: runwell.Api, trainer: Trainer) -> None:
    """Rows, summary, configuration and counts of a run are what one undisturbed process would have left."""
    run = api.run(f"e2e/chaos/{trainer.run_id}")
    rows = run.history(samples=None)
    steps = range(len(rows))
    assert [history_row["_step"] for history_row in rows] == list(steps)
    assert set(trainer.reported()) <= set(steps)
    logged = [{key: value for key, value in history_row.items() if not key.startswith("_")} for history_row in rows]
    assert logged == [row(trainer.run_id, step) for step in steps]
    assert run.state == "finished"
    assert dict(run.config) == {"pause_s": PAUSE_S}
    last = {key: value for key, value in dict(run.summary).items() if not key.startswith("_")}
    assert last == row(trainer.run_id, steps[-1])
