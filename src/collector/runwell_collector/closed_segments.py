"""Closed segments of the log are compressed by themselves: by a process of its own, of lower priority, one at a time.

A kill of it, or of the collector, with which it ends, loses nothing: the next one goes on.
"""

import asyncio
import sys
from pathlib import Path

from runwell_collector.log.segment import first_offsets

RETRY_S = 300.0
"""When is tried again what could not be done, such as on a full disk; the process says why."""


async def compress_for_ever(data_dir: Path, segment_closed: asyncio.Event) -> None:
    """Compresses what is closed already, and then whatever is closed from now on."""
    while True:
        segment_closed.clear()
        closed = (await asyncio.to_thread(first_offsets, data_dir / "log"))[:-1]
        done = not closed or await _compressed(data_dir)
        try:
            async with asyncio.timeout(None if done else RETRY_S):
                await segment_closed.wait()
        except TimeoutError:
            continue


async def _compressed(data_dir: Path) -> bool:
    """Whether the process did what was to be done."""
    command = (sys.executable, "-m", "runwell_collector.tools", "compress", "--data-dir", str(data_dir), "--beside")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        return await process.wait() == 0
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
