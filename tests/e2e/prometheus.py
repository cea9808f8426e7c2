"""A real Prometheus server for tests, and its tool."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT
from tests.server import until

PROGRAMS = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", "")])
PROMETHEUS, PROMTOOL = (shutil.which(name, path=PROGRAMS) for name in ("prometheus", "promtool"))

needs_prometheus = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL) and not os.environ.get("CI"),
    reason="no Prometheus here: `make setup` takes it from Debian's packages, where apt-get is",
)
"""In CI it must be there, and then its absence fails the test."""


def promtool(*arguments: str | Path, given: bytes = b"", directory: Path | None = None) -> str:
    """What promtool prints; fails when it is not content."""
    assert PROMTOOL, "promtool is missing"
    command = [PROMTOOL, *map(str, arguments)]
    ended = subprocess.run(command, input=given, capture_output=True, cwd=directory, check=False)
    output = (ended.stdout + ended.stderr).decode()
    assert ended.returncode == 0, output
    return output


class Prometheus:
    """A running server. ``query`` asks for instant values."""

    def __init__(self, address: str) -> None:
        self.address = address

    def query(self, expression: str) -> list[dict[str, Any]]:
        parameters = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.address}/api/v1/query?{parameters}", timeout=10) as answer:
            return list(json.load(answer)["data"]["result"])

    def values(self, expression: str) -> list[float]:
        return [float(series["value"][1]) for series in self.query(expression)]


@contextlib.contextmanager
def prometheus(runwell: str, directory: Path) -> Iterator[Prometheus]:
    """A server with the configuration of deploy/, at a faster pace, that scrapes the one at ``runwell``."""
    assert PROMETHEUS, "prometheus is missing"
    shutil.copytree(ROOT / "deploy/prometheus", directory / "config")
    config = directory / "config/prometheus.yml"
    text = config.read_text().replace("127.0.0.1:8080", runwell.removeprefix("http://"))
    for pace in ("15s", "30s"):
        text = text.replace(f" {pace}", " 1s")
    config.write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        PROMETHEUS,
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = directory / "prometheus.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        address = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(f"{address}/-/ready", timeout=2).status == 200
            return False

        try:
            until(ready, "Prometheus is ready")
            yield Prometheus(address)
        finally:
            process.terminate()
            process.wait(20)
