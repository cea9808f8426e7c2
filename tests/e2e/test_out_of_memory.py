"""An out-of-memory kill: by the kernel, in a memory group of the process's own, where one can be made."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.spool_reading import events, read_rows, spools

GROUPS = Path("/sys/fs/cgroup")
LIMIT_BYTES = 64 << 20

HOG = """
import os, sys
import runwell
run = runwell.init(mode="offline", project="p", settings={"git": False})
if sys.argv[1]:
    with open(sys.argv[1], "w") as members:
        members.write(str(os.getpid()))
kept = []
while True:
    if not sys.argv[1] and len(kept) == 20:
        os.kill(os.getpid(), 9)
    kept.append(os.urandom(1 << 20))
    run.log({"mebibytes": len(kept)})
    print(len(kept), flush=True)
"""


@pytest.fixture
def members() -> Iterator[str]:
    """The file that puts a process into a memory group, of cgroups version 1 or 2, with a small limit; empty where this
    user can make none: then the process kills itself as the kernel would.
    """
    first = (GROUPS / "memory").is_dir()
    group = (GROUPS / "memory" if first else GROUPS) / f"runwell-test-{os.getpid()}"
    names = ("memory.limit_in_bytes", "memory.swappiness") if first else ("memory.max", "memory.swap.max")
    try:
        group.mkdir()
        try:
            (group / names[0]).write_text(str(LIMIT_BYTES))
            (group / names[1]).write_text("0")
        except OSError:
            group.rmdir()
            raise
    except OSError:
        yield ""
    else:
        yield str(group / "cgroup.procs")
        group.rmdir()


def test_rows_survive_an_out_of_memory_kill(members: str, runwell_dir: Path):
    """The kernel kills the process in the middle of its work: every row whose log() had returned is in the spool."""
    ended = subprocess.run([sys.executable, "-c", HOG, members], stdout=subprocess.PIPE, check=False, timeout=50)
    assert ended.returncode == -signal.SIGKILL
    told = len(ended.stdout.splitlines())
    (spool,) = spools(runwell_dir)
    rows = [row["mebibytes"] for _, row in read_rows(spool)]
    assert told > 5
    assert rows == list(range(1, len(rows) + 1))
    assert len(rows) in (told, told + 1)
    assert events(spool, "run_finished") == []
