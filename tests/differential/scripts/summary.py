"""summary: last values, what is set by hand, nesting and removal (WANDB_SEMANTICS 1.3)."""

import math
from typing import Any

import numpy as np

from tests.differential.stage import note, note_raised, plain, scene, start, wandb


@scene
def last_values() -> None:
    run = start("last_values")
    run.log({"a": 1, "b": 2.5})
    note("after a row", run.summary)
    run.log({"a": 3, "c": "text"})
    run.log({"a": None, "b": math.nan})
    note("at the end", run.summary)


@scene
def set_by_hand() -> None:
    run = start("set_by_hand")
    run.log({"a": 1})
    run.summary["a"] = 5
    note("set", run.summary["a"])
    run.summary.b = 6
    run.summary.update({"c": 7, "d": {"e": 8}})
    note("all", run.summary)
    run.log({"a": 2, "c": 9})
    note("a row wins", run.summary)


@scene
def set_before_any_row() -> None:
    run = start("set_before_any_row")
    run.summary["best"] = 0.5
    note("keys", sorted(run.summary.keys()))


@scene
def set_after_an_open_row() -> None:
    run = start("set_after_an_open_row")
    run.log({"a": 1}, commit=False)
    run.summary["a"] = 5


@scene
def nested() -> None:
    run = start("nested")
    run.summary["a"] = {"b": {"c": 1, "d": 2}}
    run.summary["a"]["b"]["c"] = 3
    run.summary["a"]["e"] = 4
    run.summary["f"] = {"g": 5}
    run.summary["f"].update({"h": 6, "i": {"j": 7}})


@scene
def reading_nested_values() -> None:
    run = start("reading_nested_values")
    run.summary["a"] = {"b": {"c": 1, "d": 2}}
    note("by item", run.summary["a"]["b"]["c"])
    note("by attribute", run.summary.a.b.d)
    note("a part", run.summary["a"]["b"])
    note("is a part a dict", isinstance(run.summary["a"], dict))
    note("get", [run.summary["a"]["b"].get("c"), run.summary["a"].get("nowhere")])
    run.log({"x": {"y": 1}})
    note("of a row", run.summary["x"]["y"])


@scene
def a_value_replaces_a_shape() -> None:
    run = start("a_value_replaces_a_shape")
    run.summary["a"] = {"b": 1, "c": 2}
    run.summary["a"] = {"d": 3}
    run.summary["x"] = {"y": 1}
    run.summary["x"] = 5
    run.summary["z"] = 5
    run.summary["z"] = {"y": 1}
    run.log({"q": {"r": 1}})
    run.summary["q"] = {"s": 2}
    run.log({"q": {"t": 3}})


@scene
def removed() -> None:
    run = start("removed")
    run.summary.update({"a": {"b": 1, "c": 2}, "d": 3, "e": 4})
    del run.summary["a"]["b"]
    del run.summary["d"]
    del run.summary.e
    note("left", run.summary)
    run.log({"logged": 1, "again": 1})
    del run.summary["logged"]
    del run.summary["again"]
    run.log({"again": 2})
    note_raised("what is not there", lambda: run.summary.__delitem__("nowhere"))
    note("at the end", run.summary)


@scene
def reading() -> None:
    run = start("reading")
    run.log({"a": 1, "x": {"y": 2}})
    note("get", run.summary.get("a"))
    note("get of what is not there", run.summary.get("nowhere"))
    note("get with a default", run.summary.get("nowhere", 7))
    note("keys", [key for key in sorted(run.summary.keys()) if not key.startswith("_")])
    note("dict", [key for key in sorted(dict(run.summary)) if not key.startswith("_")])
    note("contains", ["a" in run.summary.keys(), "b" in run.summary.keys()])  # noqa: SIM118
    note_raised("an item that is not there", lambda: run.summary["nowhere"])
    note_raised("an attribute that is not there", lambda: run.summary.nowhere)
    note("a step", run.summary.get("_step"))


@scene
def kinds_of_values() -> None:
    run = start("kinds_of_values")
    values: dict[str, Any] = {
        "integer": 3,
        "float": 2.5,
        "text": "text",
        "true": True,
        "none": None,
        "nan": math.nan,
        "inf": math.inf,
        "list": [1, 2.5, None],
        "tuple": (1, 2),
        "numpy": np.float32(0.1),
        "array": np.arange(4),
        "empty": {},
        "nested nan": {"a": math.nan},
    }
    for key, value in values.items():
        note_raised(f"setting {key}", lambda key=key, value=value: run.summary.update({key: value}))  # type: ignore[misc]
    for key in ("integer", "float", "text", "true", "list", "numpy", "array", "nan"):
        note(key, plain(run.summary.get(key)))
    note_raised("an object", lambda: run.summary.update({"object": object()}))


@scene
def a_large_array() -> None:
    run = start("a_large_array")
    run.summary["weights"] = np.linspace(0, 1, 101)


@scene
def keys_of_other_kinds() -> None:
    run = start("keys_of_other_kinds")
    run.summary["with.dot"] = 1
    run.summary["with"] = {"dot": 2}
    run.summary["with/slash"] = 3
    note_raised("an integer", lambda: run.summary.update({1: 2}))


@scene
def update_by_name() -> None:
    run = start("update_by_name")
    note_raised("names", lambda: run.summary.update(a=1))
    note_raised("nothing", run.summary.update)
    note_raised("pairs", lambda: run.summary.update([("a", 1)]))


@scene
def the_module_has_the_summary() -> None:
    note_raised("before init", lambda: wandb.summary["a"])
    start("the_module_has_the_summary")
    wandb.summary["a"] = 1
    wandb.run.summary["b"] = 2
    wandb.summary.update({"c": 3})
    note("is the run's", wandb.summary["b"])


@scene
def after_the_end() -> None:
    run = start("after_the_end")
    run.log({"a": 1})
    run.finish()
    note("summary", run.summary)
    note_raised("setting", lambda: run.summary.update({"b": 1}))
