"""The figures of machine, control group and process, from real files and this very machine."""

import os
from pathlib import Path

import psutil
import pytest

from runwell.core.system import figure_of
from runwell.system.cgroup import CgroupSource
from runwell.system.figures import Changes, path
from runwell.system.host import HostSource
from runwell.system.process import ProcessSource


def test_this_machine(tmp_path: Path):
    """What is told of this machine is what it is, and has a name that readers know."""
    source = HostSource((Path("/"), tmp_path))
    first, second = source.look(0.0), source.look(10.0)
    assert path("cpu", "used_ratio") not in first
    assert 0 <= second.get(path("cpu", "used_ratio"), 0.5) <= 1
    assert 0 < second[path("memory", "used_bytes")] < psutil.virtual_memory().total
    assert second[path("disk", "/", "free_bytes")] == pytest.approx(psutil.disk_usage("/").free, rel=0.2)
    assert second[path("network", "sent_bytes_per_second")] >= 0
    assert all(figure_of(name) for name in second)


def test_this_process():
    """What is told of this process is what it is."""
    source = ProcessSource()
    source.look(0.0)
    found = source.look(10.0)
    assert found[path("process", "memory_bytes")] == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    assert found[path("process", "open_files")] == pytest.approx(len(os.listdir("/dev/fd")), abs=10)
    assert found[path("process", "cpu_cores")] >= 0
    assert all(figure_of(name) for name in found)


def test_what_a_sandbox_hides_leaves_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Figures that cannot be had are left out alone, of the machine and of the process."""

    def hidden(*_: object, **__: object) -> object:
        raise PermissionError("hidden")

    for name in ("swap_memory", "disk_io_counters", "net_io_counters"):
        monkeypatch.setattr(psutil, name, hidden)
    for name in ("num_fds", "io_counters"):
        monkeypatch.setattr(psutil.Process, name, hidden, raising=False)
    host, process = HostSource((tmp_path,)).look(0.0), ProcessSource().look(0.0)
    assert {path("cpu", "load_average"), path("memory", "used_ratio")} < set(host)
    assert set(process) == {path("process", "memory_bytes"), path("process", "threads")}


def write(directory: Path, **files: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text + "\n")


def shown(figures: dict[str, float]) -> dict[str, float]:
    return {name.replace("\x1f", "."): value for name, value in figures.items()}


def test_the_tightest_limit_of_version_2(tmp_path: Path):
    """A limit of a group above counts when it is the tighter one; throttling is the share of periods."""
    (tmp_path / "membership").write_text("0::/slice/job\n")
    root = tmp_path / "cgroup"
    write(root, cgroup__controllers="memory")
    write(root / "slice", memory__max="1000", memory__current="600", cpu__max="max 100000")
    write(root / "slice/job", memory__max="max", memory__current="500", cpu__max="150000 100000")
    write(root / "slice/job", cpu__stat="usage_usec 5\nnr_periods 10\nnr_throttled 1")
    source = CgroupSource(root, tmp_path / "membership")
    source.look(0.0)
    write(root / "slice/job", cpu__stat="usage_usec 5\nnr_periods 20\nnr_throttled 6")
    assert shown(source.look(1.0)) == {
        "cgroup.memory_limit_bytes": 1000,
        "cgroup.memory_used_bytes": 600,
        "cgroup.cpu_limit_cores": 1.5,
        "cgroup.cpu_throttled_ratio": 0.5,
    }


def test_version_1_in_a_container(tmp_path: Path):
    """A container sees its own files at the top, whatever path the kernel names."""
    (tmp_path / "membership").write_text("4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n")
    root = tmp_path / "cgroup"
    write(root / "memory", memory__limit_in_bytes="2048", memory__usage_in_bytes="512")
    write(root / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert shown(CgroupSource(root, tmp_path / "membership").look(0.0)) == {
        "cgroup.memory_limit_bytes": 2048,
        "cgroup.memory_used_bytes": 512,
    }
    write(root / "memory", memory__limit_in_bytes="9223372036854771712")
    assert CgroupSource(root, tmp_path / "membership").look(0.0) == {}


def test_changes_begin_anew():
    """A rate needs two looks, and a counter that went backwards begins anew."""
    changes = Changes()
    assert changes.rate("read", 100, 0.0) == {}
    assert changes.rate("read", 150, 10.0) == {"read": 5.0}
    assert changes.rate("read", 10, 20.0) == {}
    assert changes.rate("read", 20, 30.0) == {"read": 1.0}
    assert changes.rate("read", 30, 30.0) == {}
