"""Logging a directory of many files as an artifact: how fast it reaches the store, and how fast it is logged again.

`python -m benchmarks.artifacts [--files N] [--megabytes M] [--store URL] [--quick]`. Beside it a plain copy of the same files through the
same store, by the same library, with as many puts at once, each durable when it is counted: what is asked for is 70 % of that.
Memory is the most that the sending process and the collector had. Logging again, unchanged, has to be ten times faster than the
first time. Every file is read back from the store at the end and compared.
"""

import argparse
import asyncio
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runwell.core.blobs import Blob
from runwell_collector.blobs import BlobStore, open_blob_store

SHARE_MIN = 0.7
AGAIN_MIN = 10.0
MEMORY_MAX_MB = 300
PUTS_AT_ONCE = 32

LOG = """
import os, resource, sys, time
import runwell
began = time.perf_counter()
artifact = runwell.Artifact("many", type="dataset")
artifact.add_dir(sys.argv[1])
with runwell.init(project="bench", mode="offline", settings={"silent": True, "system_metrics": False, "git": False}) as run:
    run.log_artifact(artifact)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, artifact.digest)
"""


def make_files(directory: Path, count: int, size: int) -> None:
    """Files of random bytes, in folders of a hundred."""
    for number in range(count):
        folder = directory / f"{number // 100:04}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06}.bin").write_bytes(os.urandom(size))


def logged(directory: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds and megabytes of memory that logging takes in a process of its own."""
    command = [sys.executable, "-c", LOG, str(directory)]
    said = subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


async def copied(store: BlobStore, files: list[Path]) -> float:
    """Seconds that a plain copy takes: read, named by digest, put, durable."""
    slots = asyncio.Semaphore(PUTS_AT_ONCE)

    async def copy(path: Path) -> None:
        async with slots:
            content = await asyncio.to_thread(path.read_bytes)
            digest = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
            await store.put(Blob(digest, len(content)), content)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for path in files:
            tasks.create_task(copy(path))
    return time.perf_counter() - began


async def compare(store: BlobStore, files: list[Path]) -> None:
    """Every file is in the store as it is here."""
    for path in files:
        content = path.read_bytes()
        assert await store.read(hashlib.sha256(content).hexdigest()) == content, path


def peak_mb(pid: int) -> float:
    """The most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def measure(options: argparse.Namespace, root: Path) -> int:
    """Prints the figures; 1 when one misses."""
    directory, size = root / "files", options.megabytes * 1_000_000 // options.files
    make_files(directory, options.files, size)
    os.sync()
    files = sorted(directory.rglob("*.bin"))
    url = options.store and f"{options.store}/{os.getpid()}"
    baseline = open_blob_store(url and f"{url}-plain", root / "plain")
    environment = {**os.environ, "RUNWELL_DIR": str(root)}
    first_s, logging_mb = logged(directory, environment)
    plain_s = asyncio.run(copied(baseline, files))
    ports = ["--http-port", "0", "--grpc-port", "0"]
    command = [sys.executable, "-m", "runwell", "up", *ports, *(["--blobs", url] if url else [])]
    with (
        (root / "up.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            while not (root / "server" / "server.json").exists():
                time.sleep(0.05)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "runwell", "sync"], check=True, env=environment, stdout=subprocess.DEVNULL
            )
            sent_s = time.perf_counter() - began
            sending_mb = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
            collector = json.loads((root / "server" / "components" / "collector.json").read_text())["pid"]
            collector_mb = peak_mb(collector)
            again_s, _ = logged(directory, environment)
        finally:
            server.terminate()
    asyncio.run(compare(open_blob_store(url, root / "server"), files))
    total = options.files * size / 1e6
    share, faster, memory = plain_s / sent_s, first_s / again_s, max(sending_mb, collector_mb, logging_mb)
    print(f"{options.files:,} files of {size:,} bytes, {total:,.0f} MB, through {url or 'a folder'}")
    print(f"plain copy      {plain_s:7.2f} s  {total / plain_s:7.0f} MB/s")
    print(
        f"sent            {sent_s:7.2f} s  {total / sent_s:7.0f} MB/s  {share:6.2f} of the plain copy, asked for {SHARE_MIN}"
    )
    print(f"logged first    {first_s:7.2f} s")
    print(f"logged again    {again_s:7.2f} s  {faster:6.1f} times faster, asked for {AGAIN_MIN:g}")
    print(
        f"memory          sender {sending_mb:.0f}, collector {collector_mb:.0f}, training {logging_mb:.0f} MB, asked for {MEMORY_MAX_MB}"
    )
    return int(share < SHARE_MIN or faster < AGAIN_MIN or memory > MEMORY_MAX_MB)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--store", help="URL of the blob store; default: a folder")
    parser.add_argument(
        "--quick", action="store_true", help="the default: starting processes would be what is measured of less"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        return measure(options, Path(root))


if __name__ == "__main__":
    sys.exit(main())
