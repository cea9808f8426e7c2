"""A real Prometheus scrapes a real `runwell up` on which runs go on, with the configuration that deploy/ has."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.prometheus import Prometheus, needs_prometheus, prometheus, promtool
from tests.house.source import ROOT
from tests.server import Server, until

pytestmark = [needs_prometheus, pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler here")]

NAME = "x'\"<b>\\ü 🏃{a=1}"
METRIC = 'quote" back\\slash\nline\0nul'
TRAINER = f"""
import itertools, sys, threading, runwell
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
settings = {{"system_interval_s": 0.5, "finish_timeout_s": 20, "prometheus_metrics": ["loss", "quote*"], "git": False}}
with runwell.init(project="live", id="live-1", name={NAME!r}, group="g", settings=settings) as run:
    for step in itertools.count():
        run.log({{"loss": 1.0 / (step + 1), {METRIC!r}: step, "unseen": 1.0}})
        if ended.wait(0.05):
            break
"""


@dataclass(frozen=True)
class Scene:
    """A server on which one run goes on, and a Prometheus that scrapes it."""

    server: Server
    prometheus: Prometheus
    trainer: "subprocess.Popen[bytes]"

    def metrics(self, query: str = "") -> str:
        with urllib.request.urlopen(f"{self.server.http}/metrics{query}", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("root")
    library = root / "nvml"
    library.mkdir()
    source = ROOT / "tests/client/system/nvml.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library / "libnvidia-ml.so.1"), str(source)], check=True)
    own = {"RUNWELL_DIR": str(root), "RUNWELL_ENTITY": "tester", "LD_LIBRARY_PATH": str(library)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNWELL_")} | own
    with (
        contextlib.closing(Server.start(root / "server")) as server,
        prometheus(server.http, tmp_path_factory.mktemp("prometheus")) as scraping,
        subprocess.Popen([sys.executable, "-c", TRAINER], env=environment, stdin=subprocess.PIPE) as trainer,
    ):
        made = Scene(server, scraping, trainer)

        def scraped() -> bool:
            assert trainer.poll() is None
            return bool(scraping.query("runwell_run_system_gpu_used_ratio"))

        until(scraped, "figures of the run are scraped")
        yield made
        trainer.kill()
    for lock in root.glob("spool/.forwarder/*.lock"):
        with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
            os.kill(json.loads(lock.read_text())["pid"], signal.SIGTERM)


def test_each_component_is_a_target(scene: Scene):
    """Service discovery gives four targets through the one port, and each answers for itself alone."""
    until(lambda: scene.prometheus.values('up{job="runwell"}') == [1] * 4, "four targets are up")
    found = {series["metric"]["component"] for series in scene.prometheus.query("up == 1")}
    assert found == {"collector", "projector", "sweeps", "dashboard"}
    own = scene.metrics("?component=collector")
    assert "runwell_collector_batches_total" in own and "runwell_projector" not in own and "runwell_run" not in own


def test_the_exposition_is_clean(scene: Scene):
    """promtool has nothing to say of what the port answers, for all components together and for each."""
    for query in ("", "?component=collector", "?component=projector", "?component=sweeps", "?component=dashboard"):
        assert promtool("check", "metrics", given=scene.metrics(query).encode()) == ""
    assert scene.metrics().count('runwell_component_up{component="collector"} 1') == 1


def test_labels_are_what_was_logged(scene: Scene):
    """Names come back as they were logged, but for a NUL, at which Prometheus would stop; the globs chose them."""
    found = scene.prometheus.query("runwell_run_metric")
    assert {series["metric"]["run"] for series in found} == {"live-1"}
    assert {series["metric"]["metric"] for series in found} == {"loss", METRIC.replace("\0", "\ufffd")}
    (info,) = scene.prometheus.query("runwell_run_info")
    assert info["metric"]["name"] == NAME
    assert (info["metric"]["entity"], info["metric"]["project"], info["metric"]["group"]) == ("tester", "live", "g")


VARIABLES = {"$entity": "tester", "$project": "live", "$run": ".*", "$metric": "loss", "$host": ".*", "$instance": ".*"}


def asked(dashboard: dict[str, Any]) -> Iterator[str]:
    """Every expression of a dashboard, of its variables too, with the variables filled in."""
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    for variable in dashboard["templating"]["list"]:
        series = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
        assert series, variable
        expressions.append(f"count by ({series[2]}) ({series[1]})")
    for expression in expressions:
        for name, value in VARIABLES.items():
            expression = expression.replace(name, value)
        yield expression.replace("$__rate_interval", "10s")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_every_expression_has_data(scene: Scene, path: Path):
    """Whatever a dashboard of deploy/ asks for, this Prometheus has an answer to."""
    expressions = set(asked(json.loads(path.read_text())))
    assert expressions and not [expression for expression in expressions if "$" in expression]

    def unanswered() -> set[str]:
        return {expression for expression in expressions if not scene.prometheus.query(expression)}

    until(lambda: not unanswered(), f"data for {unanswered()}")


def test_a_restart_in_mid_scrape(scene: Scene):
    """Components that are killed while they are scraped come back with what they had shown."""
    (before,) = scene.prometheus.values("runwell_run_step")
    for component in ("collector", "sweeps", "dashboard"):
        scene.server.kill(component)
    until(lambda: scene.prometheus.values('up{job="runwell"}') == [1] * 4, "all targets are up again")
    until(lambda: scene.prometheus.values("runwell_run_step") > [before], "the run's step goes on")


def test_a_run_that_has_ended_is_gone(scene: Scene):
    """A finished run leaves the exposition at once, and Prometheus with the next scrape."""
    assert scene.trainer.stdin
    scene.trainer.stdin.close()
    assert scene.trainer.wait(30) == 0
    until(lambda: "runwell_run_info" not in scene.metrics("?component=dashboard"), "the exposition is without the run")
    until(lambda: not scene.prometheus.query("runwell_run_info or runwell_run_metric"), "Prometheus is without the run")
    assert scene.prometheus.values("runwell_running_runs") == [0]
