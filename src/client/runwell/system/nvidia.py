"""NVIDIA GPUs, through their management library and nvidia-ml-py, each where it is installed."""

import ctypes
import os
from collections.abc import Callable
from typing import Any

from runwell._messages import say
from runwell.system.claims import Claims
from runwell.system.figures import Figures, path
from runwell.system.sampler import importing

LIBRARY = "libnvidia-ml.so.1"
MEGAHERTZ = 1e6


def open_nvidia(claims: Claims) -> "NvidiaSource | None":
    """The GPUs; None where there is no driver, at the cost of a failed look for its library. Raises what NVML raises."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    try:
        with importing:
            import pynvml  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        say("this machine has an NVIDIA driver; `pip install nvidia-ml-py` adds its GPUs to the run's system metrics")
        return None
    return NvidiaSource(pynvml, claims)


class NvidiaSource:
    """The GPUs that this process may use, as far as no other process of the run tells of them."""

    def __init__(self, nvml: Any, claims: Claims) -> None:
        self._nvml = nvml
        self._claims = claims
        nvml.nvmlInit()
        handles = [_handle(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
        uuids = ["" if handle is None else _uuid(nvml, handle) for handle in handles]
        visible = visible_devices(os.environ.get("CUDA_VISIBLE_DEVICES"), uuids)
        self._devices = [_Device(nvml, index, handles[index]) for index in visible if handles[index] is not None]

    def look(self, now: float) -> Figures:
        found: Figures = {}
        for device in self._devices:
            if self._claims.holds(f"nvidia {device.index}"):
                found |= device.look()
        return found


class _Device:
    """One GPU. What it does not support is not asked for again; what fails is left out this once."""

    def __init__(self, nvml: Any, index: int, handle: Any) -> None:
        self.index = index
        self._nvml = nvml
        heat_or_power = (
            nvml.nvmlClocksThrottleReasonSwPowerCap
            | nvml.nvmlClocksThrottleReasonHwSlowdown
            | nvml.nvmlClocksThrottleReasonSwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown
        )
        self._questions: list[tuple[Callable[..., Any], tuple[int, ...], Callable[[Any], Figures]]] = [
            (nvml.nvmlDeviceGetUtilizationRates, (), self._utilisation),
            (nvml.nvmlDeviceGetMemoryInfo, (), self._memory),
            (nvml.nvmlDeviceGetTemperature, (nvml.NVML_TEMPERATURE_GPU,), self._figure("temperature_celsius")),
            (nvml.nvmlDeviceGetPowerUsage, (), self._figure("power_watts", 1e-3)),
            (nvml.nvmlDeviceGetEnforcedPowerLimit, (), self._figure("power_limit_watts", 1e-3)),
            (nvml.nvmlDeviceGetClockInfo, (nvml.NVML_CLOCK_SM,), self._figure("clock_hertz", MEGAHERTZ)),
            (nvml.nvmlDeviceGetClockInfo, (nvml.NVML_CLOCK_MEM,), self._figure("memory_clock_hertz", MEGAHERTZ)),
            (
                nvml.nvmlDeviceGetCurrentClocksThrottleReasons,
                (),
                lambda reasons: {self._path("throttled"): float(bool(reasons & heat_or_power))},
            ),
            (
                nvml.nvmlDeviceGetTotalEccErrors,
                (nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC),
                self._figure("memory_errors"),
            ),
        ]
        self._handle = handle

    def look(self) -> Figures:
        found: Figures = {}
        for question in list(self._questions):
            ask, arguments, read = question
            try:
                found |= read(ask(self._handle, *arguments))
            except self._nvml.NVMLError as error:
                if error.value in (self._nvml.NVML_ERROR_NOT_SUPPORTED, self._nvml.NVML_ERROR_FUNCTION_NOT_FOUND):
                    self._questions.remove(question)
        return found

    def _path(self, name: str) -> str:
        return path("gpu", str(self.index), name)

    def _figure(self, name: str, unit: float = 1.0) -> Callable[[Any], Figures]:
        return lambda value: {self._path(name): float(value) * unit}

    def _utilisation(self, rates: Any) -> Figures:
        return {self._path("used_ratio"): rates.gpu / 100, self._path("memory_busy_ratio"): rates.memory / 100}

    def _memory(self, memory: Any) -> Figures:
        return {
            self._path("memory_used_bytes"): float(memory.used),
            self._path("memory_total_bytes"): float(memory.total),
        }


def visible_devices(chosen: str | None, uuids: list[str]) -> list[int]:
    """The indexes of the GPUs that CUDA would show for this CUDA_VISIBLE_DEVICES: all of them when it is not set.

    As CUDA does, it ends at the first word that names none. A part of a GPU (MIG) is taken for all of them, since what is
    measured are whole ones.
    """
    if chosen is None or "MIG-" in chosen:
        return list(range(len(uuids)))
    visible: list[int] = []
    for word in map(str.strip, chosen.split(",")):
        matching = [index for index, uuid in enumerate(uuids) if word and uuid.startswith(word)]
        if word.isascii() and word.isdecimal() and int(word) < len(uuids):
            matching = [int(word)]
        if len(matching) != 1:
            break
        visible += matching
    return sorted(set(visible))


def _handle(nvml: Any, index: int) -> Any:
    """None for a GPU that fell off its bus, or is not for this user: the others are still there."""
    try:
        return nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError:
        return None


def _uuid(nvml: Any, handle: Any) -> str:
    uuid = nvml.nvmlDeviceGetUUID(handle)
    # Versions before 11.5 gave bytes.
    return uuid.decode() if isinstance(uuid, bytes) else str(uuid)
