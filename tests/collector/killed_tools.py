"""``python -m tests.collector.killed_tools D SCRATCH``: kills compressing and archiving of the log in D at each of their steps,
on a copy each; prints how many steps there were. A process of its own, since it forks."""

import itertools
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from runwell_collector.compression import archive_log, compress_log
from runwell_collector.log import StoredBatch, open_log_reader
from runwell_collector.log.files import compressed_offsets
from runwell_collector.log.segment import first_offsets
from runwell_collector.verify import verify_log

KILLED = 9


def main() -> None:
    source, scratch = Path(sys.argv[1]), Path(sys.argv[2])
    # A kill takes nothing from what was written: syncing is a step to be killed at, and not worth its time here.
    os.fsync = _sync_nothing
    before = everything(source)
    for steps in itertools.count():
        data_dir, archive = scratch / f"D{steps}", scratch / f"A{steps}"
        shutil.copytree(source, data_dir)
        status = killed_at(steps, partial(tidy, data_dir, archive))
        assert everything(data_dir) == before, f"killed at step {steps}"
        assert not verify_log(data_dir / "log", None, quiet).damages, f"killed at step {steps}"
        tidy(data_dir, archive)
        assert everything(data_dir) == before, f"killed at step {steps} and called again"
        assert not list(data_dir.rglob(".unfinished*")) + list(archive.glob(".unfinished*"))
        assert len(first_offsets(data_dir / "log")) == 1
        assert compressed_offsets(archive)
        if status == 0:
            print(steps)
            return
        assert status == KILLED


def tidy(data_dir: Path, archive: Path) -> None:
    compress_log(data_dir / "log", quiet)
    archive_log(data_dir / "log", archive, quiet)


def _sync_nothing(fd: object) -> None:
    """Stands for os.fsync."""


def quiet(done: int, end: int) -> None:
    """No progress is shown."""


def everything(data_dir: Path) -> list[StoredBatch]:
    found: list[StoredBatch] = []
    with closing(open_log_reader(data_dir)) as reader:
        while batches := reader.read(len(found)):
            found += batches
    return found


def killed_at(step: int, work: Callable[[], None]) -> int:
    """Runs the work in a process that ends before its call number ``step`` that syncs, renames or removes."""
    child = os.fork()
    if child == 0:
        left = itertools.count(step, -1)

        def counted(call: Callable[..., Any]) -> Callable[..., Any]:
            def count(*arguments: Any, **options: Any) -> Any:
                if next(left) == 0:
                    os._exit(KILLED)
                return call(*arguments, **options)

            return count

        for name in ("fsync", "rename", "replace", "unlink"):
            setattr(os, name, counted(getattr(os, name)))
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
