"""System metrics: what is measured of machines and processes, and how it is read back.

A figure's path is two labels, or three with a device between: ``memory␟used_bytes``, ``gpu␟0␟used_ratio``. Prometheus has
the first and the last as its name and the device as a label. In the history of the stream "system" a sample is a row,
its keys begin with ``system.``, and its step is its time in milliseconds, so that samples of any number of processes and
attempts are in the order of time and never hide each other.
"""

import math
from collections.abc import Mapping
from typing import Any

from runwell.core.keys import PATH_SEPARATOR

STREAMS = ("default", "system")
PREFIX = "system" + PATH_SEPARATOR

FIGURES_MAX = 1_000
"""Figures of one sample that count as its last ones; the history has all of them."""

TIME_MAX = 9e15
"""Unix seconds whose milliseconds are integers of 64 bits."""

FIGURES: Mapping[str, str] = {
    "cpu_used_ratio": "Share of the host's processors in use.",
    "cpu_load_average": "Load average of the host over a minute.",
    "memory_used_bytes": "Memory of the host in use.",
    "memory_used_ratio": "Share of the host's memory in use.",
    "swap_used_bytes": "Swap space of the host in use.",
    "disk_free_bytes": "Free on the file system mounted at the device.",
    "disk_used_ratio": "Share of the file system mounted at the device in use.",
    "disk_read_bytes_per_second": "Read from all disks of the host.",
    "disk_written_bytes_per_second": "Written to all disks of the host.",
    "network_received_bytes_per_second": "Received by all interfaces of the host but the loopback.",
    "network_sent_bytes_per_second": "Sent by all interfaces of the host but the loopback.",
    "cgroup_memory_used_bytes": "Memory in use by the control group, such as a container.",
    "cgroup_memory_limit_bytes": "Memory that the control group may use.",
    "cgroup_cpu_limit_cores": "Processors that the control group may use.",
    "cgroup_cpu_throttled_ratio": "Share of the time in which the control group was kept from running.",
    "gpu_used_ratio": "Share of the time in which a kernel ran on the GPU.",
    "gpu_memory_used_bytes": "Memory of the GPU in use.",
    "gpu_memory_total_bytes": "Memory of the GPU.",
    "gpu_memory_busy_ratio": "Share of the time in which the GPU's memory was read or written.",
    "gpu_temperature_celsius": "Temperature of the GPU.",
    "gpu_power_watts": "Power that the GPU draws.",
    "gpu_power_limit_watts": "Power that the GPU may draw.",
    "gpu_clock_hertz": "Clock of the GPU's processors.",
    "gpu_memory_clock_hertz": "Clock of the GPU's memory.",
    "gpu_throttled": "Whether heat or power slows the GPU down.",
    "gpu_memory_errors": "Memory errors of the GPU that could not be corrected, since the driver was loaded.",
    "process_cpu_cores": "Processors that the process uses.",
    "process_memory_bytes": "Resident memory of the process.",
    "process_threads": "Threads of the process.",
    "process_open_files": "Open file descriptors of the process.",
    "process_read_bytes_per_second": "Read from disks by the process.",
    "process_written_bytes_per_second": "Written to disks by the process.",
}
"""All that there is, with what it means; every figure is a number that goes up and down."""


def figure_of(path: str) -> tuple[str, str] | None:
    """A path's figure and its device (empty: the host or the process as a whole); None for one that is not known."""
    group, _, rest = path.partition(PATH_SEPARATOR)
    device, separator, name = rest.rpartition(PATH_SEPARATOR)
    figure = f"{group}_{name}"
    return (figure, device if separator else "") if figure in FIGURES else None


def last_figures(message: Any) -> dict[str, float]:
    """The known figures that are finite numbers in the last row of a SystemMetricLogged message, by path."""
    found: dict[str, float] = {}
    for column in message.metrics.columns[:FIGURES_MAX]:
        kind = column.WhichOneof("values")
        values = getattr(column, kind).values if kind in ("f64", "i64") else ()
        if values and math.isfinite(values[-1]) and figure_of(column.key):
            found[column.key] = values[-1]
    return found


def as_rows(event: Any) -> Any:
    """A SystemMetricLogged event as a MetricLogged one: its keys with their prefix, its times as steps."""
    made = type(event)(index=event.index, time=event.time)
    rows = made.metric_logged
    rows.CopyFrom(event.system_metric_logged.metrics)
    del rows.steps[:]
    rows.steps.extend(map(_milliseconds, rows.times or [event.time] * rows.rows))
    for column in rows.columns:
        column.key = PREFIX + column.key
    return made


def _milliseconds(time: float) -> int:
    return round(max(-TIME_MAX, min(time, TIME_MAX)) * 1000)
