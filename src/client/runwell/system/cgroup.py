"""The limits of this process's control group: what a container or a batch system lets it use.

Both versions of the kernel's interface are read. In a container the group's own path is often not to be seen, and its files
are at the top of what is mounted; outside, the tightest limit of the group and those above it counts.
"""

from collections.abc import Iterator
from pathlib import Path

from runwell.system.figures import Changes, Figures, path

UNLIMITED_BYTES = 1 << 60
"""Version 1 writes "no limit" as the greatest number of pages."""


class CgroupSource:
    """``root`` is where the control groups are mounted, ``membership`` the file that names this process's ones."""

    def __init__(self, root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> None:
        """Raises OSError when there are no control groups."""
        self._changes = Changes()
        groups: dict[str, str] = {}
        for line in membership.read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            groups |= dict.fromkeys(controllers.split(","), place)
        self._unified = (root / "cgroup.controllers").exists()
        if self._unified:
            self._memory = self._processor = list(_upwards(root, groups.get("", "/")))
        else:
            self._memory = list(_upwards(root / "memory", groups.get("memory", "/")))
            self._processor = list(_upwards(root / "cpu", groups.get("cpu", "/")))

    def look(self, now: float) -> Figures:
        return {**self._memory_figures(), **self._processor_figures()}

    def _memory_figures(self) -> Figures:
        used, limit = (
            ("memory.current", "memory.max") if self._unified else ("memory.usage_in_bytes", "memory.limit_in_bytes")
        )
        limits = [(bytes_max, group) for group in self._memory if (bytes_max := _number(group / limit)) is not None]
        if not limits or min(limits)[0] >= UNLIMITED_BYTES:
            return {}
        bytes_max, group = min(limits)
        figures = {path("cgroup", "memory_limit_bytes"): bytes_max}
        in_use = _number(group / used)
        return figures if in_use is None else {**figures, path("cgroup", "memory_used_bytes"): in_use}

    def _processor_figures(self) -> Figures:
        limits = [(cores, group) for group in self._processor if (cores := self._cores(group)) is not None]
        if not limits:
            return {}
        cores, group = min(limits)
        counts = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
        throttled = self._changes.rate(
            path("cgroup", "cpu_throttled_ratio"), float(counts["nr_throttled"]), float(counts["nr_periods"])
        )
        return {path("cgroup", "cpu_limit_cores"): cores, **throttled}

    def _cores(self, group: Path) -> float | None:
        if self._unified:
            try:
                quota, period = (group / "cpu.max").read_text().split()
            except OSError:
                return None
            return None if quota == "max" else float(quota) / float(period)
        of_period, period_us = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
        return of_period / period_us if of_period is not None and period_us and of_period > 0 else None


def _upwards(mounted: Path, place: str) -> Iterator[Path]:
    """The group's directory, as far as it can be seen, and all above it."""
    directory = mounted / place.lstrip("/")
    while directory != mounted:
        if directory.is_dir():
            yield directory
        directory = directory.parent
    yield mounted


def _number(file: Path) -> float | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return None if text == "max" else float(text)
