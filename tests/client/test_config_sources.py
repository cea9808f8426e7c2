"""What run.config can be given as, in which order, and which values nobody changes."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import runwell
from tests.client.spool_reading import events


class Flags:
    """As absl.flags.FLAGS: it can be iterated and indexed, but to flags and not to values."""

    def __iter__(self) -> Any:
        return iter(["lr"])

    def __getitem__(self, name: str) -> Any:
        return object()

    def flag_values_dict(self) -> dict[str, Any]:
        return {"lr": 0.5, "name": "x"}


def test_flags_namespaces_and_files(tmp_path: Path, offline: runwell.Run):
    """absl's flags by their values, argparse's namespace, and files of plain values or in wandb's form."""
    offline.config.update(Flags())
    offline.config.update(argparse.Namespace(batch=16))
    (tmp_path / "plain.json").write_text(json.dumps({"depth": 3, "net": {"value": 1, "width": 2}}))
    (tmp_path / "wrapped.yaml").write_text('{"wandb_version": 1, "decay": {"value": 0.1, "desc": null}}')
    offline.config.update(tmp_path / "plain.json")
    offline.config.update(str(tmp_path / "wrapped.yaml"))
    assert dict(offline.config) == {
        "lr": 0.5, "name": "x", "batch": 16, "depth": 3, "net": {"value": 1, "width": 2}, "decay": 0.1,
    }  # fmt: skip
    for text, words in (("[1]", "no keys with values"), ("{a: 1}", "PyYAML|is no YAML|^$")):
        (tmp_path / "odd.yaml").write_text(text)
        if words.startswith("no"):
            with pytest.raises(runwell.UsageError, match=words):
                offline.config.update(tmp_path / "odd.yaml")
    with pytest.raises(runwell.UsageError, match="cannot be read"):
        offline.config.update(tmp_path / "none.yaml")
    with pytest.raises(TypeError, match="absl flags or the path of a file"):
        offline.config.update(5)


def test_yaml_is_read_when_pyyaml_is_there(tmp_path: Path, offline: runwell.Run):
    """Without it the message says what to install; JSON needs nothing."""
    (tmp_path / "values.yaml").write_text("lr: 0.5\nlayers: [1, 2]\n")
    try:
        import yaml  # noqa: F401
    except ImportError:
        with pytest.raises(runwell.UsageError, match="pip install pyyaml"):
            offline.config.update(tmp_path / "values.yaml")
    else:
        offline.config.update(tmp_path / "values.yaml")
        assert dict(offline.config) == {"lr": 0.5, "layers": [1, 2]}


def test_files_come_before_arguments_and_the_sweep_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """config-defaults.yaml, config_paths, init(config), then the sweep's, merged and locked (wandb's golden vector)."""
    monkeypatch.chdir(tmp_path)
    Path("config-defaults.yaml").write_text('{"a": {"value": 1}, "b": {"value": 1}, "c": {"value": 1}}')
    Path("more.json").write_text('{"b": 2, "c": 2}')
    Path("trial.yaml").write_text('{"net": {"value": {"h": 0}}, "lr": {"value": 0.5}}')
    monkeypatch.setenv("RUNWELL_CONFIG_PATHS", "more.json")
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", "trial.yaml")
    with runwell.init(mode="offline", config={"net": {"h": 7, "z": 1}, "c": 3}) as run:
        assert run.config.as_dict() == {"a": 1, "b": 2, "c": 3, "net": {"h": 0, "z": 1}, "lr": 0.5}
        spool = run.spool
    assert spool is not None
    assert json.loads(events(spool, "config_set")[-1]["set_json"]) == {"net": {"h": 0, "z": 1}, "lr": 0.5}


def test_a_locked_value_stays(offline: runwell.Run, capsys: pytest.CaptureFixture[str]):
    """Every way of changing it warns and is ignored, also with permission; what is not locked changes."""
    config = offline.config
    config.update_locked({"lr": 0.5, "net": {"h": 1}}, "sweep")
    config.lr = 5
    config["lr"] = 6
    config.update({"lr": 7, "free": 1}, allow_val_change=True)
    config.setdefaults({"lr": 8})
    del config["lr"]
    assert dict(config) == {"lr": 0.5, "net": {"h": 1}, "free": 1}
    assert "Config item 'lr' was locked by 'sweep' (ignored update)." in capsys.readouterr().err
    config.merge_locked({"net": {"z": 2}}, "launch")
    assert config["net"] == {"h": 1, "z": 2}


def test_what_changed_within_a_value_is_kept_when_asked_for(offline: runwell.Run):
    """A list that grew is written by persist(), as wandb's own does."""
    offline.config.update({"layers": [1]})
    offline.config["layers"].append(2)
    offline.config.persist()
    assert offline.spool is not None
    assert json.loads(events(offline.spool, "config_set")[-1]["set_json"])["layers"] == [1, 2]


def test_keys_can_be_chosen():
    """config_include_keys and config_exclude_keys, of what is given to init; both at once make no sense."""
    options: dict[str, Any] = {"mode": "offline", "config": {"a": 1, "b": 2, "c": 3}}
    with runwell.init(**options, config_include_keys=["a", "b"]) as run:
        assert dict(run.config) == {"a": 1, "b": 2}
    with runwell.init(**options, config_exclude_keys=["a"]) as run:
        assert dict(run.config) == {"b": 2, "c": 3}
    with pytest.raises(runwell.UsageError, match="not both"):
        runwell.init(**options, config_include_keys=["a"], config_exclude_keys=["b"])


def test_odd_keys_and_hidden_ones(offline: runwell.Run):
    """Dots stay, leading dashes go, numbers become text; an underscore hides a key from lists, not from access."""
    config = offline.config
    config.update({"a.b": 1, "--flag": True, 3: "three", "model/num_parameters": 7, "_own": 1})
    assert list(config) == ["a.b", "flag", "3", "model/num_parameters"]
    assert next(iter(config.items())) == ("a.b", 1)
    assert ("_own" in config, config["_own"], config.get("none")) == (True, 1, None)
    assert vars(config)["_items"]["_own"] == 1
    static = offline.config_static
    assert (static["a.b"], static.flag, dict(static) == config.as_dict()) == (1, True, True)
    with pytest.raises(AttributeError, match="read-only"):
        static.flag = False


def test_config_goes_on_after_a_resume():
    """Old values are there, new ones of init count, and the rest may not change without permission."""

    @dataclasses.dataclass
    class Options:
        lr: float = 0.1

    options: dict[str, Any] = {"mode": "offline", "id": "one", "project": "p"}
    with runwell.init(**options, config={"old": 1, "both": 1}) as run:
        run.config.update(Options())
    with runwell.init(**options, resume="must", config={"both": 2}) as run:
        assert dict(run.config) == {"both": 2, "old": 1, "lr": 0.1}
        with pytest.raises(runwell.ConfigError):
            run.config.lr = 0.2
        del run.config["old"]
        run.summary.update({"a": {"b": 1}, "c": 2})
    with runwell.init(**options, resume="must") as run:
        assert dict(run.config) == {"both": 2, "lr": 0.1}
        del run.summary["a"]["b"]
    with runwell.init(**options, resume="must") as run:
        assert run.summary.as_dict() == {"c": 2}
        assert dict(run.config) == {"both": 2, "lr": 0.1}
