"""AMD GPUs, through the files of the kernel's amdgpu driver.

Not through amdsmi: its wheel fits one version of ROCm alone, and these files are the kernel's promise.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

from runwell.system.claims import Claims
from runwell.system.figures import Figures, path

VENDOR = "0x1002"
UNCORRECTED = re.compile(r"^ue:\s*(\d+)", re.MULTILINE)

_FILES: dict[str, tuple[str, float]] = {
    "used_ratio": ("gpu_busy_percent", 1e-2),
    "memory_busy_ratio": ("mem_busy_percent", 1e-2),
    "memory_used_bytes": ("mem_info_vram_used", 1.0),
    "memory_total_bytes": ("mem_info_vram_total", 1.0),
    "temperature_celsius": ("hwmon/temp1_input", 1e-3),
    "power_watts": ("hwmon/power1_average", 1e-6),
    "power_limit_watts": ("hwmon/power1_cap", 1e-6),
    "clock_hertz": ("hwmon/freq1_input", 1.0),
    "memory_clock_hertz": ("hwmon/freq2_input", 1.0),
}
"""Each figure's file in the device's directory, and its unit."""


def open_amd(
    claims: Claims,
    cards: Path = Path("/sys/class/drm"),
    usable: Callable[[Path], bool] = lambda node: os.access(node, os.R_OK),
) -> "AmdSource | None":
    """The GPUs that this process may use; None where there are none."""
    found = [card / "device" for card in sorted(cards.glob("card[0-9]*")) if _is_usable(card / "device", usable)]
    return AmdSource(found, claims) if found else None


def _is_usable(device: Path, usable: Callable[[Path], bool]) -> bool:
    """Whether it is AMD's, counts its work, and is one that a container was given."""
    try:
        if (device / "vendor").read_text().strip() != VENDOR or not (device / "gpu_busy_percent").exists():
            return False
    except OSError:
        return False
    return any(usable(Path("/dev/dri") / node.name) for node in device.glob("drm/renderD*"))


class AmdSource:
    """The devices' directories, as far as no other process of the run tells of them."""

    def __init__(self, devices: list[Path], claims: Claims) -> None:
        self._devices = {f"amd{index}": device for index, device in enumerate(devices)}
        self._claims = claims

    def look(self, now: float) -> Figures:
        found: Figures = {}
        for name, device in self._devices.items():
            if self._claims.holds(name):
                found |= _figures(name, device)
        return found


def _figures(name: str, device: Path) -> Figures:
    sensors = next(device.glob("hwmon/hwmon*"), device)
    found: Figures = {}
    for figure, (file, unit) in _FILES.items():
        place = sensors / file.removeprefix("hwmon/") if file.startswith("hwmon/") else device / file
        try:
            found[path("gpu", name, figure)] = float(place.read_text()) * unit
        except (OSError, ValueError):
            continue
    try:
        uncorrected = UNCORRECTED.search((device / "ras/umc_err_count").read_text())
    except OSError:
        return found
    return found | ({path("gpu", name, "memory_errors"): float(uncorrected[1])} if uncorrected else {})
