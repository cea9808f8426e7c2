"""What scripts and libraries that were written for wandb's client find under `runwell`."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runwell
from runwell.errors import ConfigError, Error


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


NAMES = words(
    "init log finish run config summary define_metric watch Artifact log_artifact Image Table Api sweep agent Error termwarn "
    "Settings setup teardown require login save restore use_artifact unwatch alert mark_preempting Video Audio Html Histogram "
    "Object3D Molecule Plotly Classes plot plot_table visualize AlertLevel CommError UsageError Run Config termlog termerror "
    "helper __version__ env util data_types patched _attach integration"
)

NOT_YET = words("Graph JoinedTable sklearn xgboost lightgbm catboost keras tensorboard gym sacred")
"""Listed in docs/differences.md."""

OF_RUNS = words(
    "id name url dir step project entity config summary log define_metric watch use_artifact log_artifact finish tags notes "
    "_label _attach_id resumed starting_step sweep_id save alert"
)

PATHS: dict[str, dict[str, Any]] = {
    "sdk.lib": {"RunDisabled": runwell.Run},
    "wandb_run": {"Run": runwell.Run},
    "sdk.wandb_run": {"Run": runwell.Run},
    "sdk.lib.config_util": {"ConfigError": ConfigError},
    "sdk.lib.telemetry": {},
    "errors": {"Error": Error, "CommError": runwell.CommError, "UsageError": runwell.UsageError},
    "data_types": {"Image": runwell.Image, "Table": runwell.Table},
    "integration": {},
    "plot": {},
    "apis.public": {"Api": runwell.Api},
}


def test_every_name_is_there(offline: runwell.Run):
    """Each name of the module and of a run is there, and each old import path leads to the very same object."""
    assert [name for name in NAMES if not hasattr(runwell, name)] == []
    assert [name for name in OF_RUNS if not hasattr(offline, name)] == []
    for path, objects in PATHS.items():
        module = importlib.import_module(f"runwell.{path}")
        assert all(getattr(module, name) is found for name, found in objects.items()), path
    assert isinstance(offline, runwell.sdk.wandb_run.Run)
    assert [name for name in NOT_YET if hasattr(runwell, name)] == [], "these are there now: move them to NAMES"


def test_the_old_paths_are_reached_as_attributes():
    """A script that only imports the package reaches what wandb's has below it, in a fresh process."""
    script = """
import runwell as wandb
from runwell.sdk.lib import RunDisabled
with wandb.sdk.lib.telemetry.context() as tel:
    tel.feature.keras = True
assert wandb.sdk.lib.config_util.ConfigError is wandb.errors.ConfigError and wandb.apis.public.Api is wandb.Api
assert wandb.login(key="x") and wandb.require("service") is None and wandb.patched["tensorboard"] == []
assert len(wandb.util.generate_id()) == 8 and wandb.util.get_module("no_such_module_x") is None
assert wandb.helper.parse_config({"a": 1, "b": 2}, exclude=["a"]) == {"b": 2}
wandb.env.set_project("by-env")
wandb.launch(); wandb.launch()
wandb.termwarn("look", repeat=False); wandb.termwarn("look", repeat=False); wandb.termlog("hello")
with wandb.init(mode="offline") as run:
    assert run.project == "by-env" and wandb._attach(run._attach_id) is run
try:
    wandb.util.get_module("no_such_module_x", required="install x")
except wandb.Error as error:
    assert str(error) == "install x"
else:
    raise SystemExit("no error")
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("look") == 1 and ended.stderr.count("hosted service") == 1
    assert ended.stderr.count("runwell: hello") == 1


def test_another_process_attaches_to_a_run(tmp_path: Path):
    """By its id a further process writes the same run, as Lightning's spawned workers do."""
    with runwell.init(mode="offline", dir=tmp_path, project="p", settings={"git": False}) as run:
        run.log({"a": 1})
        script = f"import runwell; runwell._attach({run._attach_id!r}).log({{'b': 2}})"
        environment = {"RUNWELL_DIR": str(tmp_path), "RUNWELL_MODE": "offline", "PATH": "/usr/bin:/bin"}
        ended = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
        )
        assert ended.returncode == 0, ended.stderr
    rows = runwell.Api(spool=tmp_path).run(run.path).history()
    assert sorted(key for row in rows for key in row if not key.startswith("_")) == ["a", "b"]


def test_attaching_says_what_it_needs():
    """Without an id it is told what to give."""
    with pytest.raises(runwell.UsageError, match="_attach_id"):
        runwell._attach()
