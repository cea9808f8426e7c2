"""Where settings come from and which come first; what a wrong one is answered."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import runwell
from runwell import _config, _init
from runwell._setting_fields import FIELDS
from runwell._settings import resolve
from tests.client.spool_reading import events, spools


def test_every_layer_comes_before_the_one_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runwell_dir: Path):
    """User's file, project's file, wandb's variable, ours, setup(), settings= and arguments, from low to high."""
    home, project = tmp_path / "config", tmp_path / "checkout"
    (home / "runwell").mkdir(parents=True)
    (project / "deep" / "er").mkdir(parents=True)
    (project / ".git").mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.chdir(project / "deep" / "er")

    def found(**arguments: Any) -> str | None:
        return resolve(arguments.pop("settings", None), arguments).project

    assert found() is None
    (home / "runwell" / "settings.toml").write_text('project = "user"\nfinish_timeout_s = 3\n')
    assert found() == "user"
    (tmp_path / "runwell.toml").write_text('project = "beyond the checkout"\n')
    assert found() == "user"
    (project / "runwell.toml").write_text('project = "file"\n')
    assert found() == "file"
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    assert found() == "theirs"
    monkeypatch.setenv("RUNWELL_PROJECT", "ours")
    assert found() == "ours"
    runwell.setup({"project": "setup"})
    try:
        assert found() == "setup"
        assert found(settings={"project": "given"}) == "given"
        assert found(settings=runwell.Settings(project="object")) == "object"
        assert found(settings={"project": "given"}, project="argument") == "argument"
        monkeypatch.setenv("WANDB_MODE", "offline")
        assert resolve(runwell.Settings(mode="online"), {}).mode == "online"
        assert resolve(runwell.Settings(), {}).mode == "offline"
        assert resolve(None, {}).finish_timeout_s == 3
    finally:
        runwell.setup()
    assert found() == "ours"


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"dir", "mode", "resume", "reinit"}))
def test_every_setting_has_a_variable(name: str, monkeypatch: pytest.MonkeyPatch):
    """Each is read from text, and ours comes before wandb's of the same meaning."""
    field = FIELDS[name]
    default = getattr(runwell.Settings(), name)
    expected: Any
    texts: dict[type, tuple[str, Any]] = {bool: ("false" if default else "true", not default), float: ("7", 7.0)}
    text, expected = texts.get(type(default), ("7", "7"))
    if name in ("run_tags", "config_paths", "prometheus_metrics"):
        text, expected = "a, b,", ["a", "b"]
    if name in ("spool_bytes_max", "agent_max_initial_failures", "sweep_trial"):
        expected = 7
    if name in ("durability", "when_full", "console"):
        text = expected = {"durability": "always", "when_full": "raise", "console": "off"}[name]
    for variable in field.variables:
        monkeypatch.delenv(variable, raising=False)
    for variable in reversed(field.variables):
        monkeypatch.setenv(variable, text)
        assert getattr(resolve(None, {}), name) == expected
        assert variable.startswith(("RUNWELL_", "WANDB_"))
    assert field.variables[0].startswith("RUNWELL_")


@pytest.mark.parametrize(
    ("variables", "mode"),
    [
        ({"WANDB_MODE": "dryrun"}, "offline"),
        ({"RUNWELL_MODE": "shared"}, "online"),
        ({"RUNWELL_MODE": "run"}, "online"),
        ({"WANDB_DISABLED": "true"}, "disabled"),
        ({"WANDB_DISABLED": "false"}, "online"),
        ({"WANDB_DISABLED": "true", "RUNWELL_MODE": "offline"}, "offline"),
    ],
)
def test_wandbs_modes_are_understood(variables: dict[str, str], mode: str, monkeypatch: pytest.MonkeyPatch):
    """Also its older names, and its variable for off."""
    for variable, text in variables.items():
        monkeypatch.setenv(variable, text)
    assert resolve(None, {}).mode == mode


def test_wandbs_places_are_not_taken_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Its directory gets a folder of ours; its own server is none of ours."""
    monkeypatch.delenv("RUNWELL_DIR")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_BASE_URL", "https://api.wandb.ai")
    monkeypatch.setenv("WANDB_DISABLE_GIT", "true")
    settings = resolve(None, {})
    assert (settings.dir, settings.base_url, settings.git) == (tmp_path / "runwell", None, False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"projct": "x"}, "did you mean 'project'"),
        ({"durabilty": "always"}, "did you mean 'durability'"),
        ({"project": 5}, "project must be a string, not 5"),
        ({"git": "no"}, "git must be True or False"),
        ({"run_tags": 3}, "a list of strings"),
        ({"finish_timeout_s": True}, "a number of seconds"),
        ({"resume": "perhaps"}, "must, allow, never, auto"),
        ({"reinit": 1}, "return_previous"),
        (["project"], "takes runwell.Settings or a dict"),
    ],
)
def test_a_wrong_setting_is_answered(settings: Any, words: str, runwell_dir: Path):
    """Unknown names get the nearest one, wrong values what is taken; nothing is made."""
    with pytest.raises(runwell.UsageError, match=words):
        runwell.init(mode="offline", settings=settings)
    assert not (runwell_dir / "spool").exists()


def test_a_wrong_variable_and_a_wrong_file_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """So that one knows where to look."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runwell.toml").write_text("projct = 1\n")
    with pytest.raises(runwell.UsageError, match=r"runwell\.toml \(did you mean 'project'"):
        resolve(None, {})
    (tmp_path / "runwell.toml").write_text("project =\n")
    with pytest.raises(runwell.UsageError, match=r"runwell\.toml cannot be read"):
        resolve(None, {})
    (tmp_path / "runwell.toml").unlink()
    monkeypatch.setenv("RUNWELL_FINISH_TIMEOUT_S", "soon")
    with pytest.raises(runwell.UsageError, match="RUNWELL_FINISH_TIMEOUT_S must be a number of seconds"):
        resolve(None, {})


def test_wandbs_settings_without_meaning_are_passed_over():
    """Scripts give them, and run."""
    settings = {
        "show_colors": False,
        "start_method": "thread",
        "x_primary": True,
        "_disable_meta": 1,
        "disable_git": True,
    }
    with runwell.init(mode="offline", settings=settings) as run:
        assert run.settings.git is False
    assert runwell.Settings(show_colors=False) == runwell.Settings()


def test_what_init_takes_may_be_settings(monkeypatch: pytest.MonkeyPatch):
    """Id, name, group, job type, notes, tags and resume, by variables; arguments come first."""
    for variable, text in {
        "WANDB_RUN_ID": "from-env", "RUNWELL_NAME": "n", "WANDB_RUN_GROUP": "g", "RUNWELL_JOB_TYPE": "j",
        "WANDB_NOTES": "text", "RUNWELL_TAGS": "a,b", "WANDB_RESUME": "allow", "WANDB_SWEEP_ID": "s1",
    }.items():  # fmt: skip
        monkeypatch.setenv(variable, text)
    with runwell.init(mode="offline") as run:
        assert (run.id, run.name, run.group, run.job_type) == ("from-env", "n", "g", "j")
        assert (run.notes, run.tags, run.sweep_id) == ("text", ("a", "b"), "s1")
        run.log({"a": 1})
    with runwell.init(mode="offline", name="other", tags="c") as run:
        assert (run.resumed, run.step, run.name, run.tags) == (True, 1, "other", ("c",))


def test_a_run_can_be_renamed(offline: runwell.Run, runwell_dir: Path, capsys: pytest.CaptureFixture[str]):
    """Name, notes and tags are set at any time and kept; a wrong tag is left out; other attributes name the nearest."""
    offline.name = "better"
    offline.notes = "why"
    offline.tags += ("x", "x")
    offline.tags += ("y" * 65, "z")
    with pytest.raises(AttributeError, match="did you mean 'tags'"):
        offline.tag = ("a",)  # type: ignore[attr-defined]
    with pytest.raises(runwell.UsageError, match="name must be a string"):
        offline.name = 5  # type: ignore[assignment]
    assert (offline.name, offline.notes, offline.tags) == ("better", "why", ("x", "z"))
    assert "must be a string of 1 to 64" in capsys.readouterr().err
    spool, run_id = offline.spool, offline.id
    offline.finish()
    assert spool is not None
    view = runwell.Api(spool=spool.parent.parent).run(run_id).view
    assert (view["name"], view["notes"], view["tags"]) == ("better", "why", ["x", "z"])
    with runwell.init(mode="offline", dir=spool.parent.parent, project="p", id=run_id, resume="must") as run:
        assert (run.name, run.notes, run.tags) == ("better", "why", ("x", "z"))


def test_status_counts_what_no_server_has(offline: runwell.Run):
    """Records written, pending, masked; and after the forwarder's note of an ack fewer are pending."""
    offline.log({"a": 1}, step=5)
    offline.log({"a": 1}, step=2)
    status = offline.status()
    assert status.sync_items_total == status.sync_items_pending > 2
    assert (status.masked, status.dropped, status.sync_time) == (1, 0, None)
    assert offline.spool is not None
    (offline.spool / "acked").write_text(json.dumps({"durable": 2, "time": 9.0}))
    assert offline.status().sync_items_pending == status.sync_items_total - 2
    assert offline.status().sync_time == 9.0


@pytest.mark.parametrize(("exit_code", "state"), [(0, "finished"), (1, "preempted"), (None, "preempted")])
def test_a_run_that_is_taken_away_is_preempted(exit_code: int | None, state: str, runwell_dir: Path):
    """mark_preempting(): whatever then ends without success did not fail."""
    run = runwell.init(mode="offline", id="p", project="p")
    runwell.mark_preempting()
    run.log({"a": 1})
    if exit_code is None:
        spool = run.spool
        data = (spool / "00000001.seg").read_bytes()  # type: ignore[operator]
        run.finish()
        (spool / "00000001.seg").write_bytes(data)  # type: ignore[operator]
    else:
        run.finish(exit_code)
    assert runwell.Api(spool=runwell_dir).run("p").state == state


def test_auto_resume_goes_on_until_it_ends_well(runwell_dir: Path, capsys: pytest.CaptureFixture[str]):
    """A run that failed is continued by the same script without an id; one that ended well is not."""
    with pytest.raises(ZeroDivisionError), runwell.init(mode="offline", resume="auto") as run:
        first = run.id
        run.log({"a": 1})
        _ = 1 / 0
    with runwell.init(mode="offline", resume=True, project=run.project) as run:
        assert (run.id, run.resumed, run.step) == (first, True, 1)
    with runwell.init(mode="offline", resume="auto") as run:
        assert run.id != first
    with runwell.init(mode="offline", resume="auto", project="another") as run:
        assert run.id != first
    with runwell.init(mode="offline", resume="auto", id="mine") as run:
        assert run.id == "mine"
    assert "an id are given" in capsys.readouterr().err


def test_auto_resume_leaves_a_living_process_alone(runwell_dir: Path):
    """Two of the same script at once are two runs."""
    with pytest.raises(KeyError), runwell.init(mode="offline", resume="auto") as run:
        raise KeyError
    (note,) = (runwell_dir / "resume").iterdir()
    said = json.loads(note.read_text())
    note.write_text(json.dumps({**said, "pid": 1}))
    with pytest.raises(KeyError), runwell.init(mode="offline", resume="auto") as other:
        assert other.id != run.id
        raise KeyError
    note.write_text("garbage")
    with runwell.init(mode="offline", resume="auto") as third:
        assert third.id not in (run.id, other.id)
    assert len(spools(runwell_dir)) == 3


def test_auto_resume_beside_an_open_run_begins_another(runwell_dir: Path):
    """The one that is open is not taken over by its own process, and stays the one to go on with."""
    with pytest.raises(KeyError), runwell.init(mode="offline", resume="auto") as run:
        with runwell.init(mode="offline", resume="auto", reinit="create_new") as beside:
            assert (beside.id != run.id, beside.resumed) == (True, False)
        raise KeyError
    with runwell.init(mode="offline", resume="auto") as again:
        assert (again.id, again.resumed) == (run.id, True)


def test_the_end_of_one_run_leaves_the_note_of_another(runwell_dir: Path):
    """What another process of the script noted meanwhile stays, and so does the parent's when a forked child ends."""
    run = runwell.init(mode="offline", resume="auto")
    (note,) = (runwell_dir / "resume").iterdir()
    pid = os.fork()
    if pid == 0:
        run.log({"a": 1})
        run.finish()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    said = json.loads(note.read_text())
    assert said["run_id"] == run.id
    note.write_text(json.dumps({**said, "run_id": "another"}))
    run.finish()
    assert json.loads(note.read_text())["run_id"] == "another"


def test_in_a_notebook_a_second_init_ends_the_first(monkeypatch: pytest.MonkeyPatch):
    """And config values may change: cells are run again, with other values."""
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    first = runwell.init(mode="offline", config={"lr": 1})
    first.config.lr = 2
    second = runwell.init(mode="offline")
    assert second is not first
    assert events(first.spool, "run_finished") == [{"exit_code": 0}]  # type: ignore[arg-type]
    second.finish()
    assert _init.in_notebook is _config.in_notebook


def test_addresses_of_a_run(runwell_dir: Path):
    """Run, project and sweep on the server; None where there is none."""
    settings = {"base_url": "http://127.0.0.1:9/", "sweep_id": "s 1", "finish_timeout_s": 0, "git": False}
    with runwell.init(project="p q", id="i", mode="offline", settings=settings) as run:
        assert (run.url, run.project_url, run.sweep_url, run.get_url()) == (None, None, None, None)
        assert run.project_name() == "p q"
    run = runwell.init(project="p q", id="i", mode="disabled", settings=settings)
    assert run.start_time > 1e9
    run.finish(quiet=True)
