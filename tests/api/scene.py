"""Spools that hold what is hard to read back, and how they come into a server without gRPC between."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runwell.forwarder.spools import list_writers
from runwell.v1 import collector_pb2, event_pb2
from runwell_collector.log import NewBatch, RunId
from runwell_collector.log.sqlite import open_event_log
from tests.forwarder.spool_writer import SpoolWriter
from tests.server import read_json, until

HOSTILE_ID = "x..%2F'\"<b>ünï 🏃?#&=+;[x](y)"
PROJECT = "ada/digits"
PROCESS = {"host": "bench", "user": "ada", "pid": 4711, "command": ["python", "train.py", "--lr", "0.1"]}


def write_plain(root: Path) -> SpoolWriter:
    """A finished run with 20 rows, a nested config and a summary of its own."""
    spool = SpoolWriter(root, "plain")
    fields = {"name": "calm-heron-1", "group": "g", "job_type": "train", "tags": {"values": ["baseline", "fast"]}}
    spool.event(run_started={"fields": fields, "process": PROCESS})
    spool.event(
        config_set={"set_json": json.dumps({"lr": 0.1, "opt": {"name": "adam", "weight.decay": 0.01}, "n": 2**53 + 1})}
    )
    for step in range(20):
        spool.row(step, {"loss": 1.0 / (step + 1), "epoch": step // 5, "val/acc": step / 20})
    spool.event(
        summary_updated={"set_json": json.dumps({"best": {"loss": 0.05}, "note": "done"}).replace(".loss", "\x1floss")}
    )
    spool.finish()
    return spool


def write_odd(root: Path) -> SpoolWriter:
    """A failed run with NaN and infinities, large integers, texts, lists, a masked row and rows that share a step."""
    spool = SpoolWriter(root, "odd")
    spool.event(run_started={"fields": {"name": "odd\x1b[31m\nname\u202e"}, "process": PROCESS})
    spool.event(config_set={"set_json": '{"lr": 0.2, "limit": Infinity, "flag": true, "list": [1, "a", null]}'})
    spool.row(0, {"loss": float("nan"), "count": 2**53 + 1, "ok": True})
    spool.row(1, {"loss": float("inf"), "count": -1, "ok": False})
    spool.row(1, {"extra": -float("inf")})
    spool.row(0, {"loss": 9.0}, masked=True)
    spool.json_row(
        2, {"text": "tab\tnew\nline 🏃", "big": 2**70, "none": None, "deep\x1fkey": 1.5, "list": [1, {"a": 2}]}
    )
    spool.finish(3)
    return spool


def write_resumed(root: Path) -> tuple[SpoolWriter, SpoolWriter]:
    """A run whose first process died at step 9 and whose second one went on from step 5."""
    first, second = SpoolWriter(root, "resumed"), SpoolWriter(root, "resumed")
    first.event(run_started={"fields": {"name": "risen"}, "process": PROCESS})
    for step in range(10):
        first.row(step, {"loss": 10.0 + step, "first": step})
    second.event(run_resumed={"attempt": 2, "starting_step": 5, "process": {**PROCESS, "pid": 4712}})
    for step in range(5, 12):
        second.row(step, {"loss": 20.0 + step})
    second.finish()
    return first, second


def write_hostile(root: Path) -> SpoolWriter:
    """A run whose id has everything that an address could trip over."""
    spool = SpoolWriter(root, HOSTILE_ID)
    spool.event(run_started={"fields": {"name": "<script>alert(1)</script>"}, "process": PROCESS})
    spool.row(0, {"a/b c\"'é": 1.0, "keys,with,commas": 2})
    return spool


def write_scene(root: Path) -> Path:
    """All of them; returns the directory of spools."""
    for write in (write_plain, write_odd, write_resumed, write_hostile):
        write(root)
    return root


async def _send(root: Path, data_dir: Path) -> None:
    async with open_event_log(data_dir / "log") as log:
        for spool in list_writers(root):
            last, chain = 0, 0
            for cut in spool.batches():
                batch = NewBatch(
                    RunId(*spool.run),
                    spool.writer,
                    cut.first,
                    cut.count,
                    cut.chain_before,
                    cut.chain,
                    received_at=max(event.time for event in cut.events.events),
                    codec=collector_pb2.CODEC_NONE,
                    events=cut.events.SerializeToString(),
                )
                await log.append([batch])
                last, chain = cut.first + cut.count - 1, cut.chain
            ended = event_pb2.Event(time=1.0, writer_ended=event_pb2.WriterEnded(last=last))
            control = event_pb2.Events(events=[ended]).SerializeToString()
            entry = NewBatch(
                RunId(*spool.run), spool.writer, last + 1, 0, chain, chain, 1.0, collector_pb2.CODEC_NONE, control
            )
            await log.append([entry])


def send(root: Path, data_dir: Path) -> None:
    """Puts every spool into the log of a data directory, as a forwarder and a collector would, ended writers included."""
    asyncio.run(_send(root, data_dir))


@contextlib.contextmanager
def component(module: str, data_dir: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """A component as a process of its own, on a free port; gives what it announced, and expects a graceful end."""
    name = module.removeprefix("runwell_")
    announced = data_dir / "components" / f"{name}.json"
    announced.unlink(missing_ok=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir / f"{name}.stderr"
    command = [sys.executable, "-m", module, "--data-dir", str(data_dir), "--http", "127.0.0.1:0", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)

    def said() -> dict[str, Any] | None:
        assert process.poll() is None, log.read_text()
        return read_json(announced)

    try:
        yield until(said, f"{module} serves")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0, log.read_text()
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
