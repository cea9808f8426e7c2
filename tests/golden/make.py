"""Makes the golden files of this version: a spool, a log, and what they must be read as, for ever.

Run once for each released version, and never again for one that has been released: `python -m tests.golden.make VERSION`.
"""

import asyncio
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from runwell._lane import Lane
from runwell._segments import WriterIdentity
from runwell._spool import SpoolWriter
from runwell.core.steps import StepCursor
from runwell.forwarder.encoding import encode
from runwell.forwarder.spools import list_writers
from runwell_collector.admission import admit
from runwell_collector.log import NewBatch, RunId, open_log_reader
from runwell_collector.log.sqlite import open_event_log
from tests.client.memory_disk import ManualClock, MemoryDisk
from tests.golden.reading import history_of_log, history_of_spool

HERE = Path(__file__).parent
WRITER = bytes(range(16))
RUN = RunId("lab", "digits", "golden")
RECEIVED_AT = 1_700_000_500.0


def write_spool(directory: Path) -> None:
    """A run of everything that a spool can hold: rows of several shapes, hidden ones, JSON, events, several segments."""
    disk, clock = MemoryDisk(), ManualClock()
    writer = SpoolWriter(disk, clock, WriterIdentity(WRITER, *RUN), segment_bytes=900)
    fields = {"name": "golden run", "tags": {"values": ["a", "b"]}}
    writer.start("run_started", {"fields": fields, "process": {"host": "host", "pid": 7}, "resume": "allow"})
    lane = Lane(writer, StepCursor(), warn=lambda text: None)
    lane.put_event("config_set", {"set_json": '{"lr":0.1,"layers":[1,2],"nan":NaN}'})
    for number in range(20):
        clock.monotonic_s += 0.5
        lane.log({"loss": 1 / (1 + number), "epoch": number // 4, "best": number % 3 == 0})
    lane.log({"loss": float("nan"), "inf": float("inf"), "-inf": float("-inf")})
    lane.log({"nested": {"a": 1, "b": {"c": -2.5}}, "big": 2**70, "text": "\u00e4\u2713", "list": [1, None, "x"]})
    lane.log({"late": 1.0}, step=3)
    clock.wall_s += 60
    lane.sync()
    lane.log({"loss": 0.01}, step=40)
    lane.set_summary({"best\x1floss": 0.01}, ["epoch"])
    lane.put_event("metric_defined", {"name": "loss", "summary": ["min"]})
    lane.put_event("console_logged", {"first_line": 1, "lines": ["hello"]})
    lane.finish(0, "over")
    directory.mkdir(parents=True)
    for name, file in sorted(disk.files.items()):
        (directory / name).write_bytes(bytes(file.data))
    (directory / "lock").touch()


async def write_log(spool_root: Path, data_dir: Path) -> None:
    """The spool as a collector stores it, and a run of a writer that ended without a word."""
    (spool,) = list_writers(spool_root)
    async with open_event_log(data_dir / "log") as log:
        for number, cut in enumerate(spool.batches()):
            batch = encode(spool.writer, cut, compressed=number % 2 == 1)
            mark = admit(batch)
            new = NewBatch(
                RUN,
                spool.writer,
                batch.first,
                batch.count,
                batch.chain_before,
                batch.chain,
                RECEIVED_AT,
                batch.codec,
                batch.events,
                mark,
            )
            await log.append([new])


def make(version: str) -> None:
    """Raises FileExistsError when that version has its files."""
    directory = HERE / version
    directory.mkdir()
    name = f"{RUN.run_id}.{WRITER.hex()}"
    write_spool(directory / "spool" / name)
    data_dir = directory / "server"
    data_dir.mkdir()
    asyncio.run(write_log(directory / "spool", data_dir))
    for path in (data_dir / "log").glob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            # One file a segment is enough: whoever opens it makes it a write-ahead log again.
            connection.execute("PRAGMA journal_mode = DELETE")
    with closing(open_log_reader(data_dir)) as log:
        assert log.end()
    expected: dict[str, Any] = {
        "spool": history_of_spool(directory / "spool"),
        "log": history_of_log(data_dir),
    }
    (directory / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
    for leftover in (data_dir / "log").glob("*-*"):
        leftover.unlink()
    shutil.rmtree(data_dir / "views", ignore_errors=True)


if __name__ == "__main__":
    make(sys.argv[1])
