"""config: inputs, values, changes, locks and files (WANDB_SEMANTICS 1.4)."""

import argparse
import dataclasses
import datetime as dt
import decimal
import enum
import importlib
import math
import operator
import pathlib
from typing import Any, NamedTuple

import numpy as np

from tests.differential.stage import note, note_raised, scene, scene_alone, start, wandb


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Pair(NamedTuple):
    left: int
    right: int


@dataclasses.dataclass
class Inner:
    depth: int = 3


@dataclasses.dataclass
class Options:
    lr: float = 0.1
    inner: Inner = dataclasses.field(default_factory=Inner)


class DictLike:
    def keys(self) -> list[str]:
        return ["a", "b"]

    def __getitem__(self, key: str) -> int:
        return ord(key)


@scene
def given_to_init() -> None:
    run = start(
        "given_to_init", config={"lr": 0.1, "layers": [64, 32], "net": {"h": 7, "z": {"deep": True}}, "n": None}
    )
    note("item", run.config["lr"])
    note("attribute", run.config.layers)
    note("nested", run.config["net"]["z"])
    note("keys", sorted(run.config.keys()))
    note("dict", dict(run.config))
    note("get", [run.config.get("lr"), run.config.get("nowhere"), run.config.get("nowhere", 5)])
    note("in", ["lr" in run.config, "nowhere" in run.config])
    note("the module's", wandb.config["lr"])


@scene
def set_one_by_one() -> None:
    run = start("set_one_by_one")
    run.config["a"] = 1
    run.config.b = {"c": 2}
    run.config.update({"d": 3})
    run.config.update({"e": 4}, allow_val_change=True)
    wandb.config.f = 5
    note("as_dict", run.config.as_dict())
    note("items", sorted(run.config.items()))


@scene
def changing_values() -> None:
    run = start("changing_values", config={"a": 1, "n": {"x": 1, "y": 2}})
    note_raised("an item", lambda: run.config.__setitem__("a", 2))
    note_raised("an attribute", lambda: setattr(run.config, "a", 3))
    note_raised("an update", lambda: run.config.update({"a": 4, "fresh": 1}))
    note("a", run.config["a"])
    note("was the rest of the update taken", "fresh" in run.config)
    note_raised("the same value", lambda: run.config.update({"a": 1}))
    note_raised("the same number", lambda: run.config.update({"a": 1.0}))
    note("after the same number", run.config["a"])
    note_raised("with permission", lambda: run.config.update({"a": 5}, allow_val_change=True))
    note("after", run.config["a"])
    note_raised("a nested one", lambda: run.config.update({"n": {"x": 9}}, allow_val_change=True))
    note("nested", run.config["n"])
    note_raised("inside", lambda: run.config["n"].update({"z": 3}))


@scene
def true_for_one() -> None:
    run = start("true_for_one", config={"a": 1})
    note_raised("true for one", lambda: run.config.update({"a": True}))


@scene
def changing_at_init() -> None:
    run = start("changing_at_init", config={"a": 1}, allow_val_change=True)
    note_raised("an update", lambda: run.config.update({"a": 2}))


@scene
def setting_defaults() -> None:
    run = start("setting_defaults", config={"a": 1})
    run.config.setdefaults({"a": 9, "b": 2})
    note("a", run.config["a"])
    run.config.setdefaults(argparse.Namespace(b=7, c=3))


@scene
def arguments_of_a_program() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--layer-sizes", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--verbose", action="store_true")
    start("arguments_of_a_program", config=parser.parse_args(["--lr", "0.5"]))


@scene
def arguments_later() -> None:
    run = start("arguments_later")
    run.config.update(argparse.Namespace(a=1, b=None))


@scene
def flags_of_absl() -> None:
    flags = importlib.import_module("absl.flags")
    values = flags.FlagValues()
    flags.DEFINE_float("lr", 0.1, "", flag_values=values)
    flags.DEFINE_list("layers", ["a", "b"], "", flag_values=values)
    values(["program", "--lr=0.5"])
    run = start("flags_of_absl")
    note_raised("update", lambda: run.config.update(values))
    note("lr", run.config.get("lr"))


@scene
def a_dict_like() -> None:
    run = start("a_dict_like")
    note_raised("update", lambda: run.config.update(DictLike()))


@scene
def a_file_of_yaml() -> None:
    pathlib.Path("given.yaml").write_text("lr:\n  value: 0.25\n  desc: how fast\nlayers:\n  value: [1, 2]\n")
    run = start("a_file_of_yaml")
    note_raised("update", lambda: run.config.update("given.yaml"))
    note_raised("a file that is not there", lambda: run.config.update("nowhere.yaml"))


@scene
def a_file_given_to_init() -> None:
    pathlib.Path("init.yaml").write_text("a:\n  value: 1\nb:\n  value: {c: 2}\n")
    note_raised("init", lambda: start("a_file_given_to_init", config="init.yaml"))


@scene
def other_inputs() -> None:
    run = start("other_inputs")
    note_raised("a list", lambda: run.config.update([1]))
    note_raised("a number", lambda: run.config.update(5))
    note_raised("None", lambda: run.config.update(None))
    note_raised("nothing", run.config.update)
    note_raised("pairs", lambda: run.config.update([("a", 1)]))


@scene
def values() -> None:
    run = start("values")
    given: dict[str, Any] = {
        "none": None,
        "true": True,
        "integer": 3,
        "large integer": 1 << 70,
        "float": 0.1,
        "whole float": 2.0,
        "nan": math.nan,
        "inf": math.inf,
        "text": "käse",
        "list": [1, [2.5, None]],
        "tuple": (1, 2),
        "named tuple": Pair(1, 2),
        "range": range(3),
        "set of one": {1},
        "numpy float32": np.float32(0.1),
        "numpy int": np.int64(7),
        "numpy nan": np.float64("nan"),
        "array of one": np.array([5]),
        "array": np.arange(3),
        "enum": Colour.RED,
        "int enum": Level.HIGH,
        "enum in a list": [Colour.RED],
        "datetime": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "path": pathlib.PurePosixPath("a/b"),
        "decimal": decimal.Decimal("1.5"),
        "slice": slice(1, 5, 2),
        "function": math.sqrt,
        "class": Options,
        "dataclass": Options(),
        "dataclass in a dict": {"o": Inner(5)},
        "bytes": b"ab",
        "complex": 1 + 2j,
        "integer keys": {1: "one", None: "none"},
        "empty dict": {},
        "empty list": [],
    }
    for key, value in given.items():
        note_raised(key, lambda key=key, value=value: run.config.update({key: value}))  # type: ignore[misc]
    for key in ("nan", "numpy nan", "tuple", "enum", "set of one", "array", "slice", "whole float"):
        note(f"{key} as read", run.config.get(key))


@scene
def keys_of_any_kind() -> None:
    run = start("keys_of_any_kind")
    run.config.update({"--dashes": 1, "-one": 2, "trailing-": 3, "in-side": 4, "a.b": 5, "a": {"b": 6}, "a/b": 7})
    note("keys", sorted(run.config.keys()))
    note_raised("an integer", lambda: run.config.update({1: 2}))


@scene
def private_keys() -> None:
    run = start("private_keys", config={"_private": 1, "open": 2})
    note("keys", sorted(run.config.keys()))
    note("in", "_private" in run.config)
    note("item", run.config["_private"])
    note("as_dict", sorted(run.config.as_dict()))


@scene
def missing_keys() -> None:
    run = start("missing_keys")
    note_raised("item", lambda: run.config["nowhere"])
    note_raised("attribute", lambda: run.config.nowhere)
    note("hasattr", hasattr(run.config, "nowhere"))


@scene
def locked_keys() -> None:
    run = start("locked_keys", config={"lr": 1, "net": {"h": 7, "z": 1}})
    note_raised("update_locked", lambda: run.config.update_locked({"lr": 0.5}, user="sweep", _allow_val_change=True))
    note_raised("a locked key", lambda: setattr(run.config, "lr", 5))
    run.config.update({"lr": 6, "other": 1}, allow_val_change=True)
    locked = {"net": {"h": 0}}
    note_raised("merge_locked", lambda: run.config.merge_locked(locked, user="sweep", _allow_val_change=True))
    note_raised("a merged key", lambda: run.config.update({"net": {"h": 9}}))
    note("config", dict(run.config))


@scene
def choosing_keys() -> None:
    given = {"a": 1, "b": 2}
    note_raised("without", lambda: start("choosing_keys.without", config=given, config_exclude_keys=["a"]))
    if wandb.run is not None:
        wandb.finish()
    note_raised("only", lambda: start("choosing_keys.only", config=given, config_include_keys=["a"]))


@scene
def hyperparameter_search_reads_the_items() -> None:
    run = start("hyperparameter_search_reads_the_items", config={"a": 1})
    note("items", {key: value for key, value in vars(run.config)["_items"].items() if key != "_wandb"})


@scene
def persisting() -> None:
    run = start("persisting", config={"a": [1]})
    run.config["a"].append(2)
    note_raised("persist", operator.methodcaller("persist"), run.config)


@scene
def before_init() -> None:
    note_raised("reading", lambda: wandb.config["a"])
    note_raised("setting", lambda: setattr(wandb.config, "a", 1))


@scene
def after_the_end() -> None:
    run = start("after_the_end", config={"a": 1})
    run.finish()
    note("a", run.config["a"])
    note_raised("setting", lambda: run.config.update({"b": 1}))


@scene_alone
def defaults_of_a_file() -> None:
    pathlib.Path("config-defaults.yaml").write_text("lr:\n  value: 0.25\n  desc: how fast\nkept:\n  value: 1\n")
    start("defaults_of_a_file", config={"lr": 0.5})
    wandb.finish()
    pathlib.Path("config-defaults.yaml").unlink()
