"""log(): steps, commits, merges, and calls that are wrong (WANDB_SEMANTICS 1.1)."""

from typing import Any

import numpy as np

from tests.differential.stage import note, note_raised, scene, start, wandb


@scene
def two_drops() -> None:
    run = start("two_drops")
    run.log({"n": 1})
    run.log({"n": 11}, commit=False)
    note("step after an uncommitted row", run.step)
    run.log({"n": 2}, step=100)
    note("step after a row with step", run.step)
    run.log({"n": 3}, step=100)
    run.log({"n": 8}, step=101)
    run.log({"n": 5}, step=102)
    run.log({"cool": 2}, step=2)
    run.log({"cool": 2}, step=4)
    note("step after rows that came late", run.step)


@scene
def a_plain_row_joins_an_open_step() -> None:
    run = start("a_plain_row_joins_an_open_step")
    run.log({"a": 1, "kept": True}, step=3)
    run.log({"a": 2})
    run.log({"a": 3}, step=3)
    run.log({"a": 4})
    note("step", run.step)


@scene
def empty_rows_are_rows() -> None:
    run = start("empty_rows_are_rows")
    run.log({})
    run.log({}, commit=True)
    run.log({"a": 1})
    run.log({}, step=10)


@scene
def an_empty_row_commits_what_is_open() -> None:
    run = start("an_empty_row_commits_what_is_open")
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    run.log({}, commit=True)
    run.log({"c": 3})
    run.log({"d": 4}, commit=False)
    run.log({})
    note("step", run.step)


@scene
def what_is_open_is_written_by_finish() -> None:
    run = start("what_is_open_is_written_by_finish")
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    note("summary before the row is written", run.summary)
    note("step", run.step)


@scene
def a_commit_closes_its_step() -> None:
    run = start("a_commit_closes_its_step")
    run.log({"a": 1}, step=5, commit=True)
    note("step", run.step)
    run.log({"b": 1}, step=5)
    run.log({"c": 1}, step=5, commit=True)
    run.log({"d": 1})
    run.log({"e": 1}, step=9, commit=False)
    run.log({"f": 1}, step=9, commit=True)
    run.log({"g": 1}, step=10, commit=True)
    run.log({"h": 1}, step=10, commit=True)
    note("step at the end", run.step)


@scene
def steps_of_other_kinds() -> None:
    run = start("steps_of_other_kinds")
    run.log({"a": 1}, step=np.int64(3))
    run.log({"b": 1}, step=np.uint8(4))
    run.log({"c": 1}, step=None)
    note("step", run.step)
    run.log({"d": 1}, step=1 << 40)
    note_raised("a float", lambda: run.log({"x": 1}, step=1.7))
    note_raised("a whole float", lambda: run.log({"x": 1}, step=2.0))
    note_raised("a text", lambda: run.log({"x": 1}, step="7"))
    note_raised("numpy's float", lambda: run.log({"x": 1}, step=np.float64(3)))
    note_raised("an array of one", lambda: run.log({"x": 1}, step=np.array(1 << 41)))
    note("step after calls that were wrong", run.step)


@scene
def true_is_a_step() -> None:
    run = start("true_is_a_step")
    run.log({"a": 1}, step=True)
    note("step", run.step)


@scene
def negative_steps() -> None:
    run = start("negative_steps")
    run.log({"a": 1}, step=-1)
    note("step", run.step)
    run.log({"a": 2})
    run.log({"a": 3}, step=-5, commit=True)
    run.log({"a": 4})


@scene
def step_zero_is_open_at_first() -> None:
    run = start("step_zero_is_open_at_first")
    run.log({"a": 1}, step=0)
    run.log({"b": 1}, step=0)
    run.log({"c": 1})
    run.log({"late": 1}, step=0)


@scene
def shapes_of_a_key_may_differ() -> None:
    run = start("shapes_of_a_key_may_differ")
    run.log({"x": {"a": 1}})
    run.log({"x": 5})
    run.log({"x": {"b": 2}})


@scene
def shapes_differ_within_a_row() -> None:
    run = start("shapes_differ_within_a_row")
    run.log({"x": 5}, step=0)
    run.log({"x": {"a": 1}}, step=0)
    run.log({"y": {"a": 1, "b": 2}}, step=1)
    run.log({"y": 5}, step=1)


@scene
def nested_values_merge_leaf_by_leaf() -> None:
    run = start("nested_values_merge_leaf_by_leaf")
    run.log({"x": {"a": 1, "b": {"c": 2}}}, commit=False)
    run.log({"x": {"b": {"d": 3}}, "y": 4}, commit=False)
    run.log({"x": {"a": 7}})
    run.log({"x": {"b": {}}})
    run.log({"empty": {}})
    run.log({"deep": {"a": {"b": {"c": {"d": 1}}}}})


@scene
def dots_and_slashes() -> None:
    run = start("dots_and_slashes")
    run.log({"literal.dot": 1})
    run.log({"nested": {"dot": 2}})
    run.log({"train/loss": 3, "a//b": 4, "/c": 5, ".d": 6, "e.": 7, "": 8, " ": 9})


@scene
def keys_of_inner_dicts() -> None:
    run = start("keys_of_inner_dicts")
    run.log({"x": {1: "one", 2.5: "a float"}})
    run.log({"x": {None: "none"}})
    run.log({"x": {True: "true", False: "false"}})
    run.log({"x": {"deep": {7: {8: "seven, eight"}}}})
    note_raised("a tuple", lambda: run.log({"x": {(1, 2): "a tuple"}}))
    note_raised("in a list", lambda: run.log({"listed": [{1: "one", None: "none", False: "false"}]}))
    run.log({"after": 1})


@scene
def keys_that_are_our_own() -> None:
    run = start("keys_that_are_our_own")
    run.log({"_step": 77, "_timestamp": 123.0, "_private": 1})
    run.log({"_runtime": 5.5, "a": 1})
    run.log({"_step": 3})
    note("step", run.step)


@scene
def odd_texts_as_keys() -> None:
    run = start("odd_texts_as_keys")
    run.log({"käse": 1, "\U0001f9c0": 2, "tab\t": 3, "new\nline": 4, "nul\0": 5, 'quote"': 6, "back\\slash": 7})


@scene
def calls_that_are_wrong() -> None:
    run = start("calls_that_are_wrong")
    note_raised("a list", lambda: run.log([1]))
    note_raised("a number", lambda: run.log(1))
    note_raised("pairs", lambda: run.log([("a", 1)]))
    note_raised("an integer as key", lambda: run.log({1: 2}))
    note_raised("None as key", lambda: run.log({None: 2}))
    note_raised("a tuple as key", lambda: run.log({("a", "b"): 2}))
    note_raised("no argument", run.log)
    note_raised("None", lambda: run.log(None))
    note_raised("an object", lambda: run.log({"fine": 1, "bad": object()}))
    note("step", run.step)
    run.log({"a": 1})
    note("step after a row", run.step)


@scene
def arguments_by_name() -> None:
    run = start("arguments_by_name")
    run.log(data={"a": 1}, step=2, commit=True)
    run.log({"a": 2}, 5)
    run.log({"a": 3}, None, False)
    run.log({"a": 4}, 7, True)


@scene
def the_module_is_the_current_run() -> None:
    note_raised("log before init", lambda: wandb.log({"a": 1}))
    note("run before init", wandb.run)
    run = start("the_module_is_the_current_run")
    note("run is the one of init", wandb.run is run)
    wandb.log({"a": 1})
    wandb.log({"a": 2}, step=4)
    note("step", wandb.run.step)
    wandb.finish()
    note("run after finish", wandb.run)
    note_raised("log of the module after finish", lambda: wandb.log({"a": 3}))
    note_raised("log of the run after finish", lambda: run.log({"a": 3}))


@scene
def the_given_dict_is_not_changed() -> None:
    run = start("the_given_dict_is_not_changed")
    given: Any = {"a": np.float32(0.5), "x": {"y": np.arange(3)}, "_step": 9}
    run.log(given)
    note("its types", [type(given["a"]).__name__, type(given["x"]["y"]).__name__, given["_step"]])
    given["a"] = np.float32(99)
    growing = {"b": 1}
    run.log(growing, commit=False)
    growing["c"] = 2
    run.log({"d": 3})


@scene
def many_rows() -> None:
    run = start("many_rows")
    for number in range(500):
        run.log({"loss": 1 / (number + 1), "half": number / 2, "count": number})
        if number % 7 == 0:
            run.log({"seventh": number}, commit=False)
    note("step", run.step)
