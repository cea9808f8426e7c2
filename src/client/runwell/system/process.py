"""The figures of this process."""

from functools import partial

import psutil

from runwell.system.figures import Changes, Figures, looked, path


class ProcessSource:
    """This process alone: its children that log tell of themselves."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._changes = Changes()

    def look(self, now: float) -> Figures:
        process = self._process
        with process.oneshot():
            return looked(
                [
                    lambda: {path("process", "memory_bytes"): float(process.memory_info().rss)},
                    lambda: {path("process", "threads"): float(process.num_threads())},
                    lambda: {path("process", "open_files"): float(process.num_fds())},
                    partial(self._processors, now),
                    partial(self._disks, now),
                ]
            )

    def _processors(self, now: float) -> Figures:
        times = self._process.cpu_times()
        return self._changes.rate(path("process", "cpu_cores"), times.user + times.system, now)

    def _disks(self, now: float) -> Figures:
        if not hasattr(self._process, "io_counters"):
            # macOS has none; Linux keeps them, and the open files, from processes that changed their user.
            return {}
        transfers = self._process.io_counters()
        return {
            **self._changes.rate(path("process", "read_bytes_per_second"), transfers.read_bytes, now),
            **self._changes.rate(path("process", "written_bytes_per_second"), transfers.write_bytes, now),
        }
