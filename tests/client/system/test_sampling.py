"""Runs that look at their machine: what is kept, by whom, and what it never does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import runwell
from runwell._lane import Lane
from runwell._settings import resolve
from runwell._spool import SpoolWriter, WriterIdentity
from runwell.core.steps import StepCursor
from runwell.errors import UsageError
from runwell.forwarder.spools import list_writers
from runwell.system.claims import Claims
from runwell.system.figures import figure_fields, path
from tests.client.memory_disk import ManualClock, MemoryDisk
from tests.server import until

RANK = """
import sys, runwell
with runwell.init(mode="offline", id="ranks", project="many", settings={"system_interval_s": 0.1}) as run:
    run.log({"rank": 1.0})
    print("logging", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def sampled(runwell_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RUNWELL_SYSTEM_METRICS")
    return runwell_dir


def samples(root: Path, name: str) -> list[dict[str, float]]:
    return list(runwell.Api(spool=root).run(name).scan_history(stream="system"))


def test_a_run_has_samples_beside_its_rows(runwell_dir: Path):
    """Samples of machine and process come in by themselves, and the rows are what was logged."""
    settings = {"x_stats_sampling_interval": 0.1, "git": False}
    with runwell.init(mode="offline", id="one", settings=settings) as run:
        run.log({"loss": 1.0})
        until(lambda: len(samples(runwell_dir, "one")) >= 2, "two samples")
        found = samples(runwell_dir, "one")
    assert {"system.cpu.load_average", "system.memory.used_bytes", "system.process.memory_bytes"} < set(found[0])
    assert {"system.process.cpu_cores", "system.network.sent_bytes_per_second"} < set(found[1])
    assert found[1]["_step"] == round(found[1]["_timestamp"] * 1000)
    assert runwell.Api(spool=runwell_dir).run("one").history() == [
        {
            "_step": 0,
            "loss": 1.0,
            "_timestamp": pytest.approx(time.time(), abs=60),
            "_runtime": pytest.approx(0, abs=60),
        }
    ]


@contextmanager
def rank() -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process: subprocess.Popen[str] = subprocess.Popen([sys.executable, "-c", RANK], **pipes)  # type: ignore[call-overload]
    with process:
        assert process.stdout
        assert process.stdout.readline() == "logging\n"
        yield process


def by_process(root: Path) -> dict[int, list[set[str]]]:
    """For each process id the groups of figures of its samples, as its own spool has them."""
    found: dict[int, list[set[str]]] = {}
    for spool in list_writers(root / "spool"):
        looks = found.setdefault(int((spool.directory / "lock").read_text()), [])
        for batch in spool.batches():
            looks.extend(
                {column.key.partition("\x1f")[0] for column in event.system_metric_logged.metrics.columns}
                for event in batch.events.events
                if event.WhichOneof("event") == "system_metric_logged"
            )
    return found


def test_one_rank_tells_of_the_machine(runwell_dir: Path):
    """Of two ranks on a machine one tells of it; when that one is killed, the other one does. Each tells of itself."""
    with rank() as first:
        until(lambda: any("memory" in look for look in by_process(runwell_dir)[first.pid]), "figures of the machine")
        with rank() as second:
            until(lambda: by_process(runwell_dir).get(second.pid), "figures of the second rank")
            assert all(look == {"process"} for look in by_process(runwell_dir)[second.pid])
            os.kill(first.pid, signal.SIGKILL)
            until(lambda: "memory" in by_process(runwell_dir)[second.pid][-1], "the machine's figures from the second")


def test_claims_are_for_each_run(tmp_path: Path):
    """Two runs on a machine both tell of it, and what is released can be claimed again."""
    program = (
        "import sys; from pathlib import Path; from runwell.system.claims import Claims; "
        "print([Claims(Path(sys.argv[1]), 'bench', run).holds('host') for run in ('a', 'b')])"
    )
    claims = Claims(tmp_path, "bench", "a")
    assert claims.holds("host") and claims.holds("host")
    seen = []
    for _ in range(2):
        command = [sys.executable, "-c", program, str(tmp_path)]
        seen.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
        claims.release()
    assert seen == ["[False, True]", "[True, True]"]


def test_a_full_spool_drops_figures_and_counts_them():
    """While the disk takes nothing figures are dropped, counted, and nothing waits; a finished run takes none."""
    disk = MemoryDisk()
    writer = SpoolWriter(disk, ManualClock(), WriterIdentity(bytes(16), "lab", "digits", "r1"))
    writer.start("run_started", {})
    lane = Lane(writer, StepCursor(0, strict=True), warn=lambda text: None)
    records = writer.record
    assert lane.offer_event("system_metric_logged", figure_fields({path("cpu", "used_ratio"): 0.5}))
    assert writer.record == records + 1
    disk.capacity = 0
    assert lane.offer_event("system_metric_logged", figure_fields({path("cpu", "used_ratio"): 0.5}))
    assert writer.dropped_total == 1
    disk.capacity = 1 << 20
    lane.finish(0, "it is over")
    assert not lane.offer_event("system_metric_logged", figure_fields({path("cpu", "used_ratio"): 0.5}))


def test_settings_have_wandbs_names_too(monkeypatch: pytest.MonkeyPatch):
    """wandb's names, ours, and the environment say the same; nonsense is refused."""
    assert resolve({"x_stats_sampling_interval": 3}, {}).system_interval_s == 3
    assert not resolve({"_disable_stats": True}, {}).system_metrics
    assert not resolve({"x_disable_stats": True}, {}).system_metrics
    monkeypatch.setenv("RUNWELL_SYSTEM_INTERVAL_S", "2.5")
    monkeypatch.setenv("RUNWELL_SYSTEM_METRICS", "no")
    monkeypatch.setenv("RUNWELL_PROMETHEUS_METRICS", "loss,val/*")
    found = resolve(None, {})
    assert (found.system_interval_s, found.system_metrics) == (2.5, False)
    assert found.prometheus_metrics == ["loss", "val/*"]
    for wrong in ({"system_interval_s": 0}, {"system_interval_s": "often"}, {"prometheus_metrics": "loss"}):
        with pytest.raises(UsageError):
            resolve(wrong, {})
    monkeypatch.setenv("RUNWELL_SYSTEM_INTERVAL_S", "often")
    with pytest.raises(UsageError, match="RUNWELL_SYSTEM_INTERVAL_S"):
        resolve(None, {})
