"""define_metric(): globs, step metrics, summaries, merging and overwriting (WANDB_SEMANTICS 1.2)."""

import math
from typing import Any

from tests.differential.stage import note, note_raised, scene, start, wandb


def summarised(run_id: str, values: list[Any], **definition: Any) -> None:
    """One metric with a definition, logged value by value, beside one that is not defined."""
    run = start(run_id)
    run.define_metric("v", **definition)
    for value in values:
        run.log({"v": value, "other": value})
    note("summary", run.summary)


@scene
def every_summary() -> None:
    summarised("every_summary", [3, 1.5, 2], summary="min,max,mean,last,first")


@scene
def one_summary_is_a_dict_too() -> None:
    run = start("one_summary_is_a_dict_too")
    run.define_metric("low", summary="min")
    run.define_metric("high", summary="max")
    for value in (3.5, 1.5, 2.5):
        run.log({"low": value, "high": value})
    note("the least", run.summary["low"]["min"])
    note("the greatest", run.summary["high"]["max"])


@scene
def no_summary() -> None:
    summarised("no_summary", [3, 1], summary="none")


@scene
def copy_is_the_default() -> None:
    summarised("copy_is_the_default", [3, 1], summary="copy")


@scene
def letters_of_any_case() -> None:
    summarised("letters_of_any_case", [3, 1], summary="MIN,Max")


@scene
def summaries_of_texts() -> None:
    summarised("summaries_of_texts", ["a", 2, "b", 1.5, "c"], summary="min,max,mean,last,first")


@scene
def summaries_of_texts_alone() -> None:
    summarised("summaries_of_texts_alone", ["a", "b"], summary="min,max,last,first")


@scene
def mean_of_texts_alone() -> None:
    summarised("mean_of_texts_alone", ["a", "b"], summary="mean")


@scene
def summaries_of_booleans() -> None:
    summarised("summaries_of_booleans", [True, False, True], summary="min,max,mean,last,first")


@scene
def summaries_with_nan() -> None:
    summarised("summaries_with_nan", [2.5, math.nan, 1.5], summary="min,max,mean,last,first")


@scene
def summaries_with_infinities() -> None:
    summarised("summaries_with_infinities", [2.5, math.inf, 1.5, -math.inf], summary="min,max,last,first")


@scene
def summaries_with_none() -> None:
    summarised("summaries_with_none", [2.5, None, 1.5, None], summary="min,max,mean,last,first")


@scene
def summaries_of_large_integers() -> None:
    summarised("summaries_of_large_integers", [(1 << 53) + 1, 5], summary="min,max,last,first")


@scene
def summaries_of_lists() -> None:
    summarised("summaries_of_lists", [[1, 2], [3]], summary="last,first")


@scene
def a_summary_set_by_hand_ends_the_tracking() -> None:
    run = start("a_summary_set_by_hand_ends_the_tracking")
    run.define_metric("v", summary="min,max,mean,last,first")
    run.log({"v": 3})
    run.log({"v": 1})
    note("tracked", run.summary["v"])
    run.summary["v"] = 42
    note("set", run.summary["v"])
    run.log({"v": 5})
    note("after", run.summary["v"])


@scene
def values_are_forwarded_to_their_step_metric() -> None:
    run = start("values_are_forwarded_to_their_step_metric")
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    run.log({"loss": 1.5})
    run.log({"val/acc": 0.5})
    run.log({"epoch": 3})
    run.log({"val/acc": 0.6, "loss": 2.5})
    run.log({"val/acc": 0.7, "epoch": 9})
    run.log({"val/x": {"y": 1}})


@scene
def nothing_is_forwarded_when_not_asked_for() -> None:
    run = start("nothing_is_forwarded_when_not_asked_for")
    run.define_metric("val/*", step_metric="epoch", step_sync=False)
    run.log({"epoch": 3})
    run.log({"val/acc": 0.6})


@scene
def a_step_metric_may_be_a_metric() -> None:
    run = start("a_step_metric_may_be_a_metric")
    epoch = run.define_metric("epoch")
    metric = run.define_metric("acc", step_metric=epoch)
    note("its name", metric.name)
    note("its step metric", metric.step_metric)
    run.log({"epoch": 1})
    run.log({"acc": 0.5})


@scene
def a_step_metric_of_texts() -> None:
    run = start("a_step_metric_of_texts")
    run.define_metric("acc", step_metric="epoch")
    run.log({"epoch": 4})
    run.log({"epoch": "five"})
    run.log({"acc": 0.5})
    run.log({"epoch": 6.5})
    run.log({"acc": 0.6})


@scene
def a_step_metric_with_dots() -> None:
    run = start("a_step_metric_with_dots")
    run.define_metric("acc", step_metric="train.epoch")
    run.log({"train": {"epoch": 4}})
    run.log({"acc": 0.5})


@scene
def a_metric_with_dots() -> None:
    run = start("a_metric_with_dots")
    run.define_metric("a.b", summary="max")
    run.log({"a": {"b": 3}})
    run.log({"a": {"b": 1}})


@scene
def a_metric_with_an_escaped_dot() -> None:
    run = start("a_metric_with_an_escaped_dot")
    run.define_metric(r"a\.b", summary="max")
    run.log({"a.b": 3})
    run.log({"a.b": 1})


@scene
def open_rows_get_their_step_metric_once() -> None:
    run = start("open_rows_get_their_step_metric_once")
    run.define_metric("acc", step_metric="epoch")
    run.log({"epoch": 7})
    run.log({"acc": 0.5}, commit=False)
    run.log({"epoch": 8})
    run.log({"acc": 0.6}, commit=False)
    run.log({"other": 1})


@scene
def a_glob_for_summaries() -> None:
    run = start("a_glob_for_summaries")
    run.define_metric("val/*", summary="min")
    run.define_metric("val/acc", summary="max")
    for value in (2, 3, 1):
        run.log({"val/acc": value, "val/loss": value, "value": value, "val": {"nested": value}})


@scene
def a_glob_for_everything() -> None:
    run = start("a_glob_for_everything")
    run.define_metric("*", step_metric="epoch", summary="max")
    run.log({"epoch": 1, "a": 5, "_private": 1})
    run.log({"a": 3, "b": {"c": 2}})
    run.log({"_private": 2})


@scene
def definitions_are_merged() -> None:
    run = start("definitions_are_merged")
    run.define_metric("v", summary="min")
    run.define_metric("v", summary="max")
    run.define_metric("v", step_metric="epoch")
    for value in (2, 3, 1):
        run.log({"v": value, "epoch": value})
    run.log({"v": 9})


@scene
def a_definition_is_overwritten() -> None:
    run = start("a_definition_is_overwritten")
    run.define_metric("v", summary="min", step_metric="epoch")
    run.define_metric("v", summary="max", overwrite=True)
    run.log({"epoch": 5})
    for value in (2, 3, 1):
        run.log({"v": value})


@scene
def a_definition_counts_for_later_rows() -> None:
    run = start("a_definition_counts_for_later_rows")
    run.log({"v": 1, "epoch": 4})
    run.log({"v": 9})
    run.define_metric("v", summary="min,max", step_metric="epoch")
    run.log({"v": 5})
    run.log({"v": 6})


@scene
def hidden_metrics_are_logged() -> None:
    run = start("hidden_metrics_are_logged")
    note("hidden", run.define_metric("v", hidden=True).hidden)
    run.log({"v": 1})


@scene
def definitions_that_are_wrong() -> None:
    run = start("definitions_that_are_wrong")
    note_raised("no name", lambda: run.define_metric(""))
    note_raised("a number as name", lambda: run.define_metric(1))
    note_raised("a glob at the front", lambda: run.define_metric("*x"))
    note_raised("a glob inside", lambda: run.define_metric("a*b"))
    note_raised("two globs", lambda: run.define_metric("a**"))
    note_raised("an unknown summary", lambda: run.define_metric("v", summary="median"))
    note_raised("a blank in the summary", lambda: run.define_metric("v", summary="min, max"))
    note_raised("a number as summary", lambda: run.define_metric("v", summary=1))
    note_raised("a number as step metric", lambda: run.define_metric("v", step_metric=1))
    note_raised("a text as step_sync", lambda: run.define_metric("v", step_metric="e", step_sync="yes"))
    note_raised("a text as hidden", lambda: run.define_metric("v", hidden="yes"))
    note_raised("a glob as step metric", lambda: run.define_metric("v", step_metric="e*"))
    note_raised("an underscore", lambda: run.define_metric("_v"))
    run.log({"v": 1})


@scene
def the_module_defines_for_the_current_run() -> None:
    note_raised("before init", lambda: wandb.define_metric("v"))
    start("the_module_defines_for_the_current_run")
    wandb.define_metric("v", summary="max")
    wandb.log({"v": 2})
    wandb.log({"v": 1})


@scene
def nested_values_are_summarised_leaf_by_leaf() -> None:
    run = start("nested_values_are_summarised_leaf_by_leaf")
    run.define_metric("x.*", summary="min")
    run.define_metric("y", summary="max")
    for value in (2, 3, 1):
        run.log({"x": {"a": value, "b": -value}, "y": {"c": value}})
