"""The figures of this process."""

import psutil

from runwell.system.figures import Changes, Figures, path


class ProcessSource:
    """This process alone: its children that log tell of themselves."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._changes = Changes()

    def look(self, now: float) -> Figures:
        process = self._process
        with process.oneshot():
            times = process.cpu_times()
            found = {
                path("process", "memory_bytes"): float(process.memory_info().rss),
                path("process", "threads"): float(process.num_threads()),
                path("process", "open_files"): float(process.num_fds()),
                **self._changes.rate(path("process", "cpu_cores"), times.user + times.system, now),
            }
        if hasattr(process, "io_counters"):
            # macOS has none; Linux keeps them from processes that changed their user.
            transfers = process.io_counters()
            found |= self._changes.rate(path("process", "read_bytes_per_second"), transfers.read_bytes, now)
            found |= self._changes.rate(path("process", "written_bytes_per_second"), transfers.write_bytes, now)
        return found
