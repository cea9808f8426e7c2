"""GPUs: NVIDIA's through nvidia-ml-py and a library that gcc makes here, AMD's through files as the kernel has them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runwell.system.amd import open_amd
from runwell.system.claims import Claims
from runwell.system.figures import path
from runwell.system.nvidia import open_nvidia, visible_devices

LOOK = """
import json, sys
from pathlib import Path
from runwell.system.claims import Claims
from runwell.system.nvidia import open_nvidia
source = open_nvidia(Claims(Path(sys.argv[1]), "bench", "run"))
source.look(0.0)
print(json.dumps({key.replace("\\x1f", "."): value for key, value in source.look(1.0).items()}))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a libnvidia-ml.so.1."""
    directory = tmp_path_factory.mktemp("nvml")
    source = Path(__file__).with_name("nvml.c")
    command = ["gcc", "-shared", "-fPIC", "-o", str(directory / "libnvidia-ml.so.1"), str(source)]
    subprocess.run(command, check=True)
    return directory


def look(library: Path, claims: Path, **environment: str) -> dict[str, float]:
    environ = os.environ | {"LD_LIBRARY_PATH": str(library)} | environment
    command = [sys.executable, "-c", LOOK, str(claims)]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout)
    return found


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler here")
def test_nvidia_ml_py_is_asked_for_what_it_knows(library: Path, tmp_path: Path):
    """Each figure has its base unit; what a GPU does not support is left out, the rest is there."""
    found = look(library, tmp_path)
    first = {name.removeprefix("gpu.0."): value for name, value in found.items() if name.startswith("gpu.0.")}
    assert first == {
        "used_ratio": 0.75,
        "memory_busy_ratio": 0.2,
        "memory_used_bytes": 20 * 2**30,
        "memory_total_bytes": 80 * 2**30,
        "temperature_celsius": 61,
        "power_watts": 321.5,
        "power_limit_watts": 700,
        "clock_hertz": 1.98e9,
        "memory_clock_hertz": 2.619e9,
        "throttled": 1,
        "memory_errors": 3,
    }
    second = {name.removeprefix("gpu.1.") for name in found if name.startswith("gpu.1.")}
    assert second == first.keys() - {"power_watts"}
    assert found["gpu.1.throttled"] == 0


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler here")
def test_only_visible_gpus_are_told_of(library: Path, tmp_path: Path):
    """A process tells of the GPUs that CUDA_VISIBLE_DEVICES leaves it."""
    assert {name[:6] for name in look(library, tmp_path, CUDA_VISIBLE_DEVICES="1")} == {"gpu.1."}
    assert look(library, tmp_path, CUDA_VISIBLE_DEVICES="") == {}


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler here")
def test_a_lost_gpu_hides_no_other(library: Path, tmp_path: Path):
    """Of a GPU that fell off its bus nothing is told, of the others everything."""
    assert {name[:6] for name in look(library, tmp_path, NVML_LOST="0")} == {"gpu.1."}


FORKING = """
import os, pathlib, sys, runwell
with runwell.init(mode="offline", project="digits", settings={"system_interval_s": 0.1, "git": False}) as run:
    run.log({"loss": 1.0})
    while not pathlib.Path(os.environ["NVML_HANGS"]).exists():
        os.sched_yield()
    child = os.fork()
    run.log({"loss": 0.5})
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler here")
def test_a_driver_that_hangs_stops_nothing(library: Path, runwell_dir: Path):
    """While the driver never answers, the process forks, both sides log, and the run ends."""
    own = {"LD_LIBRARY_PATH": str(library), "NVML_HANGS": str(runwell_dir / "hangs"), "RUNWELL_SYSTEM_METRICS": "1"}
    ended = subprocess.run([sys.executable, "-c", FORKING], env=os.environ | own, timeout=45, check=False)
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("chosen", "visible"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("2,0", [0, 2]),
        ("0,7,1", [0]),
        ("GPU-b", [1]),
        ("GPU-", []),
        (" 1 ", [1]),
        ("MIG-1/2/3", [0, 1, 2]),
    ],
)
def test_visible_devices_are_those_of_cuda(chosen: str | None, visible: list[int]):
    """Indexes, beginnings of names, and an end at the first word that names none."""
    assert visible_devices(chosen, ["GPU-aa", "GPU-bb", "GPU-cc"]) == visible


def test_without_a_driver_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No library, no figures, no word."""
    monkeypatch.setattr("runwell.system.nvidia.LIBRARY", "libnvidia-ml-absent.so.1")
    assert open_nvidia(Claims(tmp_path, "bench", "run")) is None
    assert open_amd(Claims(tmp_path, "bench", "run"), tmp_path / "absent") is None


def test_amd_gpus_are_read_from_the_kernel(tmp_path: Path):
    """The driver's files become figures in base units; cards of others and those that a container was not given do not."""
    files = {
        "vendor": "0x1002",
        "gpu_busy_percent": "40",
        "mem_info_vram_used": str(2**30),
        "mem_info_vram_total": str(2**34),
        "hwmon/hwmon3/temp1_input": "55000",
        "hwmon/hwmon3/power1_average": "120000000",
        "hwmon/hwmon3/freq1_input": "1700000000",
        "ras/umc_err_count": "ue: 2\nce: 9",
    }
    for card, node, changes in (
        ("card1", "renderD128", {}),
        ("card2", "renderD129", {"vendor": "0x8086"}),
        ("card3", "renderD130", {}),
    ):
        device = tmp_path / card / "device"
        (device / "drm" / node).mkdir(parents=True)
        for name, text in (files | changes).items():
            (device / name).parent.mkdir(parents=True, exist_ok=True)
            (device / name).write_text(text + "\n")
    (tmp_path / "card1-DP-1").mkdir()
    source = open_amd(Claims(tmp_path, "bench", "run"), tmp_path, usable=lambda node: node.name != "renderD130")
    assert source is not None
    assert source.look(0.0) == {
        path("gpu", "amd0", name): pytest.approx(value)
        for name, value in {
            "used_ratio": 0.4,
            "memory_used_bytes": 2**30,
            "memory_total_bytes": 2**34,
            "temperature_celsius": 55,
            "power_watts": 120,
            "clock_hertz": 1.7e9,
            "memory_errors": 2,
        }.items()
    }
