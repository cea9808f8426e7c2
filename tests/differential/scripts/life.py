"""init, settings, resume, finish, the ends of a process, and the rest of a run (WANDB_SEMANTICS 1.5, 1.6, 1.7, 1.12)."""

import atexit
import operator
import os
import pickle
import re
import signal
import sys
from typing import Any

from tests.differential.stage import note, note_raised, scene, scene_alone, start, wandb


@scene
def everything_given() -> None:
    run = start(
        "everything_given",
        name="a name",
        notes="some notes",
        tags=["b", "a", "b"],
        group="a group",
        job_type="train",
        config={"a": 1},
    )
    for what in ("id", "name", "notes", "group", "job_type", "project", "tags", "resumed", "starting_step", "step"):
        note(what, getattr(run, what))
    note("offline", run.offline)
    note("disabled", run.disabled)
    note("url", run.url)


@scene
def nothing_given() -> None:
    run = wandb.init()
    note("the form of an id", bool(re.fullmatch("[0-9a-z]{8}", run.id)))
    note("project", run.project)
    for what in ("notes", "group", "job_type", "tags"):
        note(what, getattr(run, what))
    run.finish()


@scene
def texts_set_later() -> None:
    run = start("texts_set_later", tags=["a"])
    note_raised("setting the name", lambda: setattr(run, "name", "another name"))
    note_raised("setting the notes", lambda: setattr(run, "notes", "other notes"))
    note_raised("setting the tags", lambda: setattr(run, "tags", [*run.tags, "b"]))
    note("tags", run.tags)
    note("name", run.name)
    note("notes", run.notes)


@scene
def ids() -> None:
    for run_id in ("a/b", "a:b", "a;b", "a,b", "a#b", "a?b", "a'b", " a", "a ", ""):
        note_raised(f"id {run_id[:5]!r}", lambda run_id=run_id: start(run_id))  # type: ignore[misc]
        if wandb.run is not None:
            wandb.finish()
    start("ids.with-dots.and_more")


@scene
def project_names() -> None:
    for project in ("a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "x" * 129):
        note_raised(f"project {project[:5]!r}", lambda project=project: start("project_names.bad", project=project))  # type: ignore[misc]
        if wandb.run is not None:
            wandb.finish()
    start("project_names", project="with blanks and.dots-_")


@scene
def tags() -> None:
    note_raised("an empty tag", lambda: start("tags.empty", tags=[""]))
    note_raised("a long tag", lambda: start("tags.long", tags=["x" * 65]))
    note_raised("a tag of 64", lambda: start("tags.most", tags=["x" * 64]))
    if wandb.run is not None:
        wandb.finish()
    note_raised("one text", lambda: start("tags.text", tags="one"))


@scene
def a_second_init_returns_the_first() -> None:
    first = start("a_second_init_returns_the_first")
    second = start("a_second_init_returns_the_first.other")
    note("is the first", second is first)
    note("id", second.id)
    note("is it so with a flag", start("a_second_init_returns_the_first.flag", reinit=False) is first)
    note("is it so by name", start("a_second_init_returns_the_first.name", reinit="return_previous") is first)
    second.log({"a": 1})


@scene
def a_second_init_finishes_the_first() -> None:
    first = start("a_second_init_finishes_the_first")
    second = start("a_second_init_finishes_the_first.second", reinit=True)
    note("is another", second is not first)
    note("is the current", wandb.run is second)
    note_raised("log of the first", lambda: first.log({"a": 1}))
    wandb.log({"b": 1})
    start("a_second_init_finishes_the_first.third", reinit="finish_previous")
    wandb.log({"c": 1})


@scene
def a_second_run_beside_the_first() -> None:
    first = start("a_second_run_beside_the_first")
    second = start("a_second_run_beside_the_first.second", reinit="create_new")
    note("is the current still the first", wandb.run is first)
    second.log({"b": 1})
    wandb.log({"a": 1})
    second.finish()
    note("is the current still the first after the end", wandb.run is first)
    wandb.log({"a": 2})


@scene
def the_same_id_beside_itself() -> None:
    start("the_same_id_beside_itself")
    note_raised("again", lambda: start("the_same_id_beside_itself", reinit="create_new"))


@scene
def must_with_another_run_open() -> None:
    start("must_with_another_run_open")
    note_raised("must", lambda: start("must_with_another_run_open.other", resume="must"))


@scene
def wrong_arguments() -> None:
    note_raised("mode", lambda: start("wrong_arguments.mode", mode="sometimes"))
    note_raised("resume", lambda: start("wrong_arguments.resume", resume="perhaps"))
    note_raised("reinit", lambda: start("wrong_arguments.reinit", reinit="perhaps"))
    note_raised("an argument that is none", lambda: start("wrong_arguments.none", colour="red"))
    note_raised("a setting that is none", lambda: start("wrong_arguments.setting", settings={"colour": "red"}))
    note_raised("an attribute of the run", lambda: setattr(start("wrong_arguments.run"), "tag", "x"))


@scene
def a_disabled_run() -> None:
    run = start("a_disabled_run", mode="disabled", config={"a": 1})
    run.log({"v": 1})
    run.log({"v": 2}, step=7)
    run.summary["s"] = 3
    note("is the current", wandb.run is run)
    note("config", run.config["a"])
    note("summary", [run.summary["v"], run.summary["s"]])
    note("step", run.step)
    note("url", run.url)
    note("disabled", run.disabled)
    note_raised("alert", lambda: run.alert("title", "text"))
    run.finish()
    note("current after finish", wandb.run)


@scene
def old_names_of_modes() -> None:
    note_raised("dryrun", lambda: start("old_names_of_modes", mode="dryrun"))
    if wandb.run is not None:
        note("offline", wandb.run.offline)


@scene
def a_context() -> None:
    with start("a_context") as run:
        run.log({"a": 1}, commit=False)
    note("current after", wandb.run)


@scene
def a_context_with_an_error() -> None:
    def fail() -> None:
        with start("a_context_with_an_error") as run:
            run.log({"a": 1})
            raise ValueError("on purpose")

    note_raised("goes on", fail)
    note("current after", wandb.run)


@scene
def exit_codes() -> None:
    for name, code in (("absent", None), ("zero", 0), ("five", 5), ("minus", -1), ("large", 300)):
        start(f"exit_codes.{name}")
        wandb.finish(exit_code=code)


@scene
def finishing_twice() -> None:
    run = start("finishing_twice")
    run.log({"a": 1})
    run.finish(exit_code=3)
    run.finish()
    wandb.finish()
    note_raised("log", lambda: run.log({"a": 2}))
    note_raised("config", lambda: run.config.update({"b": 1}))
    note("id", run.id)


@scene
def calls_that_many_scripts_make() -> None:
    run = start("calls_that_many_scripts_make")
    note_raised("alert", lambda: run.alert("title", "text"))
    note_raised("alert with a level", lambda: run.alert("title", "text", level="WARN", wait_duration=60))
    note_raised("alert with a level of the module", lambda: wandb.alert("title", "text", level=wandb.AlertLevel.ERROR))
    note_raised("alert with a level that is none", lambda: run.alert("title", "text", level="LOUD"))
    note_raised("mark_preempting", operator.methodcaller("mark_preempting"), run)
    note_raised("_label", lambda: run._label(code="test"))
    note_raised("status", operator.methodcaller("status"), run)
    note_raised("sweep_id", lambda: run.sweep_id)
    note_raised("pickle", lambda: pickle.loads(pickle.dumps(run)))
    run.log({"a": 1})


@scene
def directories() -> None:
    run = start("directories")
    note("dir is there", os.path.isdir(run.dir))
    note("dir ends in", os.path.basename(run.dir))


@scene
def resuming_without_a_past() -> None:
    run = start("resuming_without_a_past", resume="allow")
    note("resumed", run.resumed)
    note("starting step", run.starting_step)
    run.log({"a": 1})


@scene
def resuming_offline() -> None:
    start("resuming_offline", config={"a": 1})
    wandb.log({"v": 1})
    wandb.log({"v": 2})
    wandb.finish()
    note_raised("again", lambda: start("resuming_offline", resume="allow", config={"b": 2}))
    note("resumed", wandb.run.resumed)
    note("step", wandb.run.step)
    wandb.log({"v": 3})


@scene
def settings_object() -> None:
    run = start("settings_object", project=None, settings=wandb.Settings(project="by settings"))
    note("project", run.project)


@scene
def settings_dict() -> None:
    run = start("settings_dict", settings={"project": "by settings"})
    note("project", run.project)


@scene_alone
def settings_by_environment() -> None:
    variables = {
        "PROJECT": "by environment",
        "NAME": "a name",
        "NOTES": "some notes",
        "TAGS": "a,b",
        "RUN_GROUP": "a group",
        "JOB_TYPE": "train",
        "RUN_ID": "settings_by_environment",
    }
    os.environ.update({f"WANDB_{name}": value for name, value in variables.items()})
    run = wandb.init()
    note("id", run.id == "settings_by_environment")
    for what in ("project", "name", "notes", "tags", "group", "job_type"):
        note(what, getattr(run, what))
    run.finish()


@scene_alone
def arguments_win_over_the_environment() -> None:
    os.environ.update(
        {"WANDB_PROJECT": "by environment", "WANDB_NAME": "by environment", "WANDB_TAGS": "by,environment"}
    )
    run = start("arguments_win_over_the_environment", name="by argument", tags=["argument"])
    note("project", run.project)
    note("name", run.name)
    note("tags", run.tags)


@scene_alone
def disabled_by_environment() -> None:
    os.environ["WANDB_MODE"] = "disabled"
    run = start("disabled_by_environment")
    note("disabled", run.disabled)
    run.log({"a": 1})


def open_run(run_id: str, **arguments: Any) -> Any:
    """A run with a row that is written and one that is open."""
    run = start(run_id, **arguments)
    run.log({"a": 1})
    run.log({"b": 2}, commit=False)
    return run


@scene_alone
def the_program_ends() -> None:
    open_run("the_program_ends")


@scene_alone
def an_exception_is_not_caught() -> None:
    open_run("an_exception_is_not_caught")
    raise ValueError("on purpose")


@scene_alone
def sys_exit_with_a_code() -> None:
    open_run("sys_exit_with_a_code")
    sys.exit(7)


@scene_alone
def sys_exit_without_a_code() -> None:
    open_run("sys_exit_without_a_code")
    sys.exit()


@scene_alone
def sys_exit_with_a_text() -> None:
    open_run("sys_exit_with_a_text")
    sys.exit("on purpose")


@scene_alone
def a_keyboard_interrupt() -> None:
    open_run("a_keyboard_interrupt")
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()


@scene_alone
def a_keyboard_interrupt_that_is_caught() -> None:
    open_run("a_keyboard_interrupt_that_is_caught")
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    except KeyboardInterrupt:
        note("caught", True)


@scene_alone
def an_exception_after_the_end() -> None:
    run = open_run("an_exception_after_the_end")
    run.finish()
    raise ValueError("on purpose")


@scene_alone
def an_own_hook_is_called() -> None:
    before = sys.excepthook

    def hook(*arguments: Any) -> None:
        note("hook", True)
        before(*arguments)

    sys.excepthook = hook
    open_run("an_own_hook_is_called")
    raise ValueError("on purpose")


@scene_alone
def logging_while_the_program_ends() -> None:
    run = start("logging_while_the_program_ends")
    atexit.register(run.log, {"last": 1})
    run.log({"a": 1})


@scene_alone
def two_runs_are_open_at_the_end() -> None:
    open_run("two_runs_are_open_at_the_end")
    open_run("two_runs_are_open_at_the_end.second", reinit="create_new")
    sys.exit(4)
