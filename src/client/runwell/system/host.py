"""The figures of this machine."""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import psutil

from runwell.system.figures import Changes, Figures, looked, path

VIRTUAL_INTERFACES = ("lo", "veth", "docker", "br-", "virbr", "cni", "cali", "flannel")
"""What goes through these goes through another interface too, or never leaves the machine."""


class HostSource:
    """Processors, memory, disks and network. ``directories`` say which file systems matter."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._mounts = sorted({_mount_of(directory) for directory in directories})
        self._changes = Changes()

    def look(self, now: float) -> Figures:
        """Sandboxes hide some of it, which leaves the rest."""
        return looked(
            [
                lambda: {path("cpu", "load_average"): os.getloadavg()[0]},
                _memory,
                lambda: {path("swap", "used_bytes"): float(psutil.swap_memory().used)},
                self._processors,
                *(partial(_file_system, mount) for mount in self._mounts),
                partial(self._network, now),
                partial(self._disks, now),
            ]
        )

    def _processors(self) -> Figures:
        times = psutil.cpu_times()
        # What guests of this machine use is in user and nice already; waiting for a disk is idleness.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        return {
            name: min(used, 1.0)
            for name, used in self._changes.rate(path("cpu", "used_ratio"), total - idle, total).items()
        }

    def _network(self, now: float) -> Figures:
        interfaces = [
            counters
            for name, counters in psutil.net_io_counters(pernic=True).items()
            if not name.startswith(VIRTUAL_INTERFACES)
        ]
        rate = self._changes.rate
        return {
            **rate(path("network", "received_bytes_per_second"), sum(each.bytes_recv for each in interfaces), now),
            **rate(path("network", "sent_bytes_per_second"), sum(each.bytes_sent for each in interfaces), now),
        }

    def _disks(self, now: float) -> Figures:
        disks = psutil.disk_io_counters()
        if disks is None:
            return {}
        return {
            **self._changes.rate(path("disk", "read_bytes_per_second"), disks.read_bytes, now),
            **self._changes.rate(path("disk", "written_bytes_per_second"), disks.write_bytes, now),
        }


def _memory() -> Figures:
    memory = psutil.virtual_memory()
    return {
        path("memory", "used_bytes"): float(memory.total - memory.available),
        path("memory", "used_ratio"): memory.percent / 100,
    }


def _file_system(mount: str) -> Figures:
    usage = psutil.disk_usage(mount)
    return {
        path("disk", mount, "free_bytes"): float(usage.free),
        path("disk", mount, "used_ratio"): usage.percent / 100,
    }


def _mount_of(directory: Path) -> str:
    """Where the file system of a directory is mounted."""
    place = directory.resolve()
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return str(place)
