"""Runs that people change afterwards: through the API and the command line, listed with who and when, and undone."""

import math
import os
from pathlib import Path

import pytest

import runwell
from runwell._api_errors import NotFoundError, RequestRefusedError
from runwell.cli import main
from tests.server import Server

RUN = "tester/edits/one"


@pytest.fixture
def made(server: Server, runwell_dir: Path) -> str:
    """A finished run on a server."""
    config = {"lr": 0.1, "net": {"width": 3, "depth": 2}, "a.b": 1}
    with runwell.init(project="edits", id="one", name="before", tags=["old"], config=config, dir=runwell_dir) as run:
        for step in range(10):
            run.log({"loss": 1 / (step + 1), "val": {"acc": step / 10, "f1": 0.5}})
        run.summary["best"] = 0.1
    return RUN


def test_everything_that_can_be_changed_is_changed_and_undone(made: str, server: Server):
    """All fields change by one event that survives the projector's death; undone, the run is what it was."""
    run = runwell.Api().run(made)
    before = run.view
    run.name, run.notes, run.group = "after", "*why*", "g"
    run.tags.append("new")
    run.config["lr"], run.config["none"] = 0.2, None
    run.config["net"]["width"] = 4
    del run.config["a.b"]
    run.summary["val"]["acc"] = math.nan
    run.summary["table"] = {"deep": {"er": 10**30}}
    del run.summary["best"]
    run.update()
    server.kill("projector")
    after = runwell.Api().run(made)
    assert (after.name, after.notes, after.group, after.tags) == ("after", "*why*", "g", ["old", "new"])
    assert after.config == {"lr": 0.2, "none": None, "net": {"width": 4, "depth": 2}}
    assert math.isnan(after.summary["val"]["acc"]) and after.summary["val"]["f1"] == 0.5
    assert after.summary["table"] == {"deep": {"er": 10**30}} and "best" not in after.summary
    (change,) = after.changes()
    assert change["by"].count("@") == 1 and change["time"] == after.view["edited_at"]
    assert change["changed"]["name"] == "after" and change["changed"]["config.a.b"] is None
    undone = after.undo()
    assert {**undone.view, "edited_at": None, "updated_at": 0} == {**before, "edited_at": None, "updated_at": 0}
    assert [change["undone"] for change in undone.changes()] == [True, False]
    redone = undone.undo(undone.changes()[1]["id"][:6])
    assert (redone.name, redone.config["lr"]) == ("after", 0.2)
    assert [change["undone"] for change in redone.changes()] == [False, True, False]


def test_an_undone_change_leaves_later_ones(made: str):
    """Of two changes the first is taken back alone; what the second said stays."""
    run = runwell.Api().run(made)
    run.summary.update({"loss": 5, "first": 1})
    run.summary.update({"loss": 6})
    run.undo(run.changes()[0]["id"])
    assert run.summary["loss"] == 6 and "first" not in run.summary
    assert run.undo().summary["loss"] == 0.1


def test_two_people_do_not_overwrite_each_other(made: str):
    """Who changes what somebody changed since it was read is refused and loses nothing; other keys are no conflict."""
    mine, theirs = runwell.Api().run(made), runwell.Api().run(made)
    theirs.config["lr"] = 0.5
    theirs.update()
    mine.config["net"]["depth"] = 9
    mine.update()
    late = runwell.Api().run(made)
    theirs.load().notes = "theirs"
    theirs.update()
    late.notes = "late"
    with pytest.raises(RequestRefusedError, match=r"notes was changed by .* since you read the run"):
        late.update()
    assert late.notes == "late"
    assert (late.load().notes, late.config["lr"], late.config["net"]["depth"]) == ("theirs", 0.5, 9)


def test_a_deleted_run_refuses_changes_until_it_is_restored(made: str):
    """Deleting hides it, editing says what to do, and restoring or undoing the deletion brings everything back."""
    run = runwell.Api().run(made)
    run.delete()
    assert len(runwell.Api().runs("edits")) == 0 and runwell.Api().run(made).deleted
    run.notes = "x"
    with pytest.raises(RequestRefusedError, match="deleted: restore it first"):
        run.update()
    assert not run.restore().deleted
    run.delete()
    assert not run.undo().deleted
    assert len(runwell.Api().runs("edits")) == 1 and len(run.history()) == 10


def test_what_no_run_can_have_is_refused(made: str):
    """Wrong keys, wrong types, too deep, too long and too large values: a clear error, and nothing is changed."""
    deep: list[object] = []
    for _ in range(40):
        deep = [deep]
    wrong = [
        ("summary", {"_step": 5}, "the last row's own"),
        ("summary", {"": 5}, "is empty"),
        ("config", {"k" * 600: 5}, "more than 512 bytes"),
        ("config", {5: 5}, "keys must be strings"),
        ("config", {"deep": deep}, "deeper|levels"),
        ("config", {"long": ["x" * 1000] * 2000}, "at most 1048576 bytes"),
        ("name", "x" * 501, "at most 500 characters"),
        ("tags", [5], "each tag must be a text"),
    ]
    for name, value, message in wrong:
        run = runwell.Api().run(made)
        setattr(run, name, {**getattr(run, name), **value} if isinstance(value, dict) else value)
        with pytest.raises(RequestRefusedError, match=message):
            run.update()
    with pytest.raises(RequestRefusedError, match="not exactly one change"):
        runwell.Api().run(made).undo()
    assert runwell.Api().run(made).changes() == []


def test_an_edit_that_is_sent_twice_is_one(made: str):
    """The same edit again, as a client sends it whose connection broke, changes nothing more and is answered as the first."""
    run = runwell.Api().run(made)
    content = {"notes": "once", "id": os.urandom(16).hex(), "seen": None}
    views = [run._server().send("PATCH", run._address(), content) for _ in range(2)]
    assert [view["notes"] for view in views] == ["once", "once"] and len(run.changes()) == 1


def test_spools_are_not_changed(runwell_dir: Path):
    """Without a server a change says where runs are changed."""
    runwell.init(project="edits", id="one", mode="offline", dir=runwell_dir).finish()
    run = runwell.Api(spool=runwell_dir).run(RUN)
    run.name = "x"
    with pytest.raises(RequestRefusedError, match="runwell sync"):
        run.update()


def test_the_command_line_changes_lists_and_undoes(made: str, capsys: pytest.CaptureFixture[str]):
    """Every kind of change, the list of them, undoing, deleting and undeleting, and errors with their exit status."""
    edit = ["edit", made, "--name", "n", "--notes", "", "--tag", "a", "--untag", "old", "--group", "g"]
    edit += ["--set-config", "net.width=7", "--set-config", "a.b=x", "--unset-config", "lr"]
    assert main([*edit, "--set-summary", "val.acc=NaN", "--unset-summary", "best"]) == 0
    run = runwell.Api().run(made)
    assert run.config == {"net": {"width": 7, "depth": 2}, "a.b": "x"} and run.tags == ["a"]
    assert math.isnan(run.summary["val.acc"])
    assert main(["edit", made, "--name", "n"]) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert main(["show", made, "--changes"]) == 0
    assert "config.lr=removed" in capsys.readouterr().out
    assert main(["undo", made]) == 0
    assert runwell.Api().run(made).name == "before"
    assert main(["rm", made]) == 0 and main(["undelete", made]) == 0
    assert main(["edit", made, "--untag", "never"]) == 2
    assert main(["edit", made, "--set-config", "lr"]) == 2
    assert main(["rm", "tester/edits/never"]) == 1
    with pytest.raises(NotFoundError):
        runwell.Api().run("tester/edits/never")
