"""The GPUs of a machine, dealt out to trials."""

import os
from collections import deque
from collections.abc import Mapping, Sequence

from runwell.errors import UsageError


class DevicePool:
    """GPUs that no trial has. Without any asked for, trials see what the agent sees."""

    def __init__(self, devices: Sequence[str], per_trial: int, jobs: int) -> None:
        self._free = deque(devices)
        self._per_trial = per_trial
        self.jobs = jobs

    @classmethod
    def of(cls, per_trial: int, jobs: int | None) -> "DevicePool":
        """A pool for ``jobs`` trials of ``per_trial`` GPUs each; by default as many trials as the GPUs allow.

        Raises UsageError when there are too few.
        """
        if per_trial == 0:
            return cls((), 0, jobs or 1)
        devices = visible_devices(os.environ)
        possible = len(devices) // per_trial
        if possible == 0 or (jobs is not None and jobs > possible):
            raise UsageError(
                f"{jobs or 1} trials at once with {per_trial} GPUs each need {(jobs or 1) * per_trial}, and {len(devices)} are "
                "visible here: ask for fewer, or check CUDA_VISIBLE_DEVICES and nvidia-smi"
            )
        return cls(devices, per_trial, jobs or possible)

    def take(self) -> list[str]:
        """The GPUs of one trial."""
        return [self._free.popleft() for _ in range(self._per_trial)]

    def give_back(self, devices: Sequence[str]) -> None:
        """A trial has ended."""
        self._free.extend(devices)

    def environment(self, devices: Sequence[str]) -> dict[str, str]:
        """What tells a trial which GPUs are its own."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(devices)} if self._per_trial else {}


def visible_devices(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use, as CUDA names them."""
    said = environment.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [device.strip() for device in said.split(",") if device.strip() not in ("", "-1")]
    try:
        import pynvml  # type: ignore[import-untyped,import-not-found,unused-ignore]

        pynvml.nvmlInit()
    except Exception:  # noqa: BLE001  without the library or its driver there is no GPU to deal out
        return []
    try:
        return [str(index) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()
