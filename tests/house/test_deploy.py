"""What deploy/ holds is valid."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

from runwell.cli import command_parser
from tests.e2e.prometheus import needs_prometheus, promtool
from tests.house.source import ROOT

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus/rules"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_units_are_valid(tmp_path: Path) -> None:
    """systemd takes the units without a word; the program is put in the place of one that is not installed here."""
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text()
        if unit.suffix == ".service":
            assert "/opt/runwell/bin/runwell" in text
        (tmp_path / unit.name).write_text(text.replace("/opt/runwell/bin/runwell", sys.executable))
    units = sorted(tmp_path.iterdir())
    assert len(units) >= 3
    command = ["systemd-analyze", "verify", *map(str, units)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    assert not [unit.name for unit in units if unit.name in verified.stderr], verified.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_server_can_do_little(tmp_path: Path) -> None:
    """systemd's own measure of what a service is exposed to is low."""
    unit = DEPLOY / "systemd/runwell.service"
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(unit)]
    measured = subprocess.run(command, capture_output=True, text=True, check=False)
    assert measured.returncode == 0, measured.stdout[-400:] + measured.stderr


@needs_prometheus
def test_the_configuration_of_prometheus_is_valid() -> None:
    """promtool takes the configuration with its rules, and has no advice for it."""
    said = promtool("check", "config", "--lint=all", DEPLOY / "prometheus/prometheus.yml")
    assert not re.search(r"warning|error|fail|duplicate", said, re.IGNORECASE), said
    rules = sorted(path for path in RULES.iterdir() if path.name != "tests.yml")
    said = promtool("check", "rules", "--lint=all", *rules)
    assert said.count("SUCCESS") == len(rules) == 2


@needs_prometheus
def test_alerts_do_what_they_say() -> None:
    """The cases of tests.yml pass, and each alert and each recorded series has some."""
    assert "SUCCESS" in promtool("test", "rules", "tests.yml", directory=RULES)
    cases = (RULES / "tests.yml").read_text()
    for file in ("alerts.yml", "recording.yml"):
        for group in yaml.safe_load((RULES / file).read_text())["groups"]:
            for rule in group["rules"]:
                assert rule.get("alert", rule.get("record")) in cases


@needs_prometheus
def test_a_wrong_rule_fails_its_case(tmp_path: Path) -> None:
    """The cases notice a threshold that is off."""
    shutil.copytree(RULES, tmp_path / "rules")
    alerts = tmp_path / "rules/alerts.yml"
    alerts.write_text(alerts.read_text().replace("lag_batches > 1000", "lag_batches > 3000"))
    with pytest.raises(AssertionError, match="RunwellViewsLag"):
        promtool("test", "rules", "tests.yml", directory=tmp_path / "rules")


def test_the_compose_file_is_valid() -> None:
    """It is what the Compose specification allows; what it mounts is there, and its volumes are declared."""
    text = (DEPLOY / "compose/compose.yaml").read_text()
    compose = PyCompose.from_yaml(text)
    compose.validate()
    with pytest.raises(ValueError, match="imag"):
        PyCompose.from_yaml(text.replace("image:", "imag:", 1))
    content = yaml.safe_load(text)
    for service in content["services"].values():
        for mount in service["volumes"]:
            source = mount.partition(":")[0]
            assert source in content["volumes"] or (DEPLOY / "compose" / source).exists(), mount


def test_the_container_file_fits_the_checkout() -> None:
    """What it copies is there, and the command that it runs is one that the command line takes."""
    lines = (DEPLOY / "Containerfile").read_text().replace("\\\n", "").splitlines()
    for line in lines:
        words = shlex.split(line)
        if words[:1] == ["COPY"] and not words[1].startswith("--"):
            assert [name for name in words[1:-1] if not (ROOT / name).exists()] == []
    (command,) = (ast.literal_eval(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD "))
    options = command_parser().parse_args(command)
    assert options.allow_remote and options.host == "0.0.0.0"


def test_dashboards_can_be_provisioned() -> None:
    """Each has an identity of its own that never changes, panels with places of their own, and the source that comes with it."""
    (source,) = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    dashboards = [json.loads(path.read_text()) for path in (DEPLOY / "grafana/dashboards").glob("*.json")]
    assert {board["uid"] for board in dashboards} == {
        "runwell-run",
        "runwell-project",
        "runwell-gpus",
        "runwell-server",
    }
    for board in dashboards:
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
        assert len(set(places)) == len(places)
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])
        identities = [panel["id"] for panel in board["panels"]]
        assert len(set(identities)) == len(identities)
        sources = {panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"}
        assert sources == {source["uid"]}
